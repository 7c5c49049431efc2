"""Erases what is older than the settings let it be kept, some at a time.

It is done as a customer is erased: the rows stay and say less, and an event binds what is left.
"""

from typing import Any, NamedTuple

from sqlalchemy import Connection

from license_server.actor import SERVER
from license_server.audit import audit_store, digests, events, seals
from license_server.audit.audit_store import Event
from license_server.audit.events import Row
from license_server.erasure import erasure_store, rows
from license_server.erasure.erasure_store import MAILS, REQUESTS, SENDER
from license_server.finding import finding_store
from license_server.finding.texts import Kind

BATCH = 200
_DAY = 86400
_SAID = ("proposed", "approved")
"""The members of details that tell who gave their word, and from where."""


class Kept(NamedTuple):
    """For how many days it is kept; 0: for good."""

    mail_texts: int
    senders: int
    addresses: int


def forget(connection: Connection, kept: Kept, now: int) -> int:
    """Erase some of what is too old at *now*; how much that was. 0: there is nothing left."""
    ways = (
        (kept.mail_texts, _mails, "mails"),
        (kept.senders, _senders, "requests"),
        (kept.addresses, _addresses, "addresses"),
    )
    for days, erase, what in ways:
        left = erase(connection, now - days * _DAY, now) if days else []
        if left:
            events.record(
                connection,
                now,
                SERVER,
                "server.data-erased",
                "server",
                rows=left,
                what=what,
                count=len(left),
                days=days,
            )
            return len(left)
    return 0


def _mails(connection: Connection, before: int, now: int) -> list[Row]:
    """What mails said, and whom they went to."""
    return [
        (MAILS, erasure_store.change(connection, MAILS, row["id"], **_of_mail(row, now)))
        for row in erasure_store.old_mails(connection, before, BATCH)
    ]


def _of_mail(row: erasure_store.Row, now: int) -> dict[str, Any]:
    return rows.of_mail(row, now, rows.NOBODY)


def _senders(connection: Connection, before: int, _: int) -> list[Row]:
    """Who sent requests; what was asked for stays."""
    found = erasure_store.old_requests(connection, before, BATCH)
    for row in found:
        finding_store.forget(connection, Kind.REQUEST, row["id"])
    blank = dict.fromkeys(SENDER)
    return [
        (REQUESTS, erasure_store.change(connection, REQUESTS, row["id"], **blank)) for row in found
    ]


def _addresses(connection: Connection, before: int, _: int) -> list[Row]:
    """From where somebody acted."""
    left: list[Row] = []
    for event in audit_store.by_ids(
        connection, erasure_store.old_addresses(connection, before, BATCH)
    ):
        bare = seals.without(event, _without_address(event))
        audit_store.rewrite(connection, bare)
        left.append((digests.EVENTS, bare._asdict()))
    return left


def _without_address(event: Event) -> dict[str, Any]:
    gone: dict[str, Any] = {"address": None}
    for path, word in seals.words(event).items():
        if path in {f"details/{name}" for name in _SAID} and isinstance(word, dict):
            gone[path] = word | {"address": None}
    return gone
