"""A vendor whose signing key is in a SoftHSM 2 token, and ways to make the token fail."""

import os
import time
from collections.abc import Callable, Iterator
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
from license_server.signing.signers import (
    create_key,
)
from tests.support import server
from tests.support.server import LINE
from tests.support.softhsm import Hsm

PATH = "/api/v1/licenses"
ORDER = {"customer": "ACME", "product": "darwin", "days": 30, "host": LINE}


def no_passphrase(_: str) -> bytes:
    raise AssertionError("a token needs no passphrase")


def create(hsm: Hsm, key: str, token: str = "test") -> str:
    """The URI of a new key."""
    uri = hsm.uri(key, token)
    create_key(uri, no_passphrase, os.urandom)
    return uri


def made_with(hsm: Hsm, data: Path) -> ServerSettings:
    """A vendor whose signing key is in the token."""
    given = server.settings(data, signer=create(hsm, data.parent.name))
    administrator = initialise.Administrator(server.EMAIL, server.PASSWORD)
    initialise.make(given, "Example Vendor", administrator, int(time.time()), os.urandom)
    return given


class Vendor(NamedTuple):
    """An application whose key is in a token."""

    client: TestClient
    hsm: Hsm
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


def serving_vendor(hsm: Hsm, settings: ServerSettings) -> Iterator[Vendor]:
    app = create_app(settings)
    database: Database = app.state.server.site.database
    bearer = {"Authorization": f"Bearer {server.new_token(database, f't{time.monotonic_ns()}')}"}
    with TestClient(app, base_url="http://testserver", follow_redirects=False) as client:
        yield Vendor(client, hsm, settings, bearer, database)


def verified(vendor: Vendor, reply: httpx.Response) -> str:
    """The number of the issued licence, once a client has accepted its file."""
    assert reply.status_code == 201, reply.text
    number: str = reply.json()["id"]
    vendor.check(number)
    return number


def pull(hsm: Hsm) -> Callable[[], object]:
    """Pull the PKCS#11 token; returns a function that plugs it in again."""
    away = hsm.folder / "pulled"
    hsm.tokens.rename(away)
    return lambda: away.rename(hsm.tokens)
