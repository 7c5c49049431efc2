"""The list of what is due: which licences end, whose they are, and what was reminded of."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from license_server.actor import Actor
from license_server.catalog import customers, reminders
from license_server.catalog.catalog_store import Customer
from license_server.catalog.reminders import Rules
from license_server.licenses import term_days
from license_server.licenses.license_store import StoredLicense
from license_server.renewals import owners, reminder_store, reminding, schedule
from license_server.renewals.reminder_store import Bounds, Given
from license_server.renewals.schedule import Reminder, Term
from license_server.renewals.span import ENDED_DAYS, USUAL_DAYS


class Wanted(NamedTuple):
    """Which licences to list."""

    days: int = USUAL_DAYS
    """Until how many days from today their last day is."""
    product: str | None = None
    customer: str | None = None
    """The name of one."""
    owner: str | None = None
    """The address of the owner."""


class DueLicense(NamedTuple):
    """A licence that ends, or has just ended."""

    stored: StoredLicense
    customer: Customer
    """As far as whoever asks may see it."""
    days: int
    """Until its last day; under 0: since."""
    owner: str | None
    """The address of whom reminders tell; None: nobody, or not theirs to know who asks."""
    given: list[Given]
    """The reminders of this term, the newest first."""
    following: Reminder | None
    """The next one, which may be due by now; None: there is none."""
    why_not: str | None
    """Why none is mailed to the customer: one of reminding.OUTCOMES."""


def due(
    connection: Connection,
    wanted: Wanted,
    actor: Actor,
    now: int,
    *,
    after: int | None,
    limit: int,
) -> list[DueLicense]:
    """At most *limit* licences that *actor* may see, the first to end first.

    *after*: the id of the last one before them.
    """
    today = term_days.number_of(term_days.at(now, term_days.known_zone("UTC")).date())
    bounds = Bounds(
        today - ENDED_DAYS,
        today + wanted.days,
        wanted.product,
        wanted.customer,
        wanted.owner,
        actor.products,
    )
    rows = reminder_store.ending(connection, bounds, after=after, limit=limit)
    shown = _shown(connection, rows, actor, now)
    if wanted.owner is None or actor.products is None:
        return shown
    return [one for one in shown if one.owner == wanted.owner]  # none whose owner they may not see


def _shown(
    connection: Connection, rows: Sequence[StoredLicense], actor: Actor, now: int
) -> list[DueLicense]:
    whose = customers.of_ids(connection, {one.customer_id for one in rows}, actor)
    remind = reminder_store.reminding_products(connection)
    rules = {product.name: reminders.of(product) for product in remind}
    given = reminder_store.given(connection, {one.line for one in rows})
    named = {(whose[one.customer_id].owner, one.issued_by) for one in rows}
    may = owners.who_may(connection, named)
    shown = []
    for stored in rows:
        customer = whose[stored.customer_id]
        of_term = [one for one in given.get(stored.line, ()) if one.last_day == stored.last_day]
        shown.append(
            DueLicense(
                stored,
                customer,
                reminding.days_left(stored, now),
                owners.of(customer.owner, stored.issued_by, may),
                of_term,
                _following(rules.get(stored.product), stored, of_term, now),
                reminding.why_not(customer) if actor.products is None else None,
            )
        )
    return shown


def _following(
    rules: Rules | None, stored: StoredLicense, given: Sequence[Given], now: int
) -> Reminder | None:
    """The reminder that is due now and not given yet, else the next one."""
    if rules is None or stored.last_day is None or stored.expires_at is None:
        return None
    term = Term(stored.last_day, stored.zone, stored.expires_at, stored.issued_at)
    latest = min((one.days for one in given), default=None)
    all_ = schedule.reminders(rules, term)
    is_due = schedule.due(all_, term.expires_at, now)
    left = [one for one in all_ if one == is_due or one.due_at > now]
    return next((one for one in left if latest is None or one.days < latest), None)
