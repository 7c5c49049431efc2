"""How many statements each page takes: few, or as many as is said here and why.

Those that begin and end a transaction, or set how SQLite works, are no question of a page, and
are not counted.
"""

import os
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from license_server.access.tokens import Grant
from license_server.app import create_app
from license_server.permissions import PERMISSIONS
from tests.support import addresses, server
from tests.support.desk import Clock, Desk
from tests.support.furnished import YEAR, Furnished, furnish
from tests.support.hooks import names
from tests.support.ledger import open_ledger
from tests.support.postgres import new_database
from tests.support.sql import of_requests

MOST = 6
"""Statements of a page, or of a reply to a program; who asks is one of them."""
MORE = {
    # What waits for an act is planned: whose host that is, what else they have, what is alike.
    "/proposals/chosen": 42,  # three of them, each planned by itself
    "/requests/{id}": 25,  # its texts, the licences that they mean, the order and the move
    "/api/v1/requests/{id}": 20,
    "/licenses/preview/{id}": 18,
    "/proposals/{id}": 16,
    "/licenses/new": 9,
    # A sheet's lines are planned, too, from what was uploaded.
    "/sheets/jobs/{id}": 11,
    "/api/v1/jobs/{id}": 10,
    "/api/v1/jobs/{id}/report.csv": 10,
    "/sheets/jobs/{id}/files.zip": 9,
    "/sheets/jobs/{id}/result.csv": 8,
    # What of a customer is theirs alone is told by all names and addresses that they had.
    "/api/v1/customers/{id}/erasure": 13,
    "/customers/{id}/erase": 12,
    # A search asks each thing because of what was told before (licenses/search.py).
    "/licenses/send": 12,
    "/api/v1/find": 10,
    "/find": 9,
    "/licenses": 8,
    "/api/v1/licenses": 8,
    # Many things are shown, each of which depends on the one before.
    "/customers/{id}": 11,  # who they are, totals, their licences, what was done, by whom
    "/licenses/{number}": 9,  # its life, and the letter that sends it
    "/overview": 8,  # figures of the whole ledger, which are kept where it is large
    "/record": 7,  # of a customer, whose licences are looked up
    "/renewals": 7,
    "/api/v1/renewals": 7,
}
"""What takes more, and why."""


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def vendor(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Desk, Furnished]]:
    """A vendor of a year, and somebody who may do everything."""
    clock = Clock()
    data = tmp_path_factory.mktemp("statements") / "server"
    url = None if request.param == "sqlite" else new_database()
    made = server.make(data, url, clock.now - YEAR)
    ledger = open_ledger(made)
    furnished = furnish(ledger, clock.now)
    ledger.publish()
    grant = Grant(frozenset(PERMISSIONS))
    token = server.new_token(ledger.site.database, "all", clock.now, grant)
    ledger.site.database.close()
    app = create_app(made, clock=clock, random=os.urandom, resolve=names({}))
    with TestClient(app, base_url="http://testserver", follow_redirects=False) as client:
        yield Desk(client, app.state.server.site, made, token, clock), furnished


def test_pages_take_few_statements(vendor: tuple[Desk, Furnished]) -> None:
    desk, furnished = vendor
    most: dict[str, list[str]] = {}
    for route, path, headers in addresses.every(desk, furnished):
        desk.clock.now += 1  # so that it is asked each time whose token it is
        with of_requests(desk.site.database.engine) as said:
            reply = desk.client.get(path, headers=headers)
        assert reply.status_code == 200, (path, reply.text)
        if len(said) >= len(most.get(route, [])):
            most[route] = [path, *said]
    taken = {route: len(said) - 1 for route, said in most.items()}
    told = {route: said for route, said in most.items() if taken[route] > MOST}
    assert {route: taken[route] for route in told} == MORE, _table(most)


def _table(most: dict[str, list[str]]) -> str:
    """What each route took, the most first, and what was asked there beyond what is known."""
    rows = sorted(most.items(), key=lambda one: -len(one[1]))
    lines = [f"{len(said) - 1:4} {MORE.get(route, MOST):4} {said[0]}" for route, said in rows]
    for route, (path, *said) in rows:
        if len(said) > MORE.get(route, MOST):
            lines += ["", path, *(" ".join(one.split()) for one in said)]
    return "\n".join(["taken most", *lines])
