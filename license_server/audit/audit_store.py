"""Stored events, their hash chain, and checkpoints."""

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    bindparam,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    tuple_,
    union,
    update,
)

from license_server.audit.kinds import KINDS
from license_server.db import deferred, sorted_rows
from license_server.db.among import among
from license_server.db.deferred import streamed
from license_server.db.questions import Question, each, first
from license_server.db.sorted_rows import MOST_SORTED, Count
from license_server.db.tables import (
    audit_events,
    audit_values,
    begins,
    checkpoints,
)

# Made once: what SQLAlchemy knows of a statement by heart it need not work out at each issue.
_COMMAND = "command"
_ERASABLE = ("actor", "address", "subject", "reason", "details", "rows", "salt", "erased")


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
    salt: bytes | None = None
    """Of its seals (seals.py)."""
    erased: str | None = None
    """JSON: the seals of what was erased of it."""


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
    person: str | None = None
    """What the person of this address did, or what was done to their account."""
    kind: str | None = None
    """One of kinds.KINDS."""
    kinds: Sequence[str] | None = None
    """Any of these: a product may be called as a customer is."""


def add_events(connection: Connection, events: Sequence[NewEvent]) -> None:
    """Write events down, after those that wait."""
    deferred.add(connection, audit_events, [event._asdict() for event in events])
    deferred.tell(connection, (event.action for event in events))


class Doer(NamedTuple):
    """Who did something, how often, and when last."""

    actor: str
    times: int
    last_at: int


def doers(wanted: EventFilter, few: int) -> Question[list[Doer]]:
    """At most *few* of those who did what is *wanted*, whoever did so last first."""
    table = audit_events.c
    last = func.max(table.at)
    query = (
        select(table.actor, func.count(), last)
        .where(*_conditions(wanted))
        .group_by(table.actor)
        .order_by(last.desc(), table.actor)
        .limit(few)
    )
    return each(query, Doer)


def events(
    connection: Connection, wanted: EventFilter, *, before: int | None, limit: int
) -> list[Event]:
    """At most *limit* events, the newest first; those that stand after the event *before*.

    Where a time is asked for, they are in its order: its index tells them. Else in that of their
    ids, which is the same but for what took long to be stored.
    """
    if wanted.person is not None:
        return _of_person(connection, wanted, wanted.person, before, limit)
    table, query = audit_events, select(audit_events)
    order = [table.c.id]
    if wanted.since is not None or wanted.until is not None:
        order = [table.c.at, table.c.id]
    query = query.where(*_conditions(wanted))
    if before is not None:
        last = table.alias()
        place = [select(last.c[one.name]).where(last.c.id == before) for one in order[:-1]]
        query = query.where(
            tuple_(*order) < tuple_(*(one.scalar_subquery() for one in place), literal(before))
        )
    rows = connection.execute(query.order_by(*(one.desc() for one in order)).limit(limit))
    return [Event(*row) for row in rows]


def every(connection: Connection, wanted: EventFilter) -> list[Event]:
    """All events that are *wanted*, which are few; the oldest first."""
    found, before = list[Event](), None
    while some := events(connection, wanted, before=before, limit=_AT_ONCE):
        found += some
        before = some[-1].id
    return found[::-1]


_AT_ONCE = 100


def count_wanted(connection: Connection, wanted: EventFilter) -> Count:
    """How many events ``events`` lists, to a bound."""
    ids = select(audit_events.c.id)
    if wanted.person is None:
        return sorted_rows.count(connection, ids.where(*_conditions(wanted)))
    each = (
        ids.where(*_conditions(one)).limit(MOST_SORTED + 1).subquery()
        for one in _ways_of_person(wanted, wanted.person)
    )
    found = union(*(select(one.c.id) for one in each)).subquery()
    return sorted_rows.count(connection, select(found.c.id))


def _conditions(wanted: EventFilter) -> Iterator[ColumnElement[bool]]:
    """What must hold of an event; without what is asked of a person."""
    table = audit_events.c
    if wanted.subject is not None:
        yield table.subject == wanted.subject
    if wanted.subjects is not None:
        yield table.subject.in_(wanted.subjects)
    if wanted.actor == _COMMAND:  # whoever of the operating system's users it was
        yield or_(table.actor == _COMMAND, begins(table.actor, f"{_COMMAND}:"))
    elif wanted.actor is not None:
        yield table.actor == wanted.actor
    for kinds in (None if wanted.kind is None else (wanted.kind,), wanted.kinds):
        if kinds is not None:
            yield or_(*(begins(table.action, one) for kind in kinds for one in KINDS[kind]))
    if wanted.action is not None:
        yield table.action == wanted.action
    if wanted.since is not None:
        yield table.at >= wanted.since
    if wanted.until is not None:
        yield table.at < wanted.until


def _ways_of_person(wanted: EventFilter, email: str) -> list[EventFilter]:
    """The events that a person did, and those that their account underwent."""
    bare = wanted._replace(person=None)
    each = (bare._replace(actor=f"user:{email}"), bare._replace(subject=email))
    return [
        one
        for one in each
        if wanted.actor in (None, one.actor) and wanted.subject in (None, one.subject)
    ]


def _of_person(
    connection: Connection, wanted: EventFilter, email: str, before: int | None, limit: int
) -> list[Event]:
    """Events that a person did, or that their account underwent: each kind by its own index."""
    found: dict[int, Event] = {}
    for one in _ways_of_person(wanted, email):
        of_one = events(connection, one, before=before, limit=limit)
        found |= {event.id: event for event in of_one}
    timed = wanted.since is not None or wanted.until is not None
    order = sorted(found.values(), key=lambda one: (one.at * timed, one.id), reverse=True)
    return order[:limit]


def last_at(connection: Connection, action: str) -> int | None:
    """When the newest event of this *action* was; None: there is none."""
    table = audit_events.c
    query = select(table.at).where(table.action == action).order_by(table.id.desc()).limit(1)
    return connection.execute(query).scalar()


def trail(connection: Connection, subjects: Sequence[str]) -> list[Event]:
    """What was done to *subjects*, in order."""
    query = (
        select(audit_events).where(audit_events.c.subject.in_(subjects)).order_by(audit_events.c.id)
    )
    return [Event(*row) for row in connection.execute(query)]


def subject_events(
    connection: Connection, subjects: Collection[str], after: int, limit: int
) -> list[Event]:
    """At most *limit* events of *subjects* with an id over *after*, the oldest first."""
    table = audit_events.c
    query = select(audit_events).where(among(table.subject, sorted(subjects)), table.id > after)
    return [Event(*row) for row in connection.execute(query.order_by(table.id).limit(limit))]


def by_ids(connection: Connection, ids: Collection[int]) -> list[Event]:
    """The events of these ids, the oldest first."""
    query = select(audit_events).where(among(audit_events.c.id, ids)).order_by(audit_events.c.id)
    return [Event(*row) for row in connection.execute(query)]


def rewrite(connection: Connection, event: Event) -> None:
    """Store what is left of an event of which something was erased."""
    values = {name: getattr(event, name) for name in _ERASABLE}
    query = update(audit_events).where(audit_events.c.id == event.id).values(values)
    connection.execute(query)


def erased(connection: Connection) -> Iterator[Event]:
    """Every event of which something was erased, in the order of the chain, some at a time."""
    query = select(audit_events).where(audit_events.c.erased.is_not(None))
    query = query.order_by(audit_events.c.position, audit_events.c.id)
    yield from (Event(*row) for row in streamed(connection, query))


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


def last_position() -> Question[int]:
    """The chain's last position; 0: nothing is linked."""
    position = audit_events.c.position
    query = select(position).where(position.is_not(None)).order_by(position.desc()).limit(1)
    return Question(query, lambda rows: int(rows[0][0]) if rows else 0)


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


def last_checkpoint() -> Question[StoredCheckpoint | None]:
    """The newest checkpoint."""
    query = select(checkpoints).order_by(checkpoints.c.position.desc()).limit(1)
    return first(query, StoredCheckpoint)


def all_checkpoints(connection: Connection) -> Iterator[StoredCheckpoint]:
    """Every checkpoint, the oldest first, some at a time."""
    query = select(checkpoints).order_by(checkpoints.c.position)
    yield from (StoredCheckpoint(*row) for row in streamed(connection, query))


def count_events(connection: Connection) -> int:
    """How many events there are."""
    found: int = connection.execute(select(func.count()).select_from(audit_events)).scalar_one()
    return found


# Values that are about people: beside the events, so that they can be erased.


class KeptValue(NamedTuple):
    """A value that an event names by a digest."""

    digest: bytes
    salt: bytes
    value: str
    """JSON."""
    owner: str
    """Whom it is about: the name of a row of the ledger, such as ``customers/7``."""


_SALT_BYTES = 16


def new_salt(connection: Connection) -> bytes:
    """Unpredictable bytes, which the database draws."""
    if connection.dialect.name == "sqlite":
        query = select(func.randomblob(_SALT_BYTES))
    else:
        query = select(func.uuid_send(func.gen_random_uuid()))
    return bytes(connection.execute(query).scalar_one())


def add_value(connection: Connection, value: KeptValue) -> None:
    """Store a value beside its event."""
    connection.execute(insert(audit_values), value._asdict())


def values(connection: Connection, digests: Collection[bytes]) -> dict[bytes, str]:
    """The values of these *digests* that are not erased, as JSON."""
    if not digests:
        return {}
    table = audit_values.c
    query = select(table.digest, table.value).where(table.digest.in_(digests))
    return {bytes(digest): value for digest, value in connection.execute(query)}


def all_values(connection: Connection) -> Iterator[KeptValue]:
    """Every value that is stored beside an event, some at a time."""
    query = select(audit_values).order_by(audit_values.c.digest)
    for row in streamed(connection, query):
        yield KeptValue(bytes(row.digest), bytes(row.salt), row.value, row.owner)


def erase_values(connection: Connection, owners: Collection[str]) -> int:
    """Erase the values that are about these *owners*; how many there were."""
    query = delete(audit_values).where(audit_values.c.owner.in_(owners))
    return connection.execute(query).rowcount
