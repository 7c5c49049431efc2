"""PostgreSQL stops in mid-load, as in a power failure."""

import random
import threading
from pathlib import Path

import httpx
import pytest

from license_core.verify import open_license
from license_server.licenses import issuing, license_store
from license_server.licenses.search import Filter
from license_server.operations.data_folder import open_database
from tests.support import server
from tests.support.postgres import OwnServer
from tests.support.server import LINE

PATH = "/api/v1/licenses"
ORDER = {"customer": "ACME", "product": "darwin", "days": 30, "host": LINE}
STOPS, STOPS_TORTURE = 1, 20
CLIENTS = 6


class Client(threading.Thread):
    """Issues until it is told to stop; a refusal is asked again with its key."""

    def __init__(self, running: server.Running, name: str) -> None:
        super().__init__()
        self._running, self._name = running, name
        self.told: dict[str, bytes] = {}
        self.refused: list[httpx.Response] = []
        self.wrong: list[str] = []
        self.done = threading.Semaphore(0)
        self.turned_away = threading.Semaphore(0)
        self.ending = threading.Event()

    def run(self) -> None:
        with httpx.Client(
            base_url=self._running.url, headers=self._running.bearer, timeout=60
        ) as client:
            while not self.ending.is_set():
                self._issue(client, f"{self._name}-{len(self.told)}")

    def reach(self, what: threading.Semaphore, count: int) -> None:
        """Wait until it was answered so, so many times."""
        for _ in range(count):
            assert what.acquire(timeout=120), self.wrong

    def _issue(self, client: httpx.Client, key: str) -> None:
        reply = client.post(PATH, json=ORDER, headers={"Idempotency-Key": key})
        if reply.status_code == 503:
            self.refused.append(reply)
            self.turned_away.release()
        elif reply.status_code == 201:
            self.told[key] = reply.content
            self.done.release()
        else:
            self.wrong.append(f"{reply.status_code} {reply.text}")
            self.ending.set()


def stop_and_start(folder: Path, stops: int) -> tuple[int, int]:
    """Take PostgreSQL away *stops* times; how many were issued, and how many refused."""
    chance = random.Random(1)
    postgres = OwnServer()
    with server.running_server(folder, postgres.url) as running:
        clients = [Client(running, f"client {place}") for place in range(CLIENTS)]
        for client in clients:
            client.start()
        try:
            for _ in range(stops):
                for client in clients:
                    client.reach(client.done, chance.randrange(1, 12))
                postgres.stop_at_once()
                for client in clients:
                    _drain(client.turned_away)
                    client.reach(client.turned_away, 2)
                postgres.start()
                for client in clients:
                    _drain(client.done)
        finally:
            for client in clients:
                client.ending.set()
            for client in clients:
                client.join(120)
        with httpx.Client(base_url=running.url, headers=running.bearer, timeout=60) as again:
            told = {key: body for client in clients for key, body in client.told.items()}
            for key, body in told.items():
                reply = again.post(PATH, json=ORDER, headers={"Idempotency-Key": key})
                assert (reply.status_code, reply.content) == (201, body)
        refused = [reply for client in clients for reply in client.refused]
        assert not [wrong for client in clients for wrong in client.wrong]
        for reply in refused:
            assert int(reply.headers["retry-after"]) > 0
            assert reply.json()["type"] == "/problems/database-unavailable"
            assert reply.headers["x-content-type-options"] == "nosniff"
            assert not [secret for secret in ("postgres", "socket") if secret in reply.text.lower()]
        _check_stored(running, postgres.url, told)
    return len(told), len(refused)


def _check_stored(running: server.Running, url: str, told: dict[str, bytes]) -> None:
    roots = server.roots(running.data)
    database = open_database(server.settings(running.data, url))
    found, before = set(), None
    with database.reading() as connection:
        while page := license_store.listed(connection, Filter(), 0, before=before, limit=500).rows:
            for stored in page:
                file = issuing.file_of(stored)
                assert open_license(file, roots=roots).license.jti == stored.number
                found.add(stored.number)
            before = page[-1].id
    database.close()
    acknowledged = {httpx.Response(201, content=body).json()["id"] for body in told.values()}
    assert len(acknowledged) == len(told)
    assert acknowledged <= found


def _drain(what: threading.Semaphore) -> None:
    while what.acquire(blocking=False):
        pass


def test_server_answers_503_and_loses_nothing_while_postgresql_is_down(tmp_path: Path) -> None:
    issued, refused = stop_and_start(tmp_path, STOPS)
    assert issued >= CLIENTS
    assert refused >= CLIENTS * STOPS


@pytest.mark.torture
def test_repeated_postgresql_stops_under_load_lose_nothing(tmp_path: Path) -> None:
    issued, refused = stop_and_start(tmp_path, STOPS_TORTURE)
    print(
        f"\nPostgreSQL stopped at once {STOPS_TORTURE} times under load: {issued} licences were "
        f"acknowledged and all are stored; {refused} requests were told 503 and to try again"
    )
