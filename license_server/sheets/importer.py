"""Jobs: what each of many lines asks for is done, one batch per transaction (batches.py).

A job that was stopped goes on when it is begun again with the same name: what it issued stays
issued, once.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from itertools import islice
from typing import NamedTuple

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from license_core.errors import DatabaseUnavailableError
from license_server.actor import Actor
from license_server.catalog.errors import ArchivedError
from license_server.db.database import Database
from license_server.db.errors import ChangedMeanwhileError
from license_server.licenses.errors import LicenseStateError, TrialUsedError
from license_server.licenses.issuing import SignedLicense
from license_server.sheets import batches, done_batches, second_licences
from license_server.sheets.batches import Line, Outcome, Refused, Right
from license_server.sheets.done_batches import BatchKey
from license_server.sheets.first_lines import FirstLines
from license_server.signing.issuer import Issuer, Random

_TRIES = 4
_OVERTAKEN = (
    *(IntegrityError, LicenseStateError, ChangedMeanwhileError),
    *(ArchivedError, TrialUsedError),
)


def check(
    database: Database, lines: Iterable[Line], actor: Actor, now: int, job: str | None
) -> Iterator[list[Outcome]]:
    """What would become of *lines*, batch by batch; what *job* has done already stays done.

    Raises what reading *lines* raises, or as ``issue`` for another job of this name.
    """
    hosts = FirstLines()
    for batch in _batches(lines):
        database.check_going_on()
        done, planned, refused = _planned(database, batch, actor, now, _key(job, batch))
        with database.reading() as connection:
            seen = list(second_licences.noted(connection, planned, hosts, now))
        right = [Outcome(one.line, notices=one.notices) for one in seen]
        yield done or sorted((*right, *refused))


def look(
    database: Database, lines: Iterable[Line], actor: Actor, now: int
) -> Iterator[Right | Refused]:
    """What would become of each of *lines*, for people. Raises what reading *lines* raises."""
    hosts = FirstLines()
    for batch in _batches(lines):
        database.check_going_on()
        with database.reading() as connection:
            each = list(batches.each(connection, batch, actor, now))
            seen = list(second_licences.noted(connection, each, hosts, now))
        yield from seen


def issue(
    database: Database,
    issuer: Issuer,
    lines: Iterable[Line],
    actor: Actor,
    now: int,
    random: Random,
    job: str | None,
    permit: Callable[[Connection], None] = lambda _: None,
    note: Callable[[Connection, Sequence[Outcome]], None] = lambda *_: None,
) -> Iterator[list[Outcome]]:
    """Do what can be done, as the job of this name; None: one that is not begun again.

    *permit* is asked in the transaction of each batch, and raises where it is not to be; *note*
    notes there what became of it, unless that was done before.

    Raises what *permit* raises, what reading *lines* raises, what keeps a batch from being drawn
    up or stored, or IdempotencyConflictError where the job had other lines before.
    """
    doing = _Job(database, issuer, actor, now, random, job, permit, note)
    each_batch = _batches(lines)
    before: _Stored | None = None
    while True:
        try:
            batch = next(each_batch, None)
            prepared = None if batch is None else doing.prepare(batch)
        finally:  # whatever is wrong with this one, of the one before it is told
            if before is not None:
                yield doing.finish(before)
        if prepared is None:
            return
        before = doing.store(prepared)


def _planned(
    database: Database, batch: Sequence[Line], actor: Actor, now: int, key: BatchKey | None
) -> tuple[list[Outcome] | None, list[Right], list[Outcome]]:
    with database.reading() as connection:
        done = done_batches.find(connection, actor, key) if key else None
        return (done, *(([], []) if done else batches.plan(connection, batch, actor, now)))


class _Prepared(NamedTuple):
    """A batch that is planned and signed, or was done before."""

    batch: Sequence[Line]
    key: BatchKey | None
    done: list[Outcome] | None
    planned: Sequence[Right]
    refused: Sequence[Outcome]
    signed: Mapping[int, SignedLicense]


class _Stored(NamedTuple):
    """A batch that the writer has, or is about to have, stored."""

    batch: Sequence[Line]
    outcomes: "Future[list[Outcome]]"


class _Job(NamedTuple):
    """A job that is being done: while the writer stores a batch, the next one is prepared."""

    database: Database
    issuer: Issuer
    actor: Actor
    now: int
    random: Random
    name: str | None
    permit: Callable[[Connection], None]
    note: Callable[[Connection, Sequence[Outcome]], None]

    def prepare(self, batch: Sequence[Line]) -> _Prepared:
        self.database.check_going_on()
        key = _key(self.name, batch)
        done, planned, refused = _planned(self.database, batch, self.actor, self.now, key)
        signed, unsigned = batches.sign_planned(planned, self.issuer, self.now, self.random)
        if unsigned:
            left_out = {one.line for one in unsigned}
            planned = [one for one in planned if one.line not in left_out]
        return _Prepared(batch, key, done, planned, [*refused, *unsigned], signed)

    def store(self, prepared: _Prepared) -> _Stored:
        def work(connection: Connection) -> list[Outcome]:
            """What became of the batch, in this transaction or in an earlier one."""
            key = prepared.key
            done = done_batches.find(connection, self.actor, key) if key else None
            if done is not None:
                return done
            self.permit(connection)
            issued = batches.record(
                connection, prepared.planned, prepared.signed, self.issuer, self.actor, self.now
            )
            outcomes = sorted((*issued, *prepared.refused))
            if key is not None:
                done_batches.keep(connection, self.actor, key, outcomes, self.now)
            self.note(connection, outcomes)
            return outcomes

        if prepared.done is None:
            return _Stored(prepared.batch, self.database.writer.submit(work))
        done = Future[list[Outcome]]()
        done.set_result(prepared.done)
        return _Stored(prepared.batch, done)

    def finish(self, stored: _Stored) -> list[Outcome]:
        for left in reversed(range(_TRIES)):
            try:
                return stored.outcomes.result()
            except _OVERTAKEN as error:
                # Since it was prepared somebody, or the batch before it, took a number, a name or
                # the key, replaced a licence that it replaces, or a product now needs approval.
                if not left:
                    raise DatabaseUnavailableError(
                        reason="other requests kept changing the same rows"
                    ) from error
                stored = self.store(self.prepare(stored.batch))
        raise AssertionError


def _key(job: str | None, batch: Sequence[Line]) -> BatchKey | None:
    return None if job is None else done_batches.key_of(job, batch)


def _batches(lines: Iterable[Line]) -> Iterator[list[Line]]:
    """*lines* in parts; those that change rows one by one in smaller ones."""
    rest = iter(lines)
    for first in rest:
        size = batches.BATCH if first.subject is None else batches.OF_ACTS
        yield [first, *islice(rest, size - 1)]
