"""Stored events, their hash chain, and checkpoints."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import (
    Connection,
    bindparam,
    func,
    insert,
    literal,
    select,
    tuple_,
    update,
)

from license_server.db import deferred
from license_server.db.deferred import streamed
from license_server.db.tables import (
    audit_events,
    checkpoints,
)

# Made once: what SQLAlchemy knows of a statement by heart it need not work out at each issue.
_ADD_EVENT = insert(audit_events).inline()


class Event(NamedTuple):
    """What somebody did, as it is stored."""

    id: int
    at: int
    actor: str
    action: str
    subject: str
    details: str
    address: str | None
    reason: str | None
    rows: str | None
    position: int | None
    link: bytes | None


class NewEvent(NamedTuple):
    """An event to be."""

    at: int
    actor: str
    action: str
    subject: str
    details: str
    address: str | None
    reason: str | None
    rows: str | None


class StoredCheckpoint(NamedTuple):
    """A checkpoint of the chain."""

    position: int
    token: str
    created_at: int


class EventFilter(NamedTuple):
    """Which events to list."""

    subject: str | None = None
    actor: str | None = None
    action: str | None = None
    since: int | None = None
    until: int | None = None
    subjects: Sequence[str] | None = None
    """Any of these; not many."""


def add_event(connection: Connection, event: NewEvent) -> None:
    """Write an event down."""
    deferred.add(connection, _ADD_EVENT, event._asdict())


def events(
    connection: Connection, wanted: EventFilter, *, before: int | None, limit: int
) -> list[Event]:
    """At most *limit* events, the newest first; those that stand after the event *before*.

    Where a time is asked for, they are in its order: its index tells them. Else in that of their
    ids, which is the same but for what took long to be stored.
    """
    table, query = audit_events, select(audit_events)
    order = [table.c.id]
    if wanted.since is not None or wanted.until is not None:
        order = [table.c.at, table.c.id]
    if wanted.subject is not None:
        query = query.where(table.c.subject == wanted.subject)
    if wanted.subjects is not None:
        query = query.where(table.c.subject.in_(wanted.subjects))
    if wanted.actor is not None:
        query = query.where(table.c.actor == wanted.actor)
    if wanted.action is not None:
        query = query.where(table.c.action == wanted.action)
    if wanted.since is not None:
        query = query.where(table.c.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(table.c.at < wanted.until)
    if before is not None:
        last = table.alias()
        place = [select(last.c[one.name]).where(last.c.id == before) for one in order[:-1]]
        query = query.where(
            tuple_(*order) < tuple_(*(one.scalar_subquery() for one in place), literal(before))
        )
    rows = connection.execute(query.order_by(*(one.desc() for one in order)).limit(limit))
    return [Event(*row) for row in rows]


def trail(connection: Connection, subjects: Sequence[str]) -> list[Event]:
    """What was done to *subjects*, in order."""
    query = (
        select(audit_events).where(audit_events.c.subject.in_(subjects)).order_by(audit_events.c.id)
    )
    return [Event(*row) for row in connection.execute(query)]


# The chain

_CHAIN_LOCK = 0x486F7374_7365616C
"""PostgreSQL's number for "whoever extends the chain"."""


def hold_chain(connection: Connection, *, wait: bool) -> bool:
    """Be the only one that extends the chain, to the end of this transaction.

    False where another process is at it and *wait* is not set. A writer of SQLite is alone anyway.
    """
    if connection.dialect.name == "sqlite":
        return True
    if wait:
        connection.execute(select(func.pg_advisory_xact_lock(_CHAIN_LOCK)))
        return True
    held: bool = connection.execute(
        select(func.pg_try_advisory_xact_lock(_CHAIN_LOCK))
    ).scalar_one()
    return held


def last_linked(connection: Connection) -> tuple[int, bytes] | None:
    """The chain's last position and its hash."""
    table = audit_events
    query = (
        select(table.c.position, table.c.link)
        .where(table.c.position.is_not(None))
        .order_by(table.c.position.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    return None if row is None else (row.position, bytes(row.link))


def unlinked(connection: Connection, limit: int) -> list[Event]:
    """At most *limit* events that are not in the chain yet, the oldest first."""
    table = audit_events
    query = select(table).where(table.c.position.is_(None)).order_by(table.c.id).limit(limit)
    return [Event(*row) for row in connection.execute(query)]


def set_link(connection: Connection, links: Sequence[tuple[int, int, bytes]]) -> None:
    """Put events into the chain: the id of each, its position and the hash up to it."""
    query = (
        update(audit_events)
        .where(audit_events.c.id == bindparam("event"))
        .values(position=bindparam("place"), link=bindparam("hash"))
    )
    connection.execute(
        query, [{"event": id_, "place": place, "hash": hash_} for id_, place, hash_ in links]
    )


def whole_chain(connection: Connection) -> Iterator[Event]:
    """Every event of the chain, in its order, some at a time."""
    table = audit_events
    linked = table.c.position.is_not(None)
    query = select(table).where(linked).order_by(table.c.position, table.c.id)
    yield from (Event(*row) for row in streamed(connection, query))


def chain_after(connection: Connection, position: int, limit: int) -> list[Event]:
    """At most *limit* events of the chain after *position*, in its order."""
    table = audit_events
    query = select(table).where(table.c.position > position).order_by(table.c.position).limit(limit)
    return [Event(*row) for row in connection.execute(query)]


def all_unlinked(connection: Connection) -> Iterator[Event]:
    """Every event that is not in the chain yet, the oldest first, some at a time."""
    table = audit_events
    query = select(table).where(table.c.position.is_(None)).order_by(table.c.id)
    yield from (Event(*row) for row in streamed(connection, query))


def add_checkpoint(connection: Connection, checkpoint: StoredCheckpoint) -> None:
    """Store a checkpoint."""
    connection.execute(insert(checkpoints), checkpoint._asdict())


def listed_checkpoints(
    connection: Connection, *, before: int | None, limit: int
) -> list[StoredCheckpoint]:
    """At most *limit* checkpoints, the newest first; those with a position under *before*."""
    query = select(checkpoints).order_by(checkpoints.c.position.desc()).limit(limit)
    if before is not None:
        query = query.where(checkpoints.c.position < before)
    return [StoredCheckpoint(*row) for row in connection.execute(query)]


def all_checkpoints(connection: Connection) -> Iterator[StoredCheckpoint]:
    """Every checkpoint, the oldest first, some at a time."""
    query = select(checkpoints).order_by(checkpoints.c.position)
    yield from (StoredCheckpoint(*row) for row in streamed(connection, query))


def count_events(connection: Connection) -> int:
    """How many events there are."""
    found: int = connection.execute(select(func.count()).select_from(audit_events)).scalar_one()
    return found


# Replies


# Keysets
