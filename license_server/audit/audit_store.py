"""The record: events and their chain; and the replies to requests that carried a key."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    Connection,
    Select,
    bindparam,
    delete,
    func,
    insert,
    literal,
    select,
    tuple_,
    update,
)

from license_server.catalog.catalog_store import Customer
from license_server.db import deferred
from license_server.db.tables import (
    audit_events,
    checkpoints,
    idempotency_keys,
    keysets,
    licenses,
    users,
)

MOST_OF_CUSTOMER = 500
"""Of so many licences of a customer the events are listed."""

# Made once: what SQLAlchemy knows of a statement by heart it need not work out at each issue.
_ADD_EVENT = insert(audit_events).inline()
_KEPT_REPLY = select(idempotency_keys).where(
    idempotency_keys.c.actor == bindparam("actor"), idempotency_keys.c.key == bindparam("key")
)
_NEWEST_VERSION = select(func.max(keysets.c.version))
_KEEP_REPLY = insert(idempotency_keys).inline()


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


class Reply(NamedTuple):
    """What a request was answered."""

    status: int
    location: str | None
    body: bytes


class Kept(NamedTuple):
    """A key, the SHA-256 of the request that came with it, and its reply, if it is done."""

    fingerprint: bytes
    at: int
    """When it was done, or worked on last."""
    reply: Reply | None


class StoredCheckpoint(NamedTuple):
    """A checkpoint of the chain."""

    position: int
    token: str
    created_at: int


class Wanted(NamedTuple):
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
    connection: Connection, wanted: Wanted, *, before: int | None, limit: int
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


def of_customer(connection: Connection, customer: Customer) -> list[str]:
    """The subjects of a customer's events: its name, and the numbers of its newest licences."""
    query = (
        select(licenses.c.number)
        .where(licenses.c.customer_id == customer.id)
        .order_by(licenses.c.id.desc())
        .limit(MOST_OF_CUSTOMER)
    )
    return [customer.name, *connection.execute(query).scalars()]


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


def streamed(connection: Connection, query: Select[Any]) -> Iterable[Any]:
    """The rows of *query*, however many: a thousand at a time are in memory."""
    return connection.execute(query, execution_options={"yield_per": 1000})


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


def kept_reply(connection: Connection, actor: str, key: str) -> Kept | None:
    """What *actor*'s request with *key* was, and its reply."""
    for kept in deferred.waiting(connection, _KEEP_REPLY):
        if (kept["actor"], kept["key"]) == (actor, key):
            return _kept(kept)
    row = connection.execute(_KEPT_REPLY, {"actor": actor, "key": key}).first()
    return None if row is None else _kept(row._asdict())


def _kept(row: Mapping[str, Any]) -> Kept:
    done = row["status"] is not None
    reply = Reply(row["status"], row["location"], bytes(row["body"])) if done else None
    return Kept(bytes(row["fingerprint"]), row["created_at"], reply)


def keep_reply(
    connection: Connection, actor: str, key: str, fingerprint: bytes, now: int, reply: Reply | None
) -> None:
    """Keep the reply to a request, or that it is being worked on.

    Raises IntegrityError, by the commit at the latest, where there is one with this key already.
    """
    values = {"actor": actor, "key": key, "fingerprint": fingerprint, "created_at": now}
    answer = (None, None, None) if reply is None else tuple(reply)
    values |= dict(zip(("status", "location", "body"), answer, strict=True))
    deferred.add(connection, _KEEP_REPLY, values)


def kept_replies(
    connection: Connection, actor: str, prefix: str, limit: int
) -> list[tuple[str, int, Reply]]:
    """The replies to *actor*'s requests whose keys begin so: key, instant, reply; newest first."""
    deferred.write(connection)
    table = idempotency_keys
    query = (
        select(table.c.key, table.c.created_at, table.c.status, table.c.location, table.c.body)
        .where(
            table.c.actor == actor,
            table.c.key.startswith(prefix, autoescape=True),
            table.c.status.is_not(None),
        )
        .order_by(table.c.created_at.desc(), table.c.key)
        .limit(limit)
    )
    rows = connection.execute(query)
    return [(key, at, Reply(status, to, bytes(body))) for key, at, status, to, body in rows]


def others_with_key(connection: Connection, actor: str, key: str) -> list[str]:
    """The people besides *actor* who used this key, in the order of their names."""
    table = idempotency_keys
    people = select(literal("user:") + users.c.email)  # each key is looked up, not all of them
    query = (
        select(table.c.actor)
        .where(table.c.actor.in_(people), table.c.actor != actor, table.c.key == key)
        .order_by(table.c.actor)
    )
    return list(connection.execute(query).scalars())


def touch_reply(connection: Connection, actor: str, key: str, now: int) -> None:
    """Note that a request is still worked on."""
    deferred.write(connection)
    table = idempotency_keys
    query = update(table).where(table.c.actor == actor, table.c.key == key)
    connection.execute(query.values(created_at=now))


def forget_reply(connection: Connection, actor: str, key: str) -> None:
    """Forget a request that came to nothing."""
    deferred.write(connection)
    table = idempotency_keys
    connection.execute(delete(table).where(table.c.actor == actor, table.c.key == key))


def forget_replies_before(connection: Connection, instant: int) -> None:
    """Forget the replies that are older than *instant*."""
    deferred.write(connection)
    connection.execute(delete(idempotency_keys).where(idempotency_keys.c.created_at < instant))


# Keysets


def add_keyset(connection: Connection, version: int, token: str, now: int) -> None:
    """Store a keyset."""
    connection.execute(insert(keysets), {"version": version, "token": token, "created_at": now})


def newest_version(connection: Connection) -> int:
    """The version of the keyset that is in force."""
    version: int | None = connection.execute(_NEWEST_VERSION).scalar()
    return version or 0


def newest_keyset(connection: Connection) -> str | None:
    """The token of the keyset with the highest version."""
    token: str | None = connection.execute(
        select(keysets.c.token).order_by(keysets.c.version.desc()).limit(1)
    ).scalar()
    return token
