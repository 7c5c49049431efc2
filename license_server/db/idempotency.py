"""``Idempotency-Key``: a repeated request gets the same reply, byte for byte.

The reply is kept in the transaction of the act that it tells of. Two such requests at once: the
second waits for the commit of the first, and is told the same. Work that takes more than one
transaction reserves its key first (sheets/keyed_jobs.py).
"""

import hashlib
from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import Connection

from license_server.db import reply_store
from license_server.db.errors import IdempotencyConflictError, StillRunningError
from license_server.db.reply_store import Kept, Reply


class Idempotency(NamedTuple):
    """A key that a client gave to its request, and the SHA-256 of the request."""

    key: str
    fingerprint: bytes

    @classmethod
    def of(cls, key: str, method: str, target: str, body: bytes) -> "Idempotency":
        """The key of a request: *target* is its path with its query."""
        head = f"{method} {target}\n".encode("utf-8", "surrogateescape")
        return cls(key, hashlib.sha256(head + body).digest())


def once(
    connection: Connection,
    actor: str,
    idempotency: Idempotency | None,
    now: int,
    act: Callable[[], Reply],
) -> Reply:
    """The reply of *act*, or the one that the same request of *actor* got before.

    Raises IdempotencyConflictError, StillRunningError, what *act* raises, or IntegrityError where
    another process took the key meanwhile: then do it again.
    """
    if idempotency is None:
        return act()
    earlier = earlier_reply(connection, actor, idempotency)
    if earlier is not None:
        return earlier
    reply = act()
    keep(connection, actor, idempotency, now, reply)
    return reply


def keep(
    connection: Connection, actor: str, idempotency: Idempotency | None, now: int, reply: Reply
) -> None:
    """Keep the *reply* to a request of which ``reply_of`` knew nothing."""
    if idempotency is not None:
        key, fingerprint = idempotency
        reply_store.keep_reply(connection, actor, key, fingerprint, now, reply)


def earlier_reply(connection: Connection, actor: str, idempotency: Idempotency) -> Reply | None:
    """What the same request of *actor* got before. Raises as ``once`` does."""
    return reply_of(reply_store.kept_reply(connection, actor, idempotency.key), idempotency)


def reply_of(kept: Kept | None, idempotency: Idempotency) -> Reply | None:
    """The reply that is *kept* for a request; None: nothing is. Raises as ``once`` does."""
    if kept is None:
        return None
    if kept.fingerprint != idempotency.fingerprint:
        raise IdempotencyConflictError(key=idempotency.key)
    if kept.reply is None:
        raise StillRunningError(key=idempotency.key)
    return kept.reply


def reserve(connection: Connection, actor: str, idempotency: Idempotency, now: int) -> None:
    """Hold a key for work of several transactions, which knows itself whether it still runs.

    What was done before may be begun again. Raises IdempotencyConflictError, or IntegrityError as
    ``once`` does.
    """
    kept = reply_store.kept_reply(connection, actor, idempotency.key)
    if kept is not None:
        if kept.fingerprint != idempotency.fingerprint:
            raise IdempotencyConflictError(key=idempotency.key)
        reply_store.forget_reply(connection, actor, idempotency.key)
    reply_store.keep_reply(connection, actor, idempotency.key, idempotency.fingerprint, now, None)


def release(
    connection: Connection, actor: str, idempotency: Idempotency, now: int, *, done: bool
) -> None:
    """End the hold; what was *done* keeps its key, what was not may come with another body."""
    reply_store.forget_reply(connection, actor, idempotency.key)
    if done:
        empty = Reply(200, None, b"")  # each transaction has kept its part
        reply_store.keep_reply(
            connection, actor, idempotency.key, idempotency.fingerprint, now, empty
        )
