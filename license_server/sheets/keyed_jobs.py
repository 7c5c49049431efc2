"""The import job of a request with an ``Idempotency-Key``: run once, however often sent.

While it runs, the same request is told to wait; what was cut off, or is done, is begun again and
finds its batches done. The key is reserved with the job, so that no other request can use it.
"""

import hashlib
from collections.abc import Sequence

from sqlalchemy import Connection

from license_server.actor import Actor
from license_server.db import idempotency
from license_server.db.errors import StillRunningError
from license_server.db.idempotency import Idempotency
from license_server.sheets import jobs, sheet_store
from license_server.sheets.batches import Outcome
from license_server.sheets.job_state import DONE, RUNNING, STOPPED, Job, Progress


def name_of(key: Idempotency) -> str:
    """The name of the job of this key and this request, by which its batches are kept."""
    return f"{key.key}\n{key.fingerprint.hex()}"


def begin(connection: Connection, key: Idempotency, actor: Actor, now: int) -> None:
    """Begin the job of *key*, or let it go on.

    Raises IdempotencyConflictError where another request came with it, StillRunningError, or
    IntegrityError where another process began it meanwhile: then ask again.
    """
    idempotency.reserve(connection, actor.name, key, now)
    wanted = Job(_id_of(key), RUNNING, now, Progress(0))
    if not jobs.begin(connection, wanted, actor, again=True):
        raise StillRunningError(key=key.key)


def beat(connection: Connection, key: Idempotency, actor: Actor, now: int) -> None:
    """Note that the job of *key* is still done."""
    sheet_store.beat(connection, actor.name, _id_of(key), now)


def end(
    connection: Connection,
    key: Idempotency,
    actor: Actor,
    now: int,
    outcomes: Sequence[Outcome] | None,
) -> None:
    """End the job of *key* with what became of its lines; None: it stopped before its end.

    What stopped may come with another request under the same key.
    """
    progress = Progress(len(outcomes or ())).further(outcomes or ())
    state = STOPPED if outcomes is None else DONE
    jobs.note(connection, Job(_id_of(key), state, now, progress), actor, now)
    idempotency.release(connection, actor.name, key, now, done=outcomes is not None)


def _id_of(key: Idempotency) -> str:
    return hashlib.sha256(name_of(key).encode()).hexdigest()[:32]
