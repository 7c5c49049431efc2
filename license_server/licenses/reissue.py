"""Reissuing: signs every live licence of a lost key again, with another key.

A batch is signed without a database and recorded in one transaction. What is done the ledger
itself tells: a licence that was issued again is replaced. So whoever begins again, after whatever
stopped it, goes on where it stopped, and the files are made of what is stored.
"""

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from license_core.errors import DatabaseUnavailableError, LicenseError
from license_server.actor import Actor
from license_server.catalog.parties import Parties
from license_server.db.database import Database
from license_server.db.errors import ChangedMeanwhileError
from license_server.licenses import issuing, many, planning, signed_by
from license_server.licenses.acts import REISSUE
from license_server.licenses.license_store import StoredLicense
from license_server.licenses.many import Replacing
from license_server.licenses.planning import ActRequest, Plan
from license_server.licenses.subjects import Subjects
from license_server.signing.issuer import Issuer, Random

BATCH = 500
"""How many licences one transaction has."""
_TRIES = 4


Left = tuple[str, LicenseError]
"""The number of a licence that could not be issued again, and why."""


class Batch(NamedTuple):
    """A step of the way."""

    done: int
    left: tuple[Left, ...]


def reissue(
    database: Database,
    issuer: Issuer,
    kid: str,
    actor: Actor,
    reason: str,
    now: int,
    random: Random,
) -> Iterator[Batch]:
    """Issue all live licences of the key *kid* again, a batch at a time; *now* in seconds.

    Raises what issuing.sign_each raises, or DatabaseUnavailableError.
    """
    doing = _Job(database, issuer, kid, actor, reason, now, random)
    after, tries = 0, _TRIES
    while former := doing.look(after):
        tries -= 1
        try:
            step = doing.do(former)
        except (IntegrityError, ChangedMeanwhileError) as error:
            if not tries:
                raise DatabaseUnavailableError(
                    reason="other requests kept changing the same rows"
                ) from error
            continue  # somebody took a number, or changed a product: look again
        if step.overtaken and tries:  # of those that still are live more is to be said
            yield Batch(step.done, ())
            continue
        yield Batch(step.done, (*step.wrong, *step.overtaken))
        after, tries = former[-1].id, _TRIES


class _Step(NamedTuple):
    """What became of some licences."""

    done: int
    wrong: list[Left]
    overtaken: list[Left]
    """On which somebody acted since they were looked at."""


class _Job(NamedTuple):
    """What is to be done, and why."""

    database: Database
    issuer: Issuer
    kid: str
    actor: Actor
    reason: str
    now: int
    random: Random

    def look(self, after: int) -> list[StoredLicense]:
        """The next of those with ids above *after*."""
        with self.database.reading() as connection:
            return signed_by.live(connection, self.kid, self.now, after, BATCH)

    def do(self, former: list[StoredLicense]) -> _Step:
        """Issue those of *former* again that can be, once that is committed."""
        with self.database.reading() as connection:
            planned, wrong = self._plan(connection, former)
        orders = [one.order for _, one in planned]
        replacing: list[Replacing] = []
        for (before, plan), made in zip(
            planned, issuing.sign_each(orders, self.issuer, self.now, self.random), strict=True
        ):
            if isinstance(made, LicenseError):
                wrong.append((before.number, made))
            else:
                replacing.append(Replacing(plan, before, made, {"key": self.kid}))
        told = self.database.write(
            lambda connection: many.replace(connection, replacing, self.issuer, self.actor)
        )
        refused = [
            (one.former.number, found.error)
            for one, found in zip(replacing, told, strict=True)
            if isinstance(found, many.Refusal)
        ]
        return _Step(len(replacing) - len(refused), wrong, refused)

    def _plan(
        self, connection: Connection, former: list[StoredLicense]
    ) -> tuple[list[tuple[StoredLicense, Plan]], list[Left]]:
        """What is to be done with each, and with which it cannot be."""
        parties = Parties(connection, self.actor)
        subjects = Subjects(connection, self.actor, former)
        planned: list[tuple[StoredLicense, Plan]] = []
        wrong: list[Left] = []
        for one in former:
            wanted = ActRequest(REISSUE, {"reason": self.reason}, one.number)
            try:
                plan = planning.plan(
                    connection, wanted, self.actor, self.now, parties=parties, subjects=subjects
                )
                planned.append((one, plan))
            except LicenseError as error:
                wrong.append((one.number, error))
        return planned, wrong


def reissued(database: Database, kid: str) -> Iterator[list[StoredLicense]]:
    """All that was issued again in place of what the key *kid* signed, and is in force.

    Some at a time; not what was erased with its customer since.
    """
    after = 0
    while True:
        with database.reading() as connection:
            page = signed_by.reissued(connection, kid, after, BATCH)
        yield [one for one in page if not one.is_erased]
        if len(page) < BATCH:
            return
        after = page[-1].id
