"""Stored mails that go out."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, func, insert, select

from license_server.db import sorted_rows
from license_server.db.mail_tables import mails
from license_server.db.sorted_rows import Count, SortedRows

WAITING, CLAIMED, SENDING, SENT = "waiting", "claimed", "sending", "sent"
FAILED, UNSURE, HELD, CANCELLED = "failed", "unsure", "held", "cancelled"
BOUNCED = "bounced"
STATES = (WAITING, CLAIMED, SENDING, SENT, FAILED, UNSURE, HELD, CANCELLED, BOUNCED)
OPEN = (WAITING, CLAIMED, SENDING, UNSURE, HELD)
"""Of which something is still to come: from the server, or from a person."""
UNDELIVERED = (FAILED, BOUNCED)
"""Which the other side refused, at once or later."""
_GROUPS = {"open": OPEN, "undelivered": UNDELIVERED}
_OF = mails.c


class Mail(NamedTuple):
    """A mail that goes out, and what became of it."""

    id: int
    queued_at: int
    queued_by: str
    license: str | None
    """Whose file is attached."""
    product: str | None
    recipient: str
    recipient_name: str | None
    subject: str
    body: str
    message_id: str
    thread: str | None
    automatic: bool
    state: str
    attempts: int
    due_at: int
    """When it is tried next; while it is claimed or sent, until when."""
    leased_by: str | None
    answer: str | None
    """What the other side said last."""
    ended_at: int | None


class Backlog(NamedTuple):
    """Mails that are not sent."""

    waiting: int
    """They are sent by themselves."""
    undecided: int
    """A person decides."""
    oldest_at: int | None
    """When the oldest was queued of those that are sent by themselves; None: there is none."""


def add(connection: Connection, **values: Any) -> Mail:
    """Store a mail."""
    return Mail(*connection.execute(insert(mails).returning(*_OF), values).one())


def by_id(connection: Connection, id_: int) -> Mail | None:
    """The mail in this row."""
    row = connection.execute(select(mails).where(_OF.id == id_)).first()
    return None if row is None else Mail(*row)


def by_message_ids(connection: Connection, message_ids: Collection[str]) -> list[Mail]:
    """The mails that have these ids."""
    query = select(mails).where(_OF.message_id.in_(message_ids))
    return [Mail(*row) for row in connection.execute(query)]


def count_open(connection: Connection) -> Backlog:
    """How many mails are not sent."""
    query = select(_OF.state, func.count(), func.min(_OF.queued_at))
    found = connection.execute(query.where(_OF.state.in_(OPEN)).group_by(_OF.state)).all()
    waiting = [(number, at) for state, number, at in found if state not in (UNSURE, HELD)]
    number = sum(one for one, _ in waiting)
    undecided = sum(one for _, one, _ in found) - number
    return Backlog(number, undecided, min((at for _, at in waiting), default=None))


def change(
    connection: Connection,
    id_: int,
    states: Collection[str],
    *,
    held_by: str | None = None,
    **values: Any,
) -> Mail | None:
    """Change a mail in one of *states*; *held_by*: that is leased by this one. None: it is not."""
    query = mails.update().where(_OF.id == id_, _OF.state.in_(states))
    if held_by is not None:
        query = query.where(_OF.leased_by == held_by)
    row = connection.execute(query.values(values).returning(*_OF)).first()
    return None if row is None else Mail(*row)


def due(connection: Connection, now: int, limit: int) -> list[int]:
    """The ids of at most *limit* mails that wait and are due, the first ones first."""
    query = select(_OF.id).where(_OF.state == WAITING, _OF.due_at <= now)
    return list(connection.execute(query.order_by(_OF.due_at, _OF.id).limit(limit)).scalars())


def expired(connection: Connection, now: int, limit: int) -> list[Mail]:
    """At most *limit* mails whose lease ended without a word of what became of them."""
    query = select(mails).where(_OF.state.in_((CLAIMED, SENDING)), _OF.due_at < now)
    return [Mail(*row) for row in connection.execute(query.limit(limit))]


def hold_open(connection: Connection) -> None:
    """Hold all that would be sent, as after a restore; what was being sent may have been."""
    held = mails.update().where(_OF.state.in_((WAITING, CLAIMED)))
    connection.execute(held.values(state=HELD, leased_by=None))
    unsure = mails.update().where(_OF.state == SENDING)
    connection.execute(unsure.values(state=UNSURE, leased_by=None))


def in_states(connection: Connection, states: Collection[str], limit: int) -> list[Mail]:
    """At most *limit* mails in these states, the first ones first."""
    query = select(mails).where(_OF.state.in_(states)).order_by(_OF.id).limit(limit)
    return [Mail(*row) for row in connection.execute(query)]


def of_license(connection: Connection, number: str, limit: int) -> list[Mail]:
    """At most *limit* mails with the file of this licence, the newest first."""
    query = select(mails).where(_OF.license == number).order_by(_OF.id.desc()).limit(limit)
    return [Mail(*row) for row in connection.execute(query)]


def listed(
    connection: Connection,
    state: str | None,
    *,
    before: int | None,
    limit: int,
    of: frozenset[str] | None = None,
) -> list[Mail]:
    """At most *limit* mails, the newest first; those with an id under *before*.

    *state*: one of STATES, ``open``, ``undelivered``, or None for all; *of*: of these products
    only.
    """
    query = select(mails).where(*_conditions(state, of))
    if before is not None:
        query = query.where(_OF.id < before)
    return [Mail(*row) for row in connection.execute(query.order_by(_OF.id.desc()).limit(limit))]


def newest(connection: Connection) -> int:
    """The number of the newest mail; 0 where there is none."""
    return connection.execute(select(func.max(_OF.id))).scalar() or 0


def last_with(connection: Connection, numbers: Sequence[str]) -> dict[str, Mail]:
    """The newest mail with each of these licences, but for those that were cancelled."""
    newest = (
        select(func.max(_OF.id))
        .where(_OF.license.in_(numbers), _OF.state != CANCELLED)
        .group_by(_OF.license)
    )
    found = (Mail(*row) for row in connection.execute(select(mails).where(_OF.id.in_(newest))))
    return {str(one.license): one for one in found}


def _conditions(state: str | None, of: frozenset[str] | None) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if state is not None:
        conditions.append(_OF.state.in_(_GROUPS.get(state, (state,))))
    return conditions if of is None else [*conditions, _OF.product.in_(sorted(of))]


SORTS: dict[str, Any] = {
    "mail": _OF.id,
    "recipient": func.lower(_OF.recipient),
    "license": func.coalesce(_OF.license, ""),
    "queued_at": _OF.queued_at,
    "state": _OF.state,
    "ended_at": func.coalesce(_OF.ended_at, 0),
}
"""By what mails can be sorted."""


def count(connection: Connection, state: str | None, of: frozenset[str] | None) -> Count:
    """How many mails ``listed`` has, to a bound."""
    return sorted_rows.count(connection, select(_OF.id).where(*_conditions(state, of)))


in_order = SortedRows(select(mails), mails, SORTS, Mail).in_order
