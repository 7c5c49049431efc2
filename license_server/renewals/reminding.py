"""Gives the reminders that are due: one mail to a customer, whichever of its licences end.

A reminder and its mail are one transaction. A second server that gives the same reminder breaks a
unique key, and all of its transaction is undone (docs/adr/0040).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection

from license_server.actor import REMINDER
from license_server.audit import events, restores
from license_server.catalog import catalog_store, reminders
from license_server.catalog.catalog_store import Customer, Product
from license_server.catalog.reminders import Rules
from license_server.catalog.terms import DAY
from license_server.licenses import term_days
from license_server.licenses.license_store import StoredLicense
from license_server.mail import addresses, outbox
from license_server.mail.outbox import Draft
from license_server.renewals import reminder_store, schedule
from license_server.renewals.reminder_store import Band, Candidate, Given
from license_server.renewals.schedule import Reminder, Term

OUTCOMES = MAILED, NO_ADDRESS, DECLINED, ARCHIVED, COVERED = (
    "mailed",
    "no-address",
    "declined",
    "archived",
    "covered",
)
"""What becomes of a reminder: it is mailed; the customer has no address, wants none, or is
archived; or the host has another licence that ends later. All but the last are told to owners."""
SOON = 6
"""What is due within so many days goes into the mail that is sent anyway."""
APART = 7
"""But not what was reminded of within so many days."""
AFTER_RESTORE = 7
"""What was due until so many days after a restore may have been mailed before it."""
_ZONES = 2
"""Days: more than two time zones are apart."""


class Ending(NamedTuple):
    """A licence that ends, or has ended, and the reminder of that."""

    stored: StoredLicense
    product: Product
    days: int
    """Until its last day, by now; under 0: since."""
    reminder: Reminder


Write = Callable[[Customer, Sequence[Ending]], tuple[str, str]]
"""The subject and the text of the mail to a customer."""
NewId = Callable[[], str]
"""A message id."""


class Reminding(NamedTuple):
    """The products that remind, by the ids of their rows."""

    products: Mapping[int, tuple[Product, Rules]]

    @classmethod
    def read(cls, connection: Connection) -> "Reminding":
        """They as they are now."""
        found: dict[int, tuple[Product, Rules]] = {}
        for product in reminder_store.reminding_products(connection):
            rules = reminders.of(product)
            if rules is not None:
                found[product.id] = (product, rules)
        return cls(found)

    @property
    def span(self) -> tuple[int, int]:
        """How many days before and after its last day a licence may be due for a reminder."""
        days = [day for _, rules in self.products.values() for day in rules.days]
        shift = max(map(schedule.longest_shift, (it for _, it in self.products.values())))
        slack = shift + _ZONES + SOON
        return max(*days, 0) + slack, -min(*days, 0) + schedule.LATE + slack

    def bands(self, now: int) -> Iterator[tuple[Rules, Band]]:
        """Where to look for what is due."""
        today = _day(now)
        for id_, (_, rules) in self.products.items():
            slack = schedule.longest_shift(rules) + _ZONES
            since = _day(rules.since)
            for days, following in zip(rules.days, (*rules.days[1:], None), strict=True):
                first = today + days - schedule.LATE if days < 0 else today
                if following is not None and (days < 0 or following > 0):
                    first = max(first, today + following)
                first = max(first, since + days) - slack
                yield rules, Band(id_, days, first, today + days + slack)


def _day(instant: int) -> int:
    """The number of the day of an *instant* in UTC."""
    return instant // DAY


def due(connection: Connection, reminding: Reminding, now: int) -> list[int]:
    """The customers, by the ids of their rows, of whom a licence is due for a reminder."""
    found: dict[int, None] = {}
    for rules, band in reminding.bands(now):
        for one in reminder_store.candidates(connection, band):
            if one.customer_id in found:
                continue
            all_ = schedule.reminders(rules, _term(one))
            reminder = schedule.due(all_, one.expires_at, now)
            if reminder is not None and reminder.days == band.days:
                found[one.customer_id] = None
    return list(found)


def _term(one: Candidate) -> Term:
    zone = one.time_zone or term_days.zone_ending(one.expires_at)
    return Term(one.last_day, zone, one.expires_at, one.issued_at)


def give(
    connection: Connection,
    customer_id: int,
    reminding: Reminding,
    now: int,
    write: Write,
    new_id: NewId,
) -> int:
    """Give what is due to a customer, and what is soon; how many reminders that were.

    Raises IntegrityError where another server gives one of them at this instant.
    """
    customer = catalog_store.customer_by_id(connection, customer_id)
    if customer is None or not reminding.products:
        return 0
    before, after = reminding.span
    today = _day(now)
    rows = reminder_store.of_customer(
        connection, customer_id, reminding.products, today - after, today + before
    )
    given = reminder_store.given(connection, [one.line for one in rows])
    at_once, soon = dict[int, Reminder](), dict[int, Reminder]()
    for one in rows:
        _, rules = reminding.products[one.product_id]
        known = [it for it in given.get(one.line, ()) if it.last_day == one.last_day]
        reminder, is_due = _next(rules, one, known, now)
        if reminder is not None:
            (at_once if is_due else soon)[one.id] = reminder
    if not at_once:
        return 0
    outcome = why_not(customer) or MAILED
    wanted = at_once | soon if outcome == MAILED else at_once
    ids = [one.id for one in rows if one.id in wanted]
    endings = [
        Ending(one, reminding.products[one.product_id][0], days_left(one, now), wanted[one.id])
        for one in reminder_store.licences(connection, ids)
    ]
    return _give(connection, customer, endings, set(at_once), outcome, now, write, new_id)


def _next(
    rules: Rules, one: Candidate, known: Sequence[Given], now: int
) -> tuple[Reminder | None, bool]:
    """The reminder to be given, and whether it is due now; else it is soon."""
    term = _term(one)
    all_ = schedule.reminders(rules, term)
    reminder = schedule.due(all_, term.expires_at, now)
    latest = min((it.days for it in known), default=None)
    if reminder is not None and (latest is None or reminder.days < latest):
        return reminder, True
    following = schedule.upcoming(all_, now)
    if (
        following is None
        or following.is_after
        or following.due_at > now + SOON * DAY
        or (latest is not None and following.days >= latest)
        or any(it.given_at > now - APART * DAY for it in known)
    ):
        return None, False
    return following, False


def days_left(stored: StoredLicense, now: int) -> int:
    """The days until the last day of what has an end, where its term was ordered."""
    assert stored.last_day is not None  # noqa: S101  # it has an end
    there = term_days.known_zone(stored.zone)
    return stored.last_day - term_days.number_of(term_days.at(now, there).date())


def _give(
    connection: Connection,
    customer: Customer,
    endings: Sequence[Ending],
    due_now: set[int],
    outcome: str,
    now: int,
    write: Write,
    new_id: NewId,
) -> int:
    """Give the reminders of *endings*, if one of those that are *due_now* is to be told."""
    covered = reminder_store.covered(connection, [one.stored for one in endings])
    told = [one for one in endings if one.stored.number not in covered]
    if not any(one.stored.id in due_now for one in told):
        told = []  # what is only soon waits for its day
    mail = None
    if told and outcome == MAILED:
        is_held = may_be_sent(connection, [one.reminder.due_at for one in told])
        mail = mailed(connection, customer, told, now, write, new_id, held=is_held)
    rows = [_row(one, outcome, mail, now) for one in told]
    rows += [
        _row(one, COVERED, None, now)
        for one in endings
        if one.stored.number in covered and one.stored.id in due_now
    ]
    reminder_store.add(connection, rows)
    for one in told:
        _record(connection, one, outcome, mail, now)
    return len(told)


def _row(one: Ending, outcome: str, mail: int | None, now: int) -> dict[str, Any]:
    return {
        "line": one.stored.line,
        "last_day": one.stored.last_day,
        "days": one.reminder.days,
        "license": one.stored.number,
        "due_at": one.reminder.due_at,
        "given_at": now,
        "outcome": outcome,
        "mail": mail,
    }


def why_not(customer: Customer) -> str | None:
    """Why no reminder is mailed to a *customer*: one of OUTCOMES; None: it is."""
    if customer.archived_at is not None:
        return ARCHIVED
    if customer.no_reminders:
        return DECLINED
    if not addresses.is_address(customer.contact_email or ""):
        return NO_ADDRESS
    return None


def mailed(
    connection: Connection,
    customer: Customer,
    endings: Sequence[Ending],
    now: int,
    write: Write,
    new_id: NewId,
    *,
    held: bool = False,
) -> int:
    """The id of the mail to *customer*, which is queued."""
    subject, text = write(customer, endings)
    products = {one.stored.product for one in endings}
    draft = Draft(
        recipient=customer.contact_email or "",
        subject=subject,
        body=text,
        recipient_name=customer.contact_name,
        product=products.pop() if len(products) == 1 else None,
        automatic=True,
        held=held,
    )
    return outbox.queue(connection, draft, REMINDER, now, new_id()).id


def may_be_sent(connection: Connection, due_at: Iterable[int]) -> bool:
    """Whether some of what was due then may have been mailed before this server was restored."""
    restored = restores.last(connection)
    return restored is not None and min(due_at) < restored + AFTER_RESTORE * DAY


def _record(connection: Connection, one: Ending, outcome: str, mail: int | None, now: int) -> None:
    """Tell the audit log, the licence's history and the webhooks."""
    events.record(
        connection,
        now,
        REMINDER,
        "license.ending",
        one.stored.number,
        days=one.reminder.days,
        outcome=outcome,
        mail=mail,
    )
