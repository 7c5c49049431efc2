"""An acknowledged licence survives; what was not acknowledged leaves nothing half done."""

import itertools
import json
import random
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple
from unittest.mock import patch

import httpx
import pytest
import sqlalchemy

from license_core.verify import open_license
from license_server.access import tokens
from license_server.actor import COMMAND
from license_server.audit import audit_store
from license_server.audit.events import record
from license_server.catalog import catalog_store
from license_server.db import reply_store
from license_server.db.database import Database
from license_server.licenses import issuing, license_store
from license_server.licenses.license_store import StoredLicense
from license_server.licenses.search import Filter
from license_server.permissions import PERMISSIONS
from tests.support import server
from tests.support.desk import Desk
from tests.support.ledger import open_ledger
from tests.support.postgres import new_database
from tests.support.server import LINE

ORDER = {"customer": "ACME", "product": "darwin", "days": 30, "host": LINE}
PATH = "/api/v1/licenses"
KILLS, KILLS_TORTURE = 3, 300
ISSUES_TORTURE = 5_000
CLIENTS = 4
CHECKED_EVERY = 20
"""Kills from one look at the whole chain to the next."""
ALL = tokens.Grant(frozenset(PERMISSIONS))


@pytest.mark.parametrize(
    ("module", "broken"),
    [
        (license_store, "add"),
        (catalog_store, "standing"),
        (catalog_store, "add_customer"),
        (audit_store, "add_event"),
        (reply_store, "keep_reply"),
        (reply_store, "kept_reply"),
    ],
)
def test_a_failure_between_signing_and_storing_leaves_nothing(
    desk: Desk, module: ModuleType, broken: str
) -> None:
    """Boulder's claim: no file that nobody knows of, no row without its file."""
    tables = ("licenses", "audit_events", "customers", "products")
    before = [desk.count(table) for table in tables]
    key = f"k{desk.clock.now}"
    headers = desk.bearer | {"Idempotency-Key": key}
    new = ORDER | {"customer": f"New {desk.clock.now}"}
    failure = sqlalchemy.exc.OperationalError("insert", {}, Exception("the disk is gone"))
    with patch.object(module, broken, side_effect=failure):
        reply = desk.client.post("/api/v1/licenses", json=new, headers=headers)
    assert (reply.status_code, reply.json()["type"]) == (503, "/problems/database-unavailable")
    assert "disk" not in reply.text
    assert [desk.count(table) for table in tables] == before
    assert desk.site.database.read(lambda c: reply_store.kept_reply(c, "token:test", key)) is None
    again = desk.client.post("/api/v1/licenses", json=new, headers=headers)
    assert again.status_code == 201


def test_a_signature_that_does_not_verify_is_never_stored(desk: Desk) -> None:
    class Broken:
        public_key = desk.site.issuer.signer.public_key

        def sign(self, message: bytes) -> bytes:
            return bytes(64 + 0 * len(message))

    before = desk.count("licenses")
    site = desk.site._replace(issuer=desk.site.issuer._replace(signer=Broken()))
    with patch.object(desk.client.app.state.server, "site", site):  # type: ignore[attr-defined]
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
        record(connection, 1, COMMAND, "test.done", f"group {desk.clock.now}")
        return 7

    def bad(connection: sqlalchemy.Connection) -> int:
        record(connection, 1, COMMAND, "test.done", f"group {desk.clock.now}")
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
        assert len(audit_store.trail(connection, [f"group {desk.clock.now}"])) == 2


class Request(NamedTuple):
    """An act that a client asks for, with the key of this one request."""

    key: str
    path: str
    members: dict[str, Any]

    def send(self, client: httpx.Client) -> httpx.Response:
        return client.post(self.path, json=self.members, headers={"Idempotency-Key": self.key})


class Client(threading.Thread):
    """Issues, and acts on what it issued, until the server goes away; keeps what it was told."""

    def __init__(self, url: str, token: str, seed: int, reached: threading.Semaphore) -> None:
        super().__init__()
        self._url, self._token, self._reached = url, token, reached
        self._chance, self._seed = random.Random(seed), seed
        self.told: dict[Request, bytes] = {}
        self.open: Request | None = None
        """What was sent last and not answered."""

    def run(self) -> None:
        latest: str | None = None
        with bearing(self._url, self._token) as client:
            for count in itertools.count():
                request = self._next(f"{self._seed}-{count}", latest)
                try:
                    reply = request.send(client)
                except httpx.HTTPError:
                    self.open = request
                    return
                assert reply.status_code in (200, 201), reply.text
                self.told[request] = reply.content
                made = reply.json()
                latest = made["id"] if made["state"] == "active" else None
                self._reached.release()

    def _next(self, key: str, latest: str | None) -> Request:
        act = self._chance.choice(("issue", "issue", "issue", "renew", "change", "revoke"))
        if latest is None or act == "issue":
            return Request(key, PATH, Members(ORDER | {"customer": f"Customer {key[:3]}"}))
        more: dict[str, Any] = {"reason": "as asked"}
        if act == "renew":
            more["days"] = 60
        if act == "change":
            more["limits"] = {"gpus": self._chance.randrange(1, 9)}
        return Request(key, f"{PATH}/{latest}/{act}", Members(more))


class Members(dict[str, Any]):
    """Members of a request, by which a request is known."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(self))


@contextmanager
def bearing(url: str, token: str) -> Iterator[httpx.Client]:
    """A client with a token."""
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=url, headers=headers, timeout=60) as client:
        yield client


class Outcome(NamedTuple):
    """What a loop of kills came to."""

    answered: int
    """Requests whose reply came before the kill."""
    issues: int
    """First licences among what is stored; the others replaced one."""
    cut_off: int
    done: int
    """Of those that were cut off, how many had been done."""
    events: int
    """In the chain at the end."""
    checkpoints: int
    """That were kept elsewhere meanwhile."""


def kill_loop(folder: Path, kills: int, database_url: str | None) -> Outcome:
    """Kill the server while it works, and ask again for what was not answered."""
    chance = random.Random(1)
    ledger = open_ledger(server.make(folder / "server", database_url))
    database, data = ledger.site.database, ledger.settings.data
    token = server.new_token(database, "test", grant=ALL)
    told: dict[Request, bytes] = {}
    open_: dict[Request, bytes | None] = {}
    exported: list[str] = []
    cut_off, done = 0, 0
    for round_ in range(kills + 1):
        with server.serving(
            data, database_url, "tests.support.hurried", LICENSE_SERVER_CHECKPOINT_MINUTES="1"
        ) as (url, process):
            with bearing(url, token) as again:
                for request, before in open_.items():
                    cut_off, done = cut_off + 1, done + (before is not None)
                    told[request] = request.send(again).content
                    assert before in (None, told[request])
                for request in chance.sample(list(told), min(20, len(told))):
                    assert request.send(again).content == told[request]
            if round_ == kills:
                process.terminate()
                assert process.wait(60) == 0
                break
            clients = _killed(url, token, process, round_, chance)
        for client in clients:
            told |= client.told
        open_ = {client.open: _kept(database, client.open) for client in clients if client.open}
        if round_ % CHECKED_EVERY == 0:
            assert ledger.faults(*exported) == []
            exported += _newest_checkpoint(database)
    exported += _newest_checkpoint(database)
    assert ledger.faults(*exported) == []
    issues = _check_told(database, data, told)
    with database.reading() as connection:
        assert not list(audit_store.all_unlinked(connection))
        events = audit_store.count_events(connection)
    database.close()
    return Outcome(len(told) - cut_off, issues, cut_off, done, events, len(set(exported)))


def _killed(
    url: str, token: str, process: subprocess.Popen[bytes], round_: int, chance: random.Random
) -> list[Client]:
    """Clients that were at work when the server was killed."""
    reached = threading.Semaphore(0)
    clients = [Client(url, token, 1000 * round_ + place, reached) for place in range(CLIENTS)]
    for client in clients:
        client.start()
    for _ in range(chance.randrange(10, 70)):
        assert reached.acquire(timeout=60)
    # A reply was just told: some moment after it, so that all of a request is met.
    with suppress(subprocess.TimeoutExpired):
        process.wait(chance.uniform(0, 0.03))
    process.send_signal(signal.SIGKILL)
    for client in clients:
        client.join()
    return clients


def _newest_checkpoint(database: Database) -> list[str]:
    with database.reading() as connection:
        return [
            one.token for one in audit_store.listed_checkpoints(connection, before=None, limit=1)
        ]


def _kept(database: Database, request: Request) -> bytes | None:
    """The reply to *request* that is in the database."""
    with database.reading() as connection:
        kept = reply_store.kept_reply(connection, "token:test", request.key)
    return None if kept is None or kept.reply is None else kept.reply.body


def _check_told(database: Database, data: Path, told: dict[Request, bytes]) -> int:
    """What was told is what is stored: as many licences, and each as it was told or ended since.

    How many of them are the first of their line.
    """
    issued = [
        json.loads(body)["id"] for request, body in told.items() if "/revoke" not in request.path
    ]
    revoked = [
        json.loads(body)["id"] for request, body in told.items() if "/revoke" in request.path
    ]
    stored = stored_licences(database, data)
    assert sorted(issued) == sorted(stored)
    assert {number for number, one in stored.items() if one.state == "revoked"} == set(revoked)
    later = {one.replaces: one.number for one in stored.values() if one.replaces}
    assert len(later) == sum(one.replaces is not None for one in stored.values())
    for number, one in stored.items():
        assert later.get(number) == one.replaced_by
    return sum(one.act == "issue" for one in stored.values())


_LATER: dict[str, list[list[str]]] = {
    "active": [[], ["license.noted"]],
    "replaced": [[], ["license.suspended"]],
    "suspended": [["license.suspended"]],
    "revoked": [["license.revoked"]],
}
"""What may have been done to a licence in each state, after it was issued."""


def stored_licences(database: Database, data: Path) -> dict[str, StoredLicense]:
    """What is stored: each yields a file that verifies, and has its events and no others."""
    roots = server.roots(data)
    found: dict[str, StoredLicense] = {}
    before: int | None = None
    with database.reading() as connection:
        while page := license_store.listed(connection, Filter(), 0, before=before, limit=500).rows:
            for stored in page:
                opened = open_license(issuing.file_of(stored), roots=roots)
                assert opened.license.jti == stored.number
                _, *later = [
                    event.action for event in audit_store.trail(connection, [stored.number])
                ]
                assert later in _LATER[stored.state], stored.number
                assert stored.number not in found
                found[stored.number] = stored
            before = page[-1].id
    return found


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_what_was_acknowledged_survives_a_kill(tmp_path: Path, kind: str) -> None:
    url = None if kind == "sqlite" else new_database()
    outcome = kill_loop(tmp_path, KILLS, url)
    assert outcome.answered > 0
    assert outcome.cut_off > 0
    assert outcome.checkpoints > 0


@pytest.mark.torture
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_torture_killed_servers(tmp_path: Path, kind: str) -> None:
    url = None if kind == "sqlite" else new_database()
    seen = kill_loop(tmp_path, KILLS_TORTURE, url)
    assert seen.issues >= ISSUES_TORTURE
    print(
        f"\nkilled servers ({kind}): {KILLS_TORTURE}; {seen.answered} acts were acknowledged and "
        f"all are stored, {seen.issues} of them first issues; {seen.cut_off} were cut off, "
        f"{seen.done} of them after they were done; asked again with their keys, each was done "
        f"once, and its licence verifies; the chain of {seen.events} events is whole against "
        f"{seen.checkpoints} checkpoints kept elsewhere"
    )


# Failpoints: between "received" and "replied"


def _points(*tables: str) -> tuple[str, ...]:
    """Before and after each statement that writes one of *tables*, and the commit."""
    written = (*tables, "audit_events", "idempotency_keys", "commit")
    return tuple(f"{when} {table}" for table in written for when in ("before", "after"))


ISSUE_POINTS = ("planned", "drawn", *_points("customers", "customer_words", "licenses"))
ACT_POINTS = ("planned", "drawn", *_points("licenses"))
END_POINTS = _points("licenses")
NOTE_POINTS = _points()
CUSTOMER_POINTS = _points("customers", "customer_words")
PRODUCT_POINTS = _points("products")
PROPOSAL_POINTS = _points("proposals")
APPROVAL_POINTS = ("planned", "drawn", *_points("licenses", "proposals"))


class Failing:
    """A vendor whose server ends at a point, and is started again."""

    def __init__(self, folder: Path, url: str | None) -> None:
        self._ledger = open_ledger(server.make(folder / "server", url))
        self.database, self.data = self._ledger.site.database, self._ledger.settings.data
        self._url, self._point = url, folder / "point"
        self.token = server.new_token(self.database, "test", grant=ALL)
        self.other = server.new_token(self.database, "other", grant=ALL)

    def at(self, points: tuple[str, ...], prepare: Callable[[str, httpx.Client], Request]) -> None:
        """At each of *points* the server ends amid a request; asked again, it was done once."""
        self._point.write_text("", "ascii")
        cut: Request | None = None
        before: bytes | None = None
        exported: list[str] = []
        for point in (*points, ""):
            with (
                server.serving(
                    self.data, self._url, "tests.support.failing", FAILING_AT=str(self._point)
                ) as (url, process),
                bearing(url, self.token) as client,
            ):
                if cut is not None:
                    first = cut.send(client)
                    assert first.status_code in (200, 201, 202), first.text
                    assert before in (None, first.content)
                    assert cut.send(client).content == first.content
                    stored_licences(self.database, self.data)
                    assert self._ledger.faults(*exported) == []
                    exported = _newest_checkpoint(self.database)
                if not point:
                    break
                cut = prepare(point, client)
                self._point.write_text(point, "ascii")
                with pytest.raises(httpx.HTTPError):
                    cut.send(client)
                assert process.wait(30) == 70
                self._point.write_text("", "ascii")
                before = _kept(self.database, cut)
                assert (before is not None) == (point == "after commit"), point


@pytest.fixture
def failing(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Failing]:
    made = Failing(tmp_path, None if request.param == "sqlite" else new_database())
    yield made
    made.database.close()


both = pytest.mark.parametrize("failing", ["sqlite", "postgresql"], indirect=True)


def _new_issue(point: str, client: httpx.Client) -> Request:
    return Request(point, PATH, ORDER | {"customer": f"New {point}"})


def _on_a_licence(
    act: str, members: dict[str, Any], first: dict[str, Any] | None
) -> Callable[[str, httpx.Client], Request]:
    """*act* on a licence that was issued, and after the act that *first* has, if any."""

    def prepare(point: str, client: httpx.Client) -> Request:
        number = client.post(PATH, json=ORDER).json()["id"]
        if first is not None:
            client.post(f"{PATH}/{number}/suspend", json=first).raise_for_status()
        return Request(f"{act} {point}", f"{PATH}/{number}/{act}", members)

    return prepare


def _adding(what: str) -> Callable[[str, httpx.Client], Request]:
    """Add a customer or a product."""
    return lambda point, _: Request(
        f"add {point}", f"/api/v1/{what}", {"name": point.replace(" ", "-")}
    )


@both
def test_an_issue_that_is_cut_off_is_done_once(failing: Failing) -> None:
    failing.at(("drawn", "after licenses", "before commit", "after commit"), _new_issue)
    assert len(stored_licences(failing.database, failing.data)) == 4


@pytest.mark.torture
@both
def test_torture_an_issue_cut_off_anywhere_is_done_once(failing: Failing) -> None:
    failing.at(ISSUE_POINTS, _new_issue)
    assert len(stored_licences(failing.database, failing.data)) == len(ISSUE_POINTS)


@pytest.mark.torture
@both
@pytest.mark.parametrize(
    ("act", "points", "members"),
    [
        ("renew", ACT_POINTS, {"days": 60}),
        ("change", ACT_POINTS, {"limits": {"gpus": 8}}),
        ("rehost", ACT_POINTS, {"reason": "moved", "host": LINE.replace("5", "6")}),
        ("reinstate", ACT_POINTS, {"reason": "paid"}),
        ("suspend", END_POINTS, {"reason": "unpaid"}),
        ("revoke", END_POINTS, {"reason": "unpaid"}),
        ("notes", NOTE_POINTS, {"note": "by telephone"}),
    ],
)
def test_torture_an_act_cut_off_anywhere_is_done_once(
    failing: Failing, act: str, points: tuple[str, ...], members: dict[str, Any]
) -> None:
    first = {"reason": "unpaid"} if act == "reinstate" else None
    failing.at(points, _on_a_licence(act, members, first))


@pytest.mark.torture
@both
@pytest.mark.parametrize(
    ("what", "points"), [("customers", CUSTOMER_POINTS), ("products", PRODUCT_POINTS)]
)
def test_torture_what_is_added_and_cut_off_anywhere_is_there_once(
    failing: Failing, what: str, points: tuple[str, ...]
) -> None:
    failing.at(points, _adding(what))


@pytest.mark.torture
@both
def test_torture_an_approval_cut_off_anywhere_is_done_once(failing: Failing) -> None:
    def prepare(point: str, client: httpx.Client) -> Request:
        id_ = _propose(client, failing.other).json()["id"]
        return Request(f"approve {point}", f"/api/v1/proposals/{id_}/approve", {})

    failing.at(APPROVAL_POINTS, prepare)


@pytest.mark.torture
@both
def test_torture_a_refusal_cut_off_anywhere_is_done_once(failing: Failing) -> None:
    def prepare(point: str, client: httpx.Client) -> Request:
        id_ = _propose(client, failing.other).json()["id"]
        return Request(f"refuse {point}", f"/api/v1/proposals/{id_}/refuse", {"reason": "why?"})

    failing.at(PROPOSAL_POINTS, prepare)


@pytest.mark.torture
@both
def test_torture_a_proposal_cut_off_anywhere_is_made_once(failing: Failing) -> None:
    def prepare(point: str, client: httpx.Client) -> Request:
        _propose(client, failing.other)
        return Request(f"propose {point}", PATH, ORDER | {"product": "guarded"})

    failing.at(("planned", *PROPOSAL_POINTS), prepare)


def _propose(client: httpx.Client, token: str) -> httpx.Response:
    """Have somebody else propose a licence of a product that needs approval."""
    product = {"name": "guarded", "needs_approval": True}
    other = {"Authorization": f"Bearer {token}"}
    client.post("/api/v1/products", json=product, headers=other)  # it may be there already
    proposed = client.post(PATH, json=ORDER | {"product": "guarded"}, headers=other)
    assert proposed.status_code == 202, proposed.text
    return proposed
