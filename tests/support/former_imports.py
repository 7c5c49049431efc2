"""Imports and drafts as version 0006 stored them: among the replies, by key prefixes."""

import hashlib
import json
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from tests.support import server
from tests.support.former import CUSTOMERS
from tests.support.server import LINE

PERSON = f"user:{server.EMAIL}"
TOKEN = "token:crm"
DONE_BEFORE = ("HS-2026-00000000", "HS-2026-00000003")
"""The licences of the batch that each of these jobs had issued: two lines of five."""
HEADER = "customer,product,host,days"
DRAFT = "bm90LWEtc2VjcmV0"
FIELDS = {"customer": "上海数据 有限公司", "days": "30"}


class FormerJob(NamedTuple):
    """An uploaded CSV file, and how far its import job had got."""

    days: int
    status: int
    progress: dict[str, Any]

    @property
    def content(self) -> bytes:
        """The sheet."""
        return sheet(self.days)

    @property
    def id(self) -> str:
        """The id of the job and of its CSV file."""
        return hashlib.sha256(self.content).hexdigest()[:32]


def sheet(days: int) -> bytes:
    """A CSV file of five rows: the first for so many *days*, each next for one more."""
    host = '"' + LINE.replace('"', '""') + '"'
    lines = "".join(f"{CUSTOMERS[0]},darwin,{host},{days + more}\n" for more in range(5))
    return f"{HEADER}\n{lines}".encode()


def progress(done: int, **more: Any) -> dict[str, Any]:
    """The progress of a job, as version 0006 stored it."""
    began: dict[str, Any] = {"lines": 5, "done": done, "issued": done, "wrong": 0}
    began |= {"numbers": list(DONE_BEFORE) if done else [], "left_out": []}
    began |= {"problem": None, "detail": None, "rules": {"darwin": "none"}, "waits": False}
    return began | more


RUNNING = FormerJob(10, 202, progress(2))
DONE = FormerJob(20, 200, progress(5))
WAITING = FormerJob(30, 202, progress(0, waits=True))
STOPPED = FormerJob(40, 202, progress(2, problem="not-permitted", detail="No more."))
JOBS = (RUNNING, DONE, WAITING, STOPPED)
BY_API = sheet(50)
HELD = "orders of november"
HELD_FINGERPRINT = hashlib.sha256(b"POST /api/v1/imports\n" + BY_API).digest()
OF_CLIENTS = ("draft:mine", "sheet:mine", "sheet-progress:mine", "bulk:" + "0" * 64)
"""Keys that a client chose, though they look like the server's own."""


def fill(connection: Connection, now: int) -> None:
    """Store what a server of version 0006 leaves when stopped ten seconds before *now*."""
    for job in JOBS:
        digest = hashlib.sha256(job.content).digest()
        _keep(connection, PERSON, f"sheet:{job.id}", now - 90, 200, job.content, digest)
        body = _json(job.progress)
        _keep(connection, PERSON, f"sheet-progress:{job.id}", now - 10, job.status, body)
        if job.progress["done"]:
            _keep_batch(connection, PERSON, f"desk\n{job.id}", job.days, now)
    draft = _json({"path": "/licenses/issue", "fields": FIELDS})
    _keep(connection, PERSON, f"draft:{DRAFT}", now - 10, 200, draft)
    _keep(connection, PERSON, "form:once", now - 10, 303, b"", location="/licenses/x")
    _keep(connection, TOKEN, HELD, now - 10, None, None, HELD_FINGERPRINT)
    _keep_batch(connection, TOKEN, f"{HELD}\n{HELD_FINGERPRINT.hex()}", 50, now)
    for key in OF_CLIENTS:
        body, where = _json({"id": DONE_BEFORE[0]}), f"/api/v1/licenses/{DONE_BEFORE[0]}"
        _keep(connection, TOKEN, key, now - 10, 201, body, location=where)


def _keep_batch(connection: Connection, actor: str, job: str, days: int, now: int) -> None:
    """The first batch of a job: two rows, both issued."""
    order = {"customer": CUSTOMERS[0], "product": "darwin", "host": LINE}
    lines = [[2, order | {"days": days}], [3, order | {"days": days + 1}]]
    told = [[2, DONE_BEFORE[0], None, None, None], [3, DONE_BEFORE[1], None, None, None]]
    key = "bulk:" + hashlib.sha256(f"{job}\n2".encode()).hexdigest()
    fingerprint = hashlib.sha256(_json(lines)).digest()
    _keep(connection, actor, key, now - 20, 201, _json(told), fingerprint)


def _keep(
    connection: Connection,
    actor: str,
    key: str,
    at: int,
    status: int | None,
    body: bytes | None,
    fingerprint: bytes = bytes(32),
    location: str | None = None,
) -> None:
    query = text(
        "insert into idempotency_keys"
        " (actor, key, fingerprint, created_at, status, location, body)"
        " values (:actor, :key, :fingerprint, :at, :status, :location, :body)"
    )
    values = {"actor": actor, "key": key, "fingerprint": fingerprint, "at": at}
    connection.execute(query, values | {"status": status, "location": location, "body": body})


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
