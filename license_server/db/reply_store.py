"""Stored replies to requests with an Idempotency-Key."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, delete, insert, literal, select, update

from license_server.db import deferred
from license_server.db.tables import idempotency_keys, users

_KEPT_REPLY = select(idempotency_keys).where(
    idempotency_keys.c.actor == bindparam("actor"), idempotency_keys.c.key == bindparam("key")
)


_KEEP_REPLY = insert(idempotency_keys).inline()


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
