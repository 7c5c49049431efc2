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
from license_server.licenses import issuing, planning, recording, signed_by
from license_server.licenses.acts import REISSUE
from license_server.licenses.errors import LicenseStateError
from license_server.licenses.license_store import StoredLicense
from license_server.licenses.planning import ActRequest, Plan
from license_server.signing.issuer import Issuer, Random

BATCH = 500
"""How many licences one transaction has."""
_TRIES = 4


class Batch(NamedTuple):
    """A step of the way."""

    done: int
    left: tuple[tuple[str, LicenseError], ...]
    """The numbers of those that could not be issued again, and why."""


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

    Raises what issuing.sign_and_verify_many raises, or DatabaseUnavailableError.
    """
    doing = _Job(database, issuer, kid, actor, reason, now, random)
    after = 0
    while True:
        for left in reversed(range(_TRIES)):
            try:
                batch, after = doing.step(after)
                break
            except (IntegrityError, LicenseStateError, ChangedMeanwhileError) as error:
                # Somebody took a number or acted on one of them meanwhile: look again.
                if not left:
                    raise DatabaseUnavailableError(
                        reason="other requests kept changing the same rows"
                    ) from error
        if batch is None:
            return
        yield batch


class _Job(NamedTuple):
    """What is to be done, and why."""

    database: Database
    issuer: Issuer
    kid: str
    actor: Actor
    reason: str
    now: int
    random: Random

    def step(self, after: int) -> tuple[Batch | None, int]:
        """The batch of those with ids above *after*, once it is committed, and its last id."""
        with self.database.reading() as connection:
            former = signed_by.live(connection, self.kid, self.now, after, BATCH)
            if not former:
                return None, after
            planned, wrong = self.plan(connection, [one.number for one in former])
        orders = [one.order for one in planned]
        signed = issuing.sign_and_verify_many(orders, self.issuer, self.now, self.random)

        def record(connection: Connection) -> None:
            for one, new in zip(planned, signed, strict=True):
                recording.record(connection, one, new, self.issuer, self.actor, key=self.kid)

        self.database.write(record)
        return Batch(len(planned), tuple(wrong)), former[-1].id

    def plan(
        self, connection: Connection, numbers: list[str]
    ) -> tuple[list[Plan], list[tuple[str, LicenseError]]]:
        """What is to be done with each, and with which it cannot be."""
        parties = Parties(connection, self.actor)
        planned: list[Plan] = []
        wrong: list[tuple[str, LicenseError]] = []
        for number in numbers:
            act_request = ActRequest(REISSUE, {"reason": self.reason}, number)
            try:
                one = planning.plan(connection, act_request, self.actor, self.now, parties=parties)
                planned.append(one)
            except LicenseError as error:
                wrong.append((number, error))
        return planned, wrong


def reissued(database: Database, kid: str) -> Iterator[list[StoredLicense]]:
    """All that was issued again in place of what the key *kid* signed, and is in force.

    Some at a time.
    """
    after = 0
    while True:
        with database.reading() as connection:
            page = signed_by.reissued(connection, kid, after, BATCH)
        yield page
        if len(page) < BATCH:
            return
        after = page[-1].id
