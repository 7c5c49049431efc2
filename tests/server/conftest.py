"""A vendor for each kind of database, and a client of its application."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from license_server.actor import COMMAND
from license_server.app import create_app
from license_server.catalog import products
from license_server.site import Site
from tests.support import server
from tests.support.desk import Clock, Desk
from tests.support.hooks import names
from tests.support.postgres import new_database


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str | None:
    return None if request.param == "sqlite" else new_database()


@pytest.fixture(scope="session")
def _vendor(
    database_url: str | None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Desk, TestClient]]:
    clock = Clock()
    data = tmp_path_factory.mktemp("vendor") / "server"
    made = server.make(data, database_url, clock.now)
    app = create_app(made, clock=clock, random=os.urandom, resolve=names({}))
    with TestClient(app, base_url="http://testserver", follow_redirects=False) as client:
        site: Site = app.state.server.site
        token = server.new_token(site.database, "test", clock.now)
        site.database.write(lambda c: products.ensure(c, "darwin", COMMAND, clock.now))
        yield Desk(client, site, made, token, clock), client


@pytest.fixture
def desk(_vendor: tuple[Desk, TestClient]) -> Iterator[Desk]:
    """A vendor that other tests have used too; the clock only moves on."""
    made, client = _vendor
    client.cookies.clear()
    made.clock.now += 2 * 3600
    yield made


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A fresh vendor on SQLite."""
    return server.make(tmp_path / "server").data
