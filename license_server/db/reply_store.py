"""Stored replies to requests with an Idempotency-Key."""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, delete, select

from license_server.db import deferred
from license_server.db.among import among
from license_server.db.tables import idempotency_keys

_OF_ACTOR = select(idempotency_keys).where(idempotency_keys.c.actor == bindparam("actor"))
_KEPT_REPLY = _OF_ACTOR.where(idempotency_keys.c.key == bindparam("key"))
_KEPT_REPLIES = _OF_ACTOR.where(among(idempotency_keys.c.key, "keys"))


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
    for kept in deferred.waiting(connection, idempotency_keys):
        if (kept["actor"], kept["key"]) == (actor, key):
            return _kept(kept)
    row = connection.execute(_KEPT_REPLY, {"actor": actor, "key": key}).first()
    return None if row is None else _kept(row._asdict())


def kept_replies(connection: Connection, actor: str, keys: Collection[str]) -> dict[str, Kept]:
    """The same of several requests, by their keys; of those that there are."""
    given = {"actor": actor, "keys": list(keys)}
    found = {row.key: _kept(row._asdict()) for row in connection.execute(_KEPT_REPLIES, given)}
    for row in deferred.waiting(connection, idempotency_keys):
        if row["actor"] == actor:
            found[row["key"]] = _kept(row)
    return found


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
    deferred.add(connection, idempotency_keys, [values])


def forget_reply(connection: Connection, actor: str, key: str) -> None:
    """Forget a request that came to nothing."""
    deferred.write(connection)
    table = idempotency_keys
    connection.execute(delete(table).where(table.c.actor == actor, table.c.key == key))
