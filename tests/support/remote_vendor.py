"""A vendor whose signing key is not on the server: in a token or in a service."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import sqlalchemy
from starlette.testclient import TestClient

from license_core.verify import open_license
from license_server.app import create_app
from license_server.db.database import Database
from license_server.operations import initialise
from license_server.settings import ServerSettings
from tests.support import server
from tests.support.server import LINE

PATH = "/api/v1/licenses"
ORDER = {"customer": "ACME", "product": "darwin", "days": 30, "host": LINE}


def no_passphrase(_: str) -> bytes:
    raise AssertionError("such a key needs no passphrase")


def make(uri: str, data: Path) -> ServerSettings:
    """A vendor whose signing key is at *uri*."""
    given = server.settings(data, signer=uri)
    administrator = initialise.Administrator(server.EMAIL, server.PASSWORD)
    initialise.make(given, "Example Vendor", administrator, int(time.time()), os.urandom)
    return given


class Vendor(NamedTuple):
    """Its application."""

    client: TestClient
    settings: ServerSettings
    bearer: dict[str, str]
    database: Database

    def issue(self) -> httpx.Response:
        """The answer to an order."""
        reply: httpx.Response = self.client.post(PATH, json=ORDER, headers=self.bearer)
        return reply

    def check(self, number: str) -> None:
        """Check that a client of this vendor accepts the licence file."""
        file = self.client.get(f"{PATH}/{number}/license.dat", headers=self.bearer).content
        opened = open_license(file, roots=server.roots(self.settings.data))
        assert opened.license.jti == number

    def count(self, table: str) -> int:
        with self.database.reading() as connection:
            query = sqlalchemy.text(f"select count(*) from {table}")
            return int(connection.execute(query).scalar_one())


def serving_vendor(settings: ServerSettings) -> Iterator[Vendor]:
    app = create_app(settings)
    database: Database = app.state.server.site.database
    bearer = {"Authorization": f"Bearer {server.new_token(database, f't{time.monotonic_ns()}')}"}
    with TestClient(app, base_url="http://testserver", follow_redirects=False) as client:
        yield Vendor(client, settings, bearer, database)


def verified(vendor: Vendor, reply: httpx.Response) -> str:
    """The number of the issued licence, once a client has accepted its file."""
    assert reply.status_code == 201, reply.text
    number: str = reply.json()["id"]
    vendor.check(number)
    return number
