"""``Idempotency-Key``: the same request gets the same reply, byte for byte, however often it comes.

The reply is kept in the transaction of the act that it tells of. Two such requests at once: the
second waits for the commit of the first, and is told the same. Work that takes more than one
transaction reserves its key first; whoever asks meanwhile is told that it is still running.
"""

import hashlib
from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import Connection

from license_core.errors import IdempotencyConflictError, StillRunningError
from license_server.store import record as store
from license_server.store.record import Reply

KEPT_SECONDS = 7 * 86400
"""How long a reply is kept."""


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
    store.keep_reply(connection, actor, idempotency.key, idempotency.fingerprint, now, reply)
    return reply


def earlier_reply(connection: Connection, actor: str, idempotency: Idempotency) -> Reply | None:
    """What the same request of *actor* got before. Raises as ``once`` does."""
    kept = store.kept_reply(connection, actor, idempotency.key)
    if kept is None:
        return None
    if kept.fingerprint != idempotency.fingerprint:
        raise IdempotencyConflictError(key=idempotency.key)
    if kept.reply is None:
        raise StillRunningError(key=idempotency.key)
    return kept.reply


def reserve(connection: Connection, actor: str, idempotency: Idempotency, now: int) -> Reply | None:
    """The earlier reply; else None, and whoever comes with the key now is told to wait."""
    earlier = earlier_reply(connection, actor, idempotency)
    if earlier is None:
        store.keep_reply(connection, actor, idempotency.key, idempotency.fingerprint, now, None)
    return earlier


def finish(
    connection: Connection, actor: str, idempotency: Idempotency, now: int, reply: Reply | None
) -> None:
    """Keep the reply of what was reserved; None: it came to nothing, and may be tried again."""
    store.forget_reply(connection, actor, idempotency.key)
    if reply is not None:
        store.keep_reply(connection, actor, idempotency.key, idempotency.fingerprint, now, reply)
