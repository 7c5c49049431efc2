"""Stored data about users of the desk, wherever it is."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, delete, func, or_, select, update

from license_core import strictjson
from license_server.access import login
from license_server.db.mail_tables import mails
from license_server.db.portal_tables import portal_links
from license_server.db.renewal_tables import calendar_feeds, owner_digests
from license_server.db.request_tables import request_messages, requests
from license_server.db.tables import (
    attempts,
    audit_events,
    audit_values,
    customers,
    drafts,
    idempotency_keys,
    import_batches,
    import_jobs,
    import_sheets,
    invitations,
    licenses,
    proposals,
    recovery_codes,
    saved_views,
    sessions,
)
from license_server.erasure.erasure_store import Row
from license_server.erasure.naming import Naming

CUSTOMERS, MESSAGES = customers.name, request_messages.name
ACTORS: dict[str, tuple[str, ...]] = {
    licenses.name: ("issued_by",),
    proposals.name: ("proposed_by", "decided_by"),
    requests.name: ("owner", "closed_by"),
    mails.name: ("queued_by",),
    portal_links.name: ("created_by",),
    customers.name: (),
    request_messages.name: ("author",),
}
"""The columns of each table that hold the name of an actor."""
TEXTS: dict[str, tuple[str, ...]] = {
    licenses.name: (),
    proposals.name: ("members", "reason", "decision"),
    requests.name: ("reason",),
    mails.name: ("recipient", "subject", "body"),
    portal_links.name: ("label",),
    customers.name: ("owner", "notes"),
    request_messages.name: ("author", "text"),
}
"""Those that hold texts in which an address may be."""
_SENT = ("sender_address",)
_TABLES: dict[str, Table] = {
    one.name: one
    for one in (licenses, proposals, requests, mails, portal_links, customers, request_messages)
}
_PASSING = (idempotency_keys, drafts, saved_views, import_sheets, import_jobs, import_batches)
LOOKED_AT, NAMED_AT_ONCE = 20_000, 500


def rows(connection: Connection, table: str, of: Naming, after: int, limit: int) -> list[Row]:
    """At most *limit* rows of *table* with an id over *after* that may name them, in its order."""
    one = _TABLES[table]
    named = [one.c[name] == of.actor for name in ACTORS[table]]
    more = _SENT if table == requests.name else ()
    named += [_has(one.c[name], of.email) for name in (*TEXTS[table], *more)]
    query = select(one).where(or_(*named), one.c.id > after).order_by(one.c.id)
    return [dict(row._mapping) for row in connection.execute(query.limit(limit))]


def counts(connection: Connection, tables: Collection[str], of: Naming) -> dict[str, int]:
    """How many rows of each of *tables* have them as the actor."""
    found = connection.execute(select(*(_counted(table, of) for table in tables))).one()
    return dict(zip(tables, found, strict=True))


def _counted(table: str, of: Naming) -> Any:
    one = _TABLES[table]
    named = [one.c[name] == of.actor for name in ACTORS[table]]
    return select(func.count()).select_from(one).where(or_(*named)).scalar_subquery()


def change(connection: Connection, table: str, id_: int, **values: Any) -> Row:
    """Give a row other *values*; all of it then."""
    one = _TABLES[table]
    query = update(one).where(one.c.id == id_).values(values).returning(*one.c)
    return dict(connection.execute(query).one()._mapping)


def events(connection: Connection, of: Naming, after: int) -> tuple[list[int], int]:
    """Of the next events after *after* those that may name them, and the last looked at.

    At most LOOKED_AT events are looked at, and at most NAMED_AT_ONCE are given, so that others wait
    for neither. The last is 0 once there are no more.
    """
    table = audit_events.c
    upto = select(table.id).where(table.id > after).order_by(table.id).limit(LOOKED_AT)
    last = connection.execute(select(func.max(upto.subquery().c.id))).scalar()
    if last is None:
        return [], 0
    named = or_(
        table.actor == of.actor,
        _has(table.subject, of.email),
        _has(table.details, of.email),
        _has(table.reason, of.email),
    )
    query = select(table.id).where(table.id > after, table.id <= last, named)
    query = query.order_by(table.id).limit(NAMED_AT_ONCE)
    ids = list(connection.execute(query).scalars())
    return ids, ids[-1] if len(ids) == NAMED_AT_ONCE else last


def forget_values(connection: Connection, of: Naming) -> int:
    """Delete what is kept beside events and is of them, or names them; how much there was."""
    own = audit_values.c.owner == f"users/{of.id}"
    named = _has(audit_values.c.value, of.email)
    return connection.execute(delete(audit_values).where(or_(own, named))).rowcount


def forget_access(connection: Connection, of: Naming) -> None:
    """Delete by what they signed in, from where, what they were invited to, and their calendar."""
    for table in (recovery_codes, sessions, calendar_feeds):
        connection.execute(delete(table).where(table.c.user_id == of.id))
    connection.execute(delete(invitations).where(invitations.c.email == of.email))
    connection.execute(delete(attempts).where(_has(attempts.c.subject, of.email)))
    connection.execute(delete(owner_digests).where(owner_digests.c.owner == of.email))
    by = update(invitations).where(invitations.c.invited_by == of.actor)
    connection.execute(by.values(invited_by=of.erased_actor))


def forget_counters(connection: Connection, user_id: int) -> None:
    """Delete what is counted of the addresses where they are signed in."""
    query = select(sessions.c.address).where(sessions.c.user_id == user_id)
    for address in filter(None, connection.execute(query).scalars().all()):
        counters = attempts.c.subject.endswith(f":{login.network(address)}", autoescape=True)
        connection.execute(delete(attempts).where(counters))


def hand_over_passing(connection: Connection, of: Naming) -> None:
    """Call whoever typed what passes in a week by the other name; nothing is done twice by that."""
    for table in _PASSING:
        theirs = update(table).where(table.c.actor == of.actor)
        connection.execute(theirs.values(actor=of.erased_actor))


def messages_of(connection: Connection, request_ids: Collection[int]) -> list[Row]:
    """What was written about these requests."""
    one = request_messages
    query = select(one).where(one.c.request_id.in_(request_ids)).order_by(one.c.id)
    return [dict(row._mapping) for row in connection.execute(query)]


def _has(column: ColumnElement[Any], email: str) -> ColumnElement[bool]:
    """Whether a text has an address in it, as it is or as JSON has it; without case."""
    folded = func.lower(column)
    escaped = strictjson.dumps(email).decode("utf-8")[1:-1].lower()
    each = {email.lower(), escaped}
    return or_(*(folded.contains(one, autoescape=True) for one in sorted(each)))
