"""Requests with idempotency keys, and a check that everything acknowledged is stored."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from license_core.verify import open_license
from license_server.access import tokens
from license_server.audit import audit_store
from license_server.db import reply_store
from license_server.db.database import Database
from license_server.licenses import issuing, license_store
from license_server.licenses.license_store import StoredLicense
from license_server.licenses.search import Filter
from license_server.permissions import PERMISSIONS
from tests.support import server

PATH = "/api/v1/licenses"
ALL = tokens.Grant(frozenset(PERMISSIONS))


class Request(NamedTuple):
    """An action requested by a client, with its idempotency key."""

    key: str
    path: str
    members: dict[str, Any]

    def send(self, client: httpx.Client) -> httpx.Response:
        return client.post(self.path, json=self.members, headers={"Idempotency-Key": self.key})


@contextmanager
def bearing(url: str, token: str) -> Iterator[httpx.Client]:
    """A client with a token."""
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=url, headers=headers, timeout=60) as client:
        yield client


def newest_checkpoint(database: Database) -> list[str]:
    with database.reading() as connection:
        return [
            one.token for one in audit_store.listed_checkpoints(connection, before=None, limit=1)
        ]


def kept_reply_to(database: Database, request: Request) -> bytes | None:
    """The reply to *request* that is in the database."""
    with database.reading() as connection:
        kept = reply_store.kept_reply(connection, "token:test", request.key)
    return None if kept is None or kept.reply is None else kept.reply.body


LATER: dict[str, list[list[str]]] = {
    "active": [[], ["license.noted"]],
    "replaced": [[], ["license.suspended"]],
    "suspended": [["license.suspended"]],
    "revoked": [["license.revoked"]],
}
"""What may have been done to a licence in each state, after it was issued."""


def stored_licences(database: Database, data: Path) -> dict[str, StoredLicense]:
    """The stored licences by number, each checked: its file verifies, its events match."""
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
                assert later in LATER[stored.state], stored.number
                assert stored.number not in found
                found[stored.number] = stored
            before = page[-1].id
    return found
