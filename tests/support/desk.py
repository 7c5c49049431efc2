"""A vendor whose application runs in the test itself, and the clock that it goes by."""

from typing import NamedTuple

import sqlalchemy
from starlette.testclient import TestClient

from license_server.settings import ServerSettings
from license_server.site import Site


class Clock:
    """The time, as a test sets it."""

    def __init__(self) -> None:
        self.now = 1_795_000_000  # 2026-11-18

    def __call__(self) -> int:
        return self.now


class Desk(NamedTuple):
    """An application, and what a test needs beside it."""

    client: TestClient
    site: Site
    settings: ServerSettings
    token: str
    clock: Clock

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def count(self, table: str) -> int:
        with self.site.database.reading() as connection:
            query = sqlalchemy.text(f"select count(*) from {table}")
            return int(connection.execute(query).scalar_one())
