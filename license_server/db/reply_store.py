"""Stored replies to requests with an Idempotency-Key."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, delete, insert, select

from license_server.db import deferred
from license_server.db.tables import idempotency_keys

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
    """When it was done, or begun."""
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


def forget_reply(connection: Connection, actor: str, key: str) -> None:
    """Forget a request that came to nothing."""
    deferred.write(connection)
    table = idempotency_keys
    connection.execute(delete(table).where(table.c.actor == actor, table.c.key == key))
