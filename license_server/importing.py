"""Importing: the lines of a file become licences, a batch a transaction (bulk.py).

A job that was stopped goes on when it is begun again with the same name: what it issued stays
issued, once.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from license_core.errors import DatabaseUnavailableError
from license_server import bulk, idempotency
from license_server.actor import Actor
from license_server.bulk import Line, Outcome, Planned, Refused
from license_server.db import Database
from license_server.idempotency import Idempotency
from license_server.issuing import Issuer, Random
from license_server.store.record import Reply

_TRIES = 4


def check(
    database: Database, lines: Iterable[Line], actor: Actor, now: int, job: str | None
) -> Iterator[list[Outcome]]:
    """What would become of *lines*, batch by batch; what *job* has done already stays done.

    Raises what reading *lines* raises, or as ``issue`` for another job of this name.
    """
    for batch in _batches(lines):
        done, planned, refused = _planned(database, batch, actor, now, _key(job, batch))
        right = [Outcome(one.line) for one in planned]
        yield bulk.outcomes_of(done) if done else sorted((*right, *refused))


def look(
    database: Database, lines: Iterable[Line], actor: Actor, now: int
) -> Iterator[Planned | Refused]:
    """What would become of each of *lines*, for people. Raises what reading *lines* raises."""
    for batch in _batches(lines):
        with database.reading() as connection:
            seen = list(bulk.each(connection, batch, actor, now))
        yield from seen


def issue(
    database: Database,
    issuer: Issuer,
    lines: Iterable[Line],
    actor: Actor,
    now: int,
    random: Random,
    job: str | None,
) -> Iterator[list[Outcome]]:
    """Issue what can be issued, as the job of this name; None: one that is not begun again.

    Raises what reading *lines* raises, what keeps a batch from being drawn up or stored, or
    IdempotencyConflictError where the job had other lines before.
    """
    for batch in _batches(lines):
        key = _key(job, batch)
        done, planned, refused = _planned(database, batch, actor, now, key)
        if done is None:
            done = _store(database, issuer, planned, refused, actor, now, random, key)
        yield bulk.outcomes_of(done)


def _planned(
    database: Database, batch: Sequence[Line], actor: Actor, now: int, key: Idempotency | None
) -> tuple[Reply | None, list[Planned], list[Outcome]]:
    with database.reading() as connection:
        done = idempotency.earlier_reply(connection, actor.name, key) if key else None
        return (done, *(([], []) if done else bulk.plan(connection, batch, actor, now)))


def _store(
    database: Database,
    issuer: Issuer,
    planned: Sequence[Planned],
    refused: Sequence[Outcome],
    actor: Actor,
    now: int,
    random: Random,
    key: Idempotency | None,
) -> Reply:
    for _ in range(_TRIES):
        drawn = bulk.draw_up(planned, issuer, now, random)

        def act(connection: Connection) -> Reply:
            issued = bulk.record(connection, planned, drawn, issuer, actor, now)  # noqa: B023
            return bulk.reply_of((*issued, *refused))

        try:
            return database.write(
                lambda connection: idempotency.once(
                    connection,
                    actor.name,
                    key,
                    now,
                    lambda: act(connection),
                )
            )
        except IntegrityError:
            continue  # somebody took a number, a name or the key meanwhile
    raise DatabaseUnavailableError(reason="others write the same")


def _key(job: str | None, batch: Sequence[Line]) -> Idempotency | None:
    return None if job is None else bulk.key_of(job, batch)


def _batches(lines: Iterable[Line]) -> Iterator[list[Line]]:
    rest = iter(lines)
    while batch := list(islice(rest, bulk.BATCH)):
        yield batch
