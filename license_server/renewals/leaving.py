"""The mail of a reminder is read once more as it leaves: it may have waited for days.

Of what was renewed meanwhile, or has ended, nobody is reminded: the mail is withdrawn. Where it
names others, too, another mail takes its place, since what a mail says never changes
(docs/adr/0040).
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from license_server.actor import REMINDER
from license_server.catalog import catalog_store
from license_server.catalog.terms import DAY
from license_server.mail import outbox
from license_server.mail.outbox_store import Mail
from license_server.renewals import owners, reminder_store, reminding, schedule
from license_server.renewals.reminder_store import Given
from license_server.renewals.reminding import Ending, NewId
from license_server.renewals.schedule import Reminder


def may_leave(
    connection: Connection,
    mail: Mail,
    now: int,
    to_customer: reminding.Write,
    to_owner: owners.Write,
    new_id: NewId,
) -> bool:
    """Whether a *mail* that a server has claimed says what is so.

    A reminder that does not is withdrawn here, and what is left of it queued.
    """
    if not mail.automatic:
        return True
    if given := reminder_store.of_mail(connection, mail.id):
        return _customers(connection, mail, given, now, to_customer, new_id)
    told_since = mail.queued_at - owners.TOLD_FOR * DAY
    if given := reminder_store.of_owner_mail(connection, mail.id, told_since):
        return _owners(connection, mail, given, now, to_owner, new_id)
    return True


def _customers(
    connection: Connection,
    mail: Mail,
    given: Sequence[Given],
    now: int,
    write: reminding.Write,
    new_id: NewId,
) -> bool:
    left = _left(connection, given, now)
    customer = None
    if left:
        customer = catalog_store.customer_by_id(connection, left[0].stored.customer_id)
    is_wanted = customer is not None and reminding.why_not(customer) is None
    if is_wanted and len(left) == len(given):
        return True
    if outbox.withdraw(connection, mail, REMINDER, now) and customer is not None and is_wanted:
        other = reminding.mailed(connection, customer, left, now, write, new_id)
        lines = {one.stored.line for one in left}
        _put(connection, mail, other, [one for one in given if one.line in lines])
    return False


def _left(connection: Connection, given: Sequence[Given], now: int) -> list[Ending]:
    """What a customer is still to be reminded of, the first ones first."""
    present = reminder_store.going_on(connection, given)
    names = {one.product for one in present.values()}
    products = catalog_store.products_by_name(connection, names)
    left = []
    for one in given:
        stored, reminder = present.get(one.line), Reminder(one.days, one.due_at)
        if stored is None or stored.expires_at is None:
            continue
        if not schedule.is_too_late(reminder, stored.expires_at, now):
            days = reminding.days_left(stored, now)
            left.append(Ending(stored, products[stored.product], days, reminder))
    return left


def _owners(
    connection: Connection,
    mail: Mail,
    given: Sequence[Given],
    now: int,
    write: owners.Write,
    new_id: NewId,
) -> bool:
    left = owners.still(connection, given, now)
    if len(left) == len({one.line for one in given}):
        return True
    if outbox.withdraw(connection, mail, REMINDER, now) and left:
        other = owners.mailed(connection, mail.recipient, left, now, write, new_id)
        lines = {one.stored.line for one in left}
        _put(connection, mail, other, [one for one in given if one.line in lines])
    return False


def _put(connection: Connection, former: Mail, mail: int, given: Sequence[Given]) -> None:
    reminder_store.put_into(connection, former.id, mail, [one.id for one in given])
