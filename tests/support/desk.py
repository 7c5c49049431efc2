"""A vendor whose application runs inside the test, its clock, and a look into its ledger."""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import sqlalchemy
from starlette.testclient import TestClient

from license_server.audit import audit_store
from license_server.licenses import license_store
from license_server.licenses.license_store import StoredLicense
from license_server.settings import ServerSettings
from license_server.site import Site


class Clock:
    """The time, as a test sets it."""

    def __init__(self) -> None:
        self.now = 1_795_000_000  # 2026-11-18

    def __call__(self) -> int:
        return self.now


class Desk(NamedTuple):
    """A vendor's application with a client, its site, settings, an API token and a clock."""

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


@contextmanager
def still(desk: Desk) -> Iterator[None]:
    """Hold what the server does by itself each second, and the client, until the block's end."""
    begun, gate = threading.Event(), threading.Event()

    async def hold() -> None:
        begun.set()
        gate.wait(60)

    assert desk.client.portal is not None
    held = desk.client.portal.start_task_soon(hold)
    try:
        assert begun.wait(60)
        desk.site.database.write(lambda _: None)  # behind what was begun before
        yield
    finally:
        gate.set()
        held.result()


def last_event(desk: Desk, subject: str) -> tuple[str, str, dict[str, Any]]:
    """The latest event of *subject*: actor, action and details."""
    query = sqlalchemy.text(
        "select actor, action, details from audit_events where subject = :s order by id desc"
    )
    with desk.site.database.reading() as connection:
        actor, action, details = connection.execute(query, {"s": subject}).first()  # type: ignore[misc]
    return actor, action, json.loads(details)


def row(desk: Desk, table: str, **where: object) -> Any:
    """The one row of *table* with these values."""
    told = " and ".join(f"{name} = :{name}" for name in where)
    query = sqlalchemy.text(f"select * from {table} where {told}")
    with desk.site.database.reading() as connection:
        return connection.execute(query, where).one()


def unique(desk: Desk, name: str) -> str:
    """A name that nothing else on this desk has."""
    return f"{name}-{desk.clock.now}-{os.urandom(3).hex()}"


def stored(desk: Desk, number: str) -> StoredLicense:
    """The licence of this number, as the ledger has it."""
    with desk.site.database.reading() as connection:
        found = license_store.by_number(connection, number)
    assert found is not None
    return found


def trail(desk: Desk, *subjects: str) -> list[tuple[str, str, str | None]]:
    """The events of *subjects*, oldest first: actor, action and reason."""
    with desk.site.database.reading() as connection:
        events = audit_store.trail(connection, subjects)
    return [(event.actor, event.action, event.reason) for event in events]
