"""Writes events: who did what, from where and why, in the transaction that did it.

An event names each row of the ledger that its act left behind, with the digest of that row. The
events form a chain (chain.py), so what is in the ledger can be held against what was done.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from license_core import clock, strictjson
from license_server.actor import Actor
from license_server.audit import audit_store
from license_server.audit.audit_store import NewEvent
from license_server.audit.digests import digest, name
from license_server.deliveries import telling
from license_server.deliveries.telling import Happening
from license_server.finding import following
from license_server.finding.following import Left

Row = tuple[str, Mapping[str, Any]]
"""A table's name, and a row of it with all its columns."""
Written = tuple[NewEvent, Sequence[Row]]
"""An event, and the rows that its act left."""


def record(
    connection: Connection,
    now: int,
    actor: Actor,
    action: str,
    subject: str,
    *,
    rows: Iterable[Row] = (),
    reason: str | None = None,
    **details: Any,
) -> None:
    """Write an event, with the same arguments as ``event``."""
    rows = list(rows)
    new = event(now, actor, action, subject, rows=rows, reason=reason, **details)
    write(connection, [(new, rows)])


def write(connection: Connection, written: Sequence[Written]) -> None:
    """Write events, let the rows be found that each left, and what webhooks are to be told."""
    audit_store.add_events(connection, [new for new, _ in written])
    left = (Left(new.action, new.subject, rows, new.reason) for new, rows in written)
    following.follow(connection, left)
    telling.tell(
        connection,
        [Happening(new.at, new.action, new.subject, new.details, rows) for new, rows in written],
    )


def event(
    now: int,
    actor: Actor,
    action: str,
    subject: str,
    *,
    rows: Iterable[Row] = (),
    reason: str | None = None,
    **details: Any,
) -> NewEvent:
    """An event to be written. *details* are plain values, and never a secret.

    Raises ClockWrongError for an instant before 1970 or after 9999, so that no act has one.

    *rows* are what this very transaction wrote. A row that was only read may have been changed by
    another meanwhile, and its last event would then tell of what it was before.
    """
    clock.check(now)
    digests = {name(*row): digest(*row) for row in rows}
    return NewEvent(
        at=now,
        actor=actor.name,
        action=action,
        subject=subject[:200],
        details=strictjson.dumps(details).decode("utf-8"),
        address=actor.address,
        reason=reason,
        rows=strictjson.dumps(digests).decode("utf-8") if digests else None,
    )
