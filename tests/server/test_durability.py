"""Acknowledged licences survive any number of killed servers."""

import itertools
import json
import random
import signal
import subprocess
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from license_server.audit import audit_store
from license_server.db.database import Database
from tests.support import server
from tests.support.ledger import open_ledger
from tests.support.postgres import new_database
from tests.support.promises import (
    ALL,
    PATH,
    Request,
    bearing,
    kept_reply_to,
    newest_checkpoint,
    stored_licences,
)
from tests.support.server import LINE

ORDER = {"customer": "ACME", "product": "darwin", "days": 30, "host": LINE}
KILLS, KILLS_TORTURE = 3, 300
ISSUES_TORTURE = 5_000
CLIENTS = 4
CHECKED_EVERY = 20
"""Kills from one look at the whole chain to the next."""


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
        open_ = {
            client.open: kept_reply_to(database, client.open) for client in clients if client.open
        }
        if round_ % CHECKED_EVERY == 0:
            assert ledger.faults(*exported) == []
            exported += newest_checkpoint(database)
    exported += newest_checkpoint(database)
    assert ledger.faults(*exported) == []
    issues = _check_told(database, data, told)
    with database.reading() as connection:
        assert not list(audit_store.all_unlinked(connection))
        events = audit_store.count_events(connection)
    database.close()
    return Outcome(len(told) - cut_off, issues, cut_off, done, events, len(set(exported)))


def _killed(
    url: str, token: str, process: server.Process, round_: int, chance: random.Random
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


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_acknowledged_licences_survive_a_killed_server(tmp_path: Path, kind: str) -> None:
    url = None if kind == "sqlite" else new_database()
    outcome = kill_loop(tmp_path, KILLS, url)
    assert outcome.answered > 0
    assert outcome.cut_off > 0
    assert outcome.checkpoints > 0


@pytest.mark.torture
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_acknowledged_licences_survive_300_killed_servers(tmp_path: Path, kind: str) -> None:
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
