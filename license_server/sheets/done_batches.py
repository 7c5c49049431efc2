"""Finished batches: the result of each is stored in the transaction that issued it.

So a job that is begun again with the same name finds them done, and issues nothing twice.
"""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from license_core import strictjson
from license_server.actor import Actor
from license_server.db.errors import IdempotencyConflictError
from license_server.sheets import sheet_store
from license_server.sheets.batches import Line, Outcome
from license_server.sheets.sheet_store import StoredBatch

_KEPT = Outcome._fields.index("notices")


class BatchKey(NamedTuple):
    """What tells a batch from all others: done once, however often its job is begun."""

    job: str
    key: bytes
    """The SHA-256 of the job's name and the number of its first line."""
    fingerprint: bytes
    """The SHA-256 of its lines."""


def key_of(job: str, lines: Sequence[Line]) -> BatchKey:
    """The key of the batch of *lines* in the job of this name."""
    content = strictjson.dumps([line.said for line in lines])
    key = hashlib.sha256(f"{job}\n{lines[0].number}".encode()).digest()
    return BatchKey(job, key, hashlib.sha256(content).digest())


def find(connection: Connection, actor: Actor, key: BatchKey) -> list[Outcome] | None:
    """What became of a batch that *actor*'s job did before; None: it did not.

    Raises IdempotencyConflictError where it had other lines.
    """
    kept = sheet_store.batch(connection, actor.name, key.key)
    if kept is None:
        return None
    if kept.fingerprint != key.fingerprint:
        raise IdempotencyConflictError(key=key.job)
    return [Outcome(*one) for one in strictjson.loads(kept.outcomes.encode("utf-8"))]


def keep(
    connection: Connection, actor: Actor, key: BatchKey, outcomes: Sequence[Outcome], now: int
) -> None:
    """Keep what became of a batch. Raises IntegrityError where another process did it meanwhile."""
    told = strictjson.dumps([list(one[:_KEPT]) for one in outcomes]).decode("utf-8")
    done = StoredBatch(key.fingerprint, told)
    sheet_store.add_batch(connection, actor.name, key.key, done, now)
