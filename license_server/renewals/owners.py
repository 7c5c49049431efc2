"""Tells owners what was reminded of: one mail a day over all of their customers.

The owner of a customer is the user whom it names. Where it names none, or one who cannot sign in
any more, it is the user who issued the licence.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from license_server.actor import REMINDER
from license_server.catalog import owner_store, row_store
from license_server.catalog.catalog_store import Customer
from license_server.catalog.terms import DAY
from license_server.db.questions import ask
from license_server.licenses import term_days
from license_server.licenses.license_store import StoredLicense
from license_server.mail import addresses, outbox
from license_server.mail.outbox import Draft
from license_server.renewals import reminder_store, reminding
from license_server.renewals.reminder_store import Given, Untold
from license_server.renewals.reminding import COVERED, OUTCOMES, NewId

HOUR = 9
"""Of the morning, where the server is: an hour after customers there were told."""
TOLD_FOR = 7
"""Nobody is told of what is older than so many days."""
USER = "user:"
_TOLD = tuple(one for one in OUTCOMES if one != COVERED)


class Told(NamedTuple):
    """What an owner is told of a licence."""

    stored: StoredLicense
    customer: Customer
    days: int
    """Until its last day; under 0: since."""
    outcome: str
    """One of reminding.OUTCOMES."""


Write = Callable[[Sequence[Told]], tuple[str, str]]
"""The subject and the text of the mail to an owner."""


def of(owner: str | None, issued_by: str, who_may: Collection[str]) -> str | None:
    """The address of the owner of a licence; *who_may*: of whom can sign in."""
    if owner is not None and owner in who_may:
        return owner
    issuer = issued_by.removeprefix(USER) if issued_by.startswith(USER) else None
    return issuer if issuer in who_may else None


def who_may(connection: Connection, named: Collection[tuple[str | None, str]]) -> set[str]:
    """Those of the owners and issuers *named* who can sign in."""
    asked = {owner for owner, _ in named if owner is not None}
    asked |= {by.removeprefix(USER) for _, by in named if by.startswith(USER)}
    return owner_store.may_sign_in(connection, asked)


def today(now: int, zone: str) -> int | None:
    """The number of the day whose mail is due; None: it is too early for that of today."""
    there = term_days.at(now, ZoneInfo(zone))
    return term_days.number_of(there.date()) if there.hour >= HOUR else None


def due(connection: Connection, day: int, now: int) -> dict[str, list[Untold]]:
    """What each owner is to be told in the mail of a *day* that they have not had."""
    found = reminder_store.untold(connection, now - TOLD_FOR * DAY, _TOLD)
    known = who_may(connection, {(one.owner, one.issued_by) for one in found})
    by_owner: dict[str, list[Untold]] = {}
    for one in found:
        owner = of(one.owner, one.issued_by, known)
        if owner is not None and addresses.is_address(owner):
            by_owner.setdefault(owner, []).append(one)
    return {
        owner: told
        for owner, told in by_owner.items()
        if not reminder_store.had_digest(connection, owner, day)
    }


def tell(
    connection: Connection, owner: str, day: int, now: int, write: Write, new_id: NewId
) -> bool:
    """Queue the mail of a *day* to an *owner*, if there is something to tell.

    Raises IntegrityError where another server does so at this instant.
    """
    found = due(connection, day, now).get(owner)
    if not found:
        return False
    told = still(connection, [one.given for one in found], now)
    mail = 0
    if told:
        is_held = reminding.may_be_sent(connection, [one.given.due_at for one in found])
        mail = mailed(connection, owner, told, now, write, new_id, held=is_held)
        reminder_store.add_digest(connection, owner, day, mail)
    reminder_store.tell(connection, [one.given.id for one in found], mail)
    return bool(told)


def mailed(
    connection: Connection,
    owner: str,
    told: Sequence[Told],
    now: int,
    write: Write,
    new_id: NewId,
    *,
    held: bool = False,
) -> int:
    """The id of the mail to an *owner*, which is queued."""
    subject, text = write(told)
    draft = Draft(owner, subject, text, automatic=True, held=held)
    return outbox.queue(connection, draft, REMINDER, now, new_id()).id


def still(connection: Connection, given: Sequence[Given], now: int) -> list[Told]:
    """What is told of these reminders: not of what was renewed or ended since, and each once."""
    newest = {one.line: one for one in given}
    stored = list(reminder_store.going_on(connection, given).values())
    ids = sorted({one.customer_id for one in stored})
    customers: Mapping[int, Customer] = {
        one.id: one for one in ask(connection, row_store.customers_by_ids(ids, len(ids)))
    }
    told = [
        Told(
            one,
            customers[one.customer_id],
            reminding.days_left(one, now),
            newest[one.line].outcome,
        )
        for one in stored
        if one.customer_id in customers
    ]
    return sorted(told, key=lambda one: (one.customer.name, one.days, one.stored.id))
