"""Several processes on one database: one key issues once, one of two actions wins."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, NamedTuple

import httpx
import pytest

from license_server.access.tokens import Grant
from license_server.licenses import license_store
from license_server.licenses.license_store import StoredLicense
from license_server.licenses.search import Filter
from license_server.operations.data_folder import open_database
from license_server.permissions import PERMISSIONS
from tests.support import server
from tests.support.postgres import new_database
from tests.support.server import LINE

pytestmark = pytest.mark.xdist_group("together")  # the processes are started once
PATH = "/api/v1/licenses"
ORDER = {"customer": "ACME", "product": "darwin", "days": 30, "host": LINE}
PROCESSES, CLIENTS = 4, 50
ROUNDS, ROUNDS_TORTURE = 3, 50
for_rounds = pytest.mark.parametrize(
    "rounds", [ROUNDS, pytest.param(ROUNDS_TORTURE, marks=pytest.mark.torture)]
)
Work = Callable[[], httpx.Response]
ALL = Grant(frozenset(PERMISSIONS))


class Servers(NamedTuple):
    """Processes that share one database, and two people who use them."""

    urls: list[str]
    tokens: tuple[str, str]
    stored: Callable[[], list[StoredLicense]]

    def client(self, process: int, person: int = 0) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.tokens[person]}"}
        return httpx.Client(base_url=self.urls[process], headers=headers, timeout=120)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def servers(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Servers]:
    url = None if request.param == "sqlite" else new_database()
    data = server.make(tmp_path_factory.mktemp("together") / "server", url).data
    database = open_database(server.settings(data, url))
    tokens = tuple(server.new_token(database, name, grant=ALL) for name in ("one", "two"))

    def stored() -> list[StoredLicense]:
        with database.reading() as connection:
            return license_store.listed(connection, Filter(), 0, before=None, limit=500).rows

    with ExitStack() as stack:
        urls = [stack.enter_context(server.serving(data, url))[0] for _ in range(PROCESSES)]
        yield Servers(urls, (tokens[0], tokens[1]), stored)
    database.close()


def at_once(works: list[Work]) -> list[httpx.Response]:
    """Do all *works*, each in a thread, none before the others are ready."""
    gate = threading.Barrier(len(works))

    def do(work: Work) -> httpx.Response:
        gate.wait(60)
        return work()

    with ThreadPoolExecutor(len(works)) as threads:
        return list(threads.map(do, works))


def test_one_key_from_fifty_clients_of_four_processes_issues_once(servers: Servers) -> None:
    before = len(servers.stored())
    clients = [servers.client(place % PROCESSES) for place in range(CLIENTS)]
    key = {"Idempotency-Key": "the same"}

    def work(client: httpx.Client) -> Work:
        client.get("/login")  # connected before the start
        return lambda: client.post(PATH, json=ORDER, headers=key)

    replies = at_once([work(client) for client in clients])
    for client in clients:
        client.close()
    assert {reply.status_code for reply in replies} == {201}
    assert len({reply.content for reply in replies}) == 1
    assert len({reply.headers["location"] for reply in replies}) == 1
    assert len(servers.stored()) == before + 1


RENEW: dict[str, Any] = {"days": 60}
REVOKE: dict[str, Any] = {"reason": "unpaid"}
REHOST: dict[str, Any] = {"reason": "moved", "host": LINE.replace("5", "6")}


@for_rounds
@pytest.mark.parametrize("apart", [False, True], ids=["one process", "two processes"])
@pytest.mark.parametrize("seen", [False, True], ids=["unseen", "with If-Match"])
@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("renew", RENEW), ("revoke", REVOKE)),
        (("renew", RENEW), ("rehost", REHOST)),
        (("revoke", REVOKE), ("revoke", REVOKE)),
    ],
    ids=["renew and revoke", "renew and rehost", "revoke twice"],
)
def test_exactly_one_of_two_concurrent_actions_on_a_licence_wins(
    servers: Servers,
    first: tuple[str, dict[str, Any]],
    second: tuple[str, dict[str, Any]],
    seen: bool,
    apart: bool,
    rounds: int,
) -> None:
    with servers.client(0, 0) as one, servers.client(int(apart), 1) as two:
        for _ in range(rounds):
            made = one.post(PATH, json=ORDER).json()
            here = f"{PATH}/{made['id']}"
            headers = {"If-Match": one.get(here).headers["etag"]} if seen else {}

            def work(
                client: httpx.Client,
                act: tuple[str, dict[str, Any]],
                here: str = here,
                headers: dict[str, str] = headers,
            ) -> Work:
                return lambda: client.post(f"{here}/{act[0]}", json=act[1], headers=headers)

            won, lost = _one_wins(at_once([work(one, first), work(two, second)]))
            assert lost["type"] in ("/problems/license-state", "/problems/changed-meanwhile")
            assert made["id"] in lost["detail"]
            now = one.get(here).json()
            assert now["state"] == ("revoked" if won["id"] == made["id"] else "replaced")
            line = [stored for stored in servers.stored() if stored.line == made["line"]]
            assert len(line) == (1 if now["state"] == "revoked" else 2)


@for_rounds
@pytest.mark.parametrize("apart", [False, True], ids=["one process", "two processes"])
def test_two_approvals_of_one_proposal_issue_once(
    servers: Servers, apart: bool, rounds: int
) -> None:
    product = f"guarded-{apart}-{rounds}"
    with servers.client(0, 0) as proposer:
        rules = {"name": product, "needs_approval": True}
        assert proposer.post("/api/v1/products", json=rules).status_code == 201
        with servers.client(0, 1) as one, servers.client(int(apart), 1) as two:
            for _ in range(rounds):
                made = proposer.post(PATH, json=ORDER | {"product": product})
                assert made.status_code == 202
                here = f"/api/v1/proposals/{made.json()['id']}/approve"
                before = len(servers.stored())

                def approve(client: httpx.Client, here: str = here) -> Work:
                    return lambda: client.post(here, json={})

                works = [approve(one), approve(two)]
                _, lost = _one_wins(at_once(works))
                assert lost["type"] == "/problems/proposal-decided"
                assert len(servers.stored()) == before + 1


@for_rounds
@pytest.mark.parametrize("apart", [False, True], ids=["one process", "two processes"])
def test_two_who_answer_one_request_issue_one_licence(
    servers: Servers, apart: bool, rounds: int
) -> None:
    with servers.client(0, 0) as one, servers.client(int(apart), 1) as two:
        for round_ in range(rounds):
            text = LINE.replace("studio2", f"studio-{round_}{int(apart)}{rounds}")
            asked = {"text": text, "customer": "ACME", "product": "darwin"}
            filed = one.post("/api/v1/requests", json=asked)
            assert filed.status_code == 201, filed.text
            here = f"/api/v1/requests/{filed.json()['request']['id']}"
            before = len(servers.stored())

            def issue(client: httpx.Client, here: str = here) -> Work:
                return lambda: client.post(f"{here}/issue", json={"days": 30})

            won, lost = _one_wins(at_once([issue(one), issue(two)]))
            assert lost["type"] == "/problems/request-closed"
            assert one.get(here).json()["request"]["license"] == won["id"]
            assert len(servers.stored()) == before + 1


def test_request_filed_by_four_processes_at_once_is_one_in_the_queue(servers: Servers) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(servers.client(n)) for n in range(PROCESSES)]
        for round_ in range(ROUNDS):
            text = LINE.replace("5591", f"77{round_}1")
            asked = {"text": text, "customer": "ACME", "product": "darwin"}

            def file(client: httpx.Client, asked: dict[str, str] = asked) -> Work:
                return lambda: client.post("/api/v1/requests", json=asked)

            replies = at_once([file(client) for client in clients])
            told = [reply.json() for reply in replies]
            assert sorted(reply.status_code for reply in replies) == [200, 200, 200, 201]
            (number,) = {one["request"]["id"] for one in told}
            seen = clients[0].get(f"/api/v1/requests/{number}").json()
            assert (seen["request"]["repeats"], len(seen["conversation"])) == (3, 1)


def _one_wins(replies: list[httpx.Response]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the winner and the loser were told."""
    won = [reply for reply in replies if reply.status_code < 300]
    lost = [reply for reply in replies if reply.status_code in (409, 412)]
    assert (len(won), len(lost)) == (1, 1), [reply.text for reply in replies]
    return won[0].json(), lost[0].json()
