"""An acknowledged licence survives; what was not acknowledged leaves nothing half done."""

import os
import random
import signal
import threading
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

import httpx
import pytest
import sqlalchemy

from license_core.verify import open_license
from license_server import audit, issuing
from license_server.actor import COMMAND
from license_server.db import Database
from license_server.store import licenses, parties, record
from license_server.store.search import Filter
from license_server.vault import open_database
from tests.server.conftest import Desk
from tests.support import server
from tests.support.postgres import new_database
from tests.support.server import LINE

ORDER = {"customer": "ACME", "product": "darwin", "days": 30, "host": LINE}
KILLS, KILLS_TORTURE = 3, 100
CLIENTS = 4


@pytest.mark.parametrize(
    ("module", "broken"),
    [
        (licenses, "add"),
        (parties, "ids"),
        (parties, "add_customer"),
        (record, "add_event"),
        (record, "keep_reply"),
        (record, "kept_reply"),
    ],
)
def test_a_failure_between_signing_and_storing_leaves_nothing(
    desk: Desk, module: ModuleType, broken: str
) -> None:
    """Boulder's claim: no file that nobody knows of, no row without its file."""
    tables = ("licenses", "audit_events", "idempotency_keys", "customers", "products")
    before = [desk.count(table) for table in tables]
    headers = desk.bearer | {"Idempotency-Key": f"k{desk.clock.now}"}
    new = ORDER | {"customer": f"New {desk.clock.now}"}
    failure = sqlalchemy.exc.OperationalError("insert", {}, Exception("the disk is gone"))
    with patch.object(module, broken, side_effect=failure):
        reply = desk.client.post("/api/v1/licenses", json=new, headers=headers)
    assert (reply.status_code, reply.json()["type"]) == (503, "/problems/database-unavailable")
    assert "disk" not in reply.text
    assert [desk.count(table) for table in tables] == before
    again = desk.client.post("/api/v1/licenses", json=new, headers=headers)
    assert again.status_code == 201


def test_a_signature_that_does_not_verify_is_never_stored(desk: Desk) -> None:
    class Broken:
        public_key = desk.site.issuer.signer.public_key

        def sign(self, message: bytes) -> bytes:
            return bytes(64 + 0 * len(message))

    before = desk.count("licenses")
    site = desk.site._replace(issuer=desk.site.issuer._replace(signer=Broken()))
    with patch.object(desk.client.app.state, "site", site):  # type: ignore[attr-defined]
        reply = desk.client.post("/api/v1/licenses", json=ORDER, headers=desk.bearer)
    assert (reply.status_code, reply.json()["type"]) == (500, "/problems/internal-error")
    assert desk.count("licenses") == before


def test_a_number_that_is_taken_is_drawn_again(desk: Desk) -> None:
    first = desk.client.post("/api/v1/licenses", json=ORDER, headers=desk.bearer).json()["id"]
    real = issuing.new_number
    numbers = iter([first, first])

    def new_number(now: int, random_: Any) -> str:
        return next(numbers, None) or real(now, random_)

    with patch.object(issuing, "new_number", new_number):
        reply = desk.client.post("/api/v1/licenses", json=ORDER, headers=desk.bearer)
    assert reply.status_code == 201
    assert reply.json()["id"] != first


def test_one_bad_write_does_not_harm_those_that_wait_with_it(desk: Desk) -> None:
    def good(connection: sqlalchemy.Connection) -> int:
        audit.record(connection, 1, COMMAND, "test.done", f"group {desk.clock.now}")
        return 7

    def bad(connection: sqlalchemy.Connection) -> int:
        audit.record(connection, 1, COMMAND, "test.done", f"group {desk.clock.now}")
        raise RuntimeError("no")

    gate = threading.Event()
    blocked = desk.site.database.writer.submit(lambda _: gate.wait(30))
    jobs = [desk.site.database.writer.submit(work) for work in (good, bad, good)]
    gate.set()
    assert blocked.result()
    assert jobs[0].result() == jobs[2].result() == 7
    with pytest.raises(RuntimeError):
        jobs[1].result()
    with desk.site.database.reading() as connection:
        assert len(record.trail(connection, [f"group {desk.clock.now}"])) == 2


class Client(threading.Thread):
    """Issues as fast as it can until the server goes away; keeps what was acknowledged."""

    def __init__(self, url: str, bearer: dict[str, str], reached: threading.Semaphore) -> None:
        super().__init__()
        self.url, self.bearer, self.reached = url, bearer, reached
        self.acknowledged: list[str] = []

    def run(self) -> None:
        with httpx.Client(base_url=self.url, headers=self.bearer, timeout=30) as client:
            while True:
                try:
                    reply = client.post("/api/v1/licenses", json=ORDER)
                except httpx.HTTPError:
                    return
                assert reply.status_code == 201, reply.text
                self.acknowledged.append(reply.json()["id"])
                self.reached.release()


def kill_loop(folder: Path, kills: int, database_url: str | None) -> tuple[int, int]:
    """Kill the server while it issues; how many were acknowledged, and how many stored."""
    chance = random.Random(1)
    data = server.make(folder / "server", database_url).data
    opened = open_database(server.settings(data, database_url))
    token = server.new_token(opened, "test")
    opened.close()
    acknowledged: set[str] = set()
    for _ in range(kills):
        with server.serving(data, database_url) as (url, process):
            reached = threading.Semaphore(0)
            bearer = {"Authorization": f"Bearer {token}"}
            clients = [Client(url, bearer, reached) for _ in range(CLIENTS)]
            for client in clients:
                client.start()
            for _ in range(chance.randrange(5, 60)):
                assert reached.acquire(timeout=60)
            os.kill(process.pid, signal.SIGKILL)
            for client in clients:
                client.join()
                acknowledged |= set(client.acknowledged)
    stored = _all(open_database(server.settings(data, database_url)), data)
    assert acknowledged <= stored
    return len(acknowledged), len(stored)


def _all(database: Database, data: Path) -> set[str]:
    """The numbers of what is stored: each yields a file that verifies, and has its audit event."""
    roots = server.roots(data)
    numbers: set[str] = set()
    before: int | None = None
    with database.reading() as connection:
        while page := licenses.listed(connection, Filter(), 0, before=before, limit=500).rows:
            for stored in page:
                assert (
                    open_license(issuing.file_of(stored), roots=roots).license.jti == stored.number
                )
                assert len(record.trail(connection, [stored.number])) == 1
                numbers.add(stored.number)
            before = page[-1].id
    database.close()
    return numbers


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_what_was_acknowledged_survives_a_kill(tmp_path: Path, kind: str) -> None:
    url = None if kind == "sqlite" else new_database()
    acknowledged, stored = kill_loop(tmp_path, KILLS, url)
    assert 0 < acknowledged <= stored


@pytest.mark.torture
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_torture_killed_servers(tmp_path: Path, kind: str) -> None:
    url = None if kind == "sqlite" else new_database()
    acknowledged, stored = kill_loop(tmp_path, KILLS_TORTURE, url)
    print(
        f"\nkilled servers ({kind}): {KILLS_TORTURE}; {acknowledged} licences were acknowledged "
        f"and all are stored, {stored - acknowledged} more are stored, each verifies"
    )
