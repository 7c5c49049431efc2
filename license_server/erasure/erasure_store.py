"""Stored data about people, wherever it is: what is a customer's, and what is old."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    and_,
    delete,
    exists,
    func,
    literal,
    not_,
    or_,
    select,
    update,
)

from license_server.db import deferred
from license_server.db.among import among
from license_server.db.mail_tables import mails
from license_server.db.portal_tables import portal_links, portal_requests, portal_sessions
from license_server.db.renewal_tables import reminders
from license_server.db.request_tables import request_messages, requests
from license_server.db.tables import (
    audit_events,
    audit_values,
    customer_names,
    customers,
    drafts,
    idempotency_keys,
    import_batches,
    import_jobs,
    import_sheets,
    licenses,
    proposals,
    saved_views,
    users,
)
from license_server.db.webhook_tables import webhook_attempts, webhook_deliveries

Row = dict[str, Any]
LICENSES, REQUESTS, MAILS, PROPOSALS, LINKS = (
    one.name for one in (licenses, requests, mails, proposals, portal_links)
)
_TABLES: dict[str, Table] = {
    one.name: one for one in (licenses, requests, mails, proposals, portal_links)
}
ERASED = "erased."
"""How what stands in place of a token begins (licenses/erased_claims.py)."""


class Theirs(NamedTuple):
    """Whose rows are looked for."""

    ids: Collection[int]
    names: Collection[str]
    """That no other customer has or had."""
    shared: Mapping[str, int]
    """Before which instant a name was theirs that another has or had, by the name; 0: unknown."""
    addresses: Collection[str]
    """In lower case; no other customer has or had them."""
    erased_name: str
    mailbox: str
    """In place of the address of a mail that was erased."""


def logged_values(connection: Connection, ids: Collection[int]) -> set[str]:
    """What the audit log tells that fields of these customers held."""
    query = select(audit_values.c.value).where(among(audit_values.c.owner, _owners(ids)))
    values = (json.loads(value) for value in connection.execute(query).scalars())
    return {one for one in values if isinstance(one, str)}


def others_called(
    connection: Connection, ids: Collection[int], names: Collection[str]
) -> list[tuple[str, int]]:
    """Which of *names* customers other than *ids* have or had, and since when each is there."""
    of, former = customers.c, customer_names.c
    now = select(of.name, of.created_at).where(among(of.name, names), of.id.not_in(ids))
    once = (
        select(former.name, of.created_at)
        .join_from(customer_names, customers, former.customer_id == of.id)
        .where(among(former.name, names), of.id.not_in(ids))
    )
    return [(name, since) for name, since in connection.execute(now.union_all(once))]


def is_taken(
    connection: Connection, address: str, ids: Collection[int], names: Collection[str]
) -> bool:
    """Whether an *address* in lower case is, or was, that of another customer or of a user."""
    found: bool = connection.execute(select(_taken(literal(address), ids, names))).scalar_one()
    return bool(found)


def _owners(ids: Collection[int]) -> list[str]:
    return [f"customers/{id_}" for id_ in ids]


def _taken(
    address: ColumnElement[str], ids: Collection[int], names: Collection[str]
) -> ColumnElement[bool]:
    """Whether an *address* is not only of the customers *ids*, whose alone these *names* are."""
    of, asked, told = customers.c, requests.c, audit_values.c
    contacts = select(func.lower(of.contact_email)).where(
        of.id.not_in(ids), of.contact_email.is_not(None)
    )
    senders = select(func.lower(asked.sender_address)).where(
        asked.sender_address.is_not(None), asked.customer.is_not(None), asked.customer.not_in(names)
    )
    former = select(func.lower(told.value)).where(
        told.owner.like("customers/%"), told.owner.not_in(_owners(ids))
    )
    quoted = literal('"').concat(address).concat('"')
    return or_(
        address.in_(contacts),
        address.in_(senders),
        address.in_(select(users.c.email)),
        quoted.in_(former),
    )


def _is_named(
    theirs: Theirs, name: ColumnElement[Any], at: ColumnElement[Any]
) -> ColumnElement[bool]:
    """Whether a *name* that was written *at* an instant meant them, and nobody else."""
    then = (and_(name == one, at < before) for one, before in theirs.shared.items())
    return or_(name.in_(theirs.names), *then)


def _is_others(theirs: Theirs, number: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether the licence with this *number* is another customer's."""
    of = licenses.c
    return exists().where(of.number == number, of.customer_id.not_in(theirs.ids))


def _numbers(theirs: Theirs) -> Select[Any]:
    return select(licenses.c.number).where(licenses.c.customer_id.in_(theirs.ids))


def _reminded(theirs: Theirs, column: Any) -> Select[Any]:
    """The mails in a *column* of the reminders of their licences."""
    lines = select(licenses.c.line).where(licenses.c.customer_id.in_(theirs.ids))
    return select(column).where(reminders.c.line.in_(lines), column.is_not(None))


def _of_mails(theirs: Theirs) -> ColumnElement[bool]:
    links = select(portal_links.c.mail).where(
        portal_links.c.customer_id.in_(theirs.ids), portal_links.c.mail.is_not(None)
    )
    sender = func.lower(requests.c.sender_address)
    senders = select(sender).where(
        _is_named(theirs, requests.c.customer, requests.c.received_at),
        requests.c.sender_address.is_not(None),
        not_(_is_others(theirs, requests.c.license)),
        not_(_taken(sender, theirs.ids, theirs.names)),
    )
    address = func.lower(mails.c.recipient)
    to_them = or_(among(address, theirs.addresses), address.in_(senders))
    whose = or_(
        mails.c.license.in_(_numbers(theirs)),
        and_(to_them, not_(_is_mail_of_others(theirs))),
        mails.c.id.in_(links),
        mails.c.id.in_(_reminded(theirs, reminders.c.mail)),
        mails.c.id.in_(_reminded(theirs, reminders.c.owner_mail)),
    )
    return and_(whose, mails.c.body != "")


def _is_mail_of_others(theirs: Theirs) -> ColumnElement[bool]:
    """Whether a mail is about a licence of another customer, or brings its link."""
    link, given = portal_links.c, reminders.c
    return or_(
        _is_others(theirs, mails.c.license),
        exists().where(link.mail == mails.c.id, link.customer_id.not_in(theirs.ids)),
        exists().where(
            or_(given.mail == mails.c.id, given.owner_mail == mails.c.id),
            _is_others(theirs, given.license),
        ),
    )


def _of_requests(theirs: Theirs) -> ColumnElement[bool]:
    of = requests.c
    in_portal = select(portal_requests.c.request_id).where(
        portal_requests.c.customer_id.in_(theirs.ids)
    )
    numbers = _numbers(theirs)
    nobodys = and_(
        of.customer.is_(None),
        or_(of.earlier.in_(numbers), among(func.lower(of.sender_address), theirs.addresses)),
    )
    filed = portal_requests.c
    of_others = or_(
        _is_others(theirs, of.license),
        exists().where(filed.request_id == of.id, filed.customer_id.not_in(theirs.ids)),
    )
    named = and_(_is_named(theirs, of.customer, of.received_at), not_(of_others))
    whose = or_(named, of.id.in_(in_portal), of.license.in_(numbers), nobodys)
    return and_(whose, or_(of.customer.is_(None), of.customer != theirs.erased_name))


def _of_proposals(theirs: Theirs) -> ColumnElement[bool]:
    of, numbers = proposals.c, _numbers(theirs)
    of_others = or_(_is_others(theirs, of.subject), _is_others(theirs, of.number))
    named = and_(_is_named(theirs, of.customer, of.proposed_at), not_(of_others))
    whose = or_(named, of.subject.in_(numbers), of.number.in_(numbers))
    return and_(whose, of.customer != theirs.erased_name)


def _wanted(table: str, theirs: Theirs) -> ColumnElement[bool]:
    if table == LICENSES:
        has = licenses.c.customer_id.in_(theirs.ids)
        return and_(has, licenses.c.token.not_like(f"{ERASED}%"))
    if table == LINKS:
        return portal_links.c.customer_id.in_(theirs.ids)
    return {MAILS: _of_mails, REQUESTS: _of_requests, PROPOSALS: _of_proposals}[table](theirs)


def rows(connection: Connection, table: str, theirs: Theirs, after: int, limit: int) -> list[Row]:
    """At most *limit* of their rows of *table* with an id over *after*, in its order."""
    of = _TABLES[table]
    query = select(of).where(_wanted(table, theirs), of.c.id > after).order_by(of.c.id)
    return [dict(row._mapping) for row in connection.execute(query.limit(limit))]


def counts(connection: Connection, tables: Collection[str], theirs: Theirs) -> dict[str, int]:
    """How many rows of each of *tables* are theirs."""
    each = (_counted(table, _wanted(table, theirs)) for table in tables)
    return dict(zip(tables, connection.execute(select(*each)).one(), strict=True))


def undecided(connection: Connection, theirs: Theirs) -> int:
    """How many requests and proposals bear a name of theirs that may mean another customer."""
    each = (
        _counted(table, and_(_is_shared(table, theirs), not_(_wanted(table, theirs))))
        for table in (REQUESTS, PROPOSALS)
    )
    return sum(connection.execute(select(*each)).one())


def _is_shared(table: str, theirs: Theirs) -> ColumnElement[bool]:
    return among(_TABLES[table].c.customer, theirs.shared)


def _counted(table: str, wanted: ColumnElement[bool]) -> ColumnElement[int]:
    return select(func.count()).select_from(_TABLES[table]).where(wanted).scalar_subquery()


def change(connection: Connection, table: str, id_: int, **values: Any) -> Row:
    """Give a row other *values*; all of it then."""
    of = _TABLES[table]
    query = update(of).where(of.c.id == id_).values(values).returning(*of.c)
    return dict(connection.execute(query).one()._mapping)


def numbers(connection: Connection, ids: Collection[int]) -> list[str]:
    """The numbers of the licences of these customers."""
    query = select(licenses.c.number).where(licenses.c.customer_id.in_(ids))
    return list(connection.execute(query).scalars())


def requests_of(connection: Connection, name: str) -> list[int]:
    """The ids of the requests of the customer of this *name*."""
    query = select(requests.c.id).where(requests.c.customer == name)
    return list(connection.execute(query).scalars())


def has_licenses(connection: Connection, id_: int) -> bool:
    """Whether this customer has a licence that was not erased."""
    of = licenses.c
    query = select(of.id).where(of.customer_id == id_, of.token.not_like(f"{ERASED}%"))
    return connection.execute(query.limit(1)).first() is not None


def digests_to_owners(connection: Connection, ids: Collection[int]) -> set[int]:
    """Which of these mails told an owner, at the vendor, of several customers."""
    query = select(reminders.c.owner_mail).where(among(reminders.c.owner_mail, ids))
    return set(connection.execute(query).scalars())


def live_numbers(connection: Connection, ids: Collection[int], now: int, limit: int) -> list[str]:
    """At most *limit* of the licences of these customers that hold at *now*."""
    of = licenses.c
    end = func.coalesce(of.grace_until, of.expires_at)
    query = select(of.number).where(
        of.customer_id.in_(ids), of.state == "active", or_(end.is_(None), now < end)
    )
    return list(connection.execute(query.order_by(of.id).limit(limit)).scalars())


def forget_messages(connection: Connection, request_ids: Collection[int]) -> None:
    """Delete what was written about these requests."""
    connection.execute(
        delete(request_messages).where(among(request_messages.c.request_id, request_ids))
    )


def end_sessions(connection: Connection, link_ids: Collection[int]) -> None:
    """Delete the sessions of these links into the portal."""
    table = portal_sessions
    connection.execute(delete(table).where(among(table.c.link_id, link_ids)))


def customer_rows(connection: Connection, ids: Collection[int]) -> list[Row]:
    """The rows of these customers."""
    found = connection.execute(select(customers).where(customers.c.id.in_(ids)))
    return [dict(row._mapping) for row in found]


def begun(connection: Connection, before: int) -> list[tuple[int, str]]:
    """The customers whose erasure was begun *before* then: the id and the name of each."""
    of = customers.c
    query = select(of.id, of.name).where(of.erased_at < before, of.merged_into.is_(None))
    return [(id_, name) for id_, name in connection.execute(query.order_by(of.id))]


# Webhooks


class ToldOf(NamedTuple):
    """A delivery of what is erased."""

    id: int
    event: str
    subject: str
    created_at: int
    state: str


def deliveries(connection: Connection, subjects: Collection[str]) -> list[ToldOf]:
    """What webhooks were told, or are to be told, of these *subjects*."""
    of = webhook_deliveries.c
    query = select(*(of[name] for name in ToldOf._fields)).where(among(of.subject, subjects))
    return [ToldOf(*row) for row in connection.execute(query)]


def empty_delivery(connection: Connection, id_: int, **values: Any) -> None:
    """Give a delivery other *values*, and forget what was answered to it."""
    table, tries = webhook_deliveries, webhook_attempts
    connection.execute(update(table).where(table.c.id == id_).values(values))
    blank = {"answer": None, "detail": None}
    connection.execute(update(tries).where(tries.c.delivery_id == id_).values(blank))


# What passes in a week anyway


class Passing(NamedTuple):
    """A row that passes, and what is written in it."""

    table: Table
    key: tuple[Any, ...]
    texts: tuple[str, ...]


_PASSING: tuple[tuple[Table, tuple[str, ...], tuple[str, ...]], ...] = (
    (idempotency_keys, ("actor", "key"), ("body",)),
    (drafts, ("actor", "id"), ("fields",)),
    (import_sheets, ("actor", "id"), ("content",)),
    (import_jobs, ("actor", "id"), ("left_out", "detail")),
    (import_batches, ("actor", "key"), ("outcomes",)),
    (saved_views, ("actor", "room", "name"), ("query",)),
)


def passing(connection: Connection) -> Iterator[Passing]:
    """Every short-lived row with the text that is in it, and every saved view."""
    for table, key, columns in _PASSING:
        query = select(*(table.c[name] for name in (*key, *columns)))
        for row in deferred.streamed(connection, query):
            values = row[len(key) :]
            yield Passing(table, tuple(row[: len(key)]), tuple(map(_text, values)))


def forget_passing(connection: Connection, found: Iterable[Passing]) -> int:
    """Delete these rows; of a reply only what it says, so that nothing is done twice.

    How many there were. A job that runs goes on: it keeps its sheet until it is done.
    """
    running = select(import_jobs.c.actor, import_jobs.c.id).where(
        import_jobs.c.state.in_(("waiting", "running"))
    )
    busy = {tuple(row) for row in connection.execute(running)}
    done = 0
    for one in found:
        mine = _key(one)
        if one.table is idempotency_keys:
            connection.execute(update(one.table).where(mine).values(body=b"{}"))
        elif one.table is import_jobs:
            connection.execute(update(one.table).where(mine).values(left_out="[]", detail=None))
        elif one.table is import_sheets and one.key in busy:
            continue
        else:
            connection.execute(delete(one.table).where(mine))
        done += 1
    return done


def _key(one: Passing) -> ColumnElement[bool]:
    names = next(key for table, key, _ in _PASSING if table is one.table)
    return and_(*(one.table.c[name] == value for name, value in zip(names, one.key, strict=True)))


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value or "")


# What is old


def old_mails(connection: Connection, ended_before: int, limit: int) -> list[Row]:
    """At most *limit* mails that ended before that, and whose text is still there."""
    of = mails.c
    query = select(mails).where(of.ended_at < ended_before, of.body != "")
    return [dict(row._mapping) for row in connection.execute(query.order_by(of.id).limit(limit))]


def old_requests(connection: Connection, closed_before: int, limit: int) -> list[Row]:
    """At most *limit* requests that were closed before that and still say who sent them."""
    of = requests.c
    told = or_(*(of[name].is_not(None) for name in SENDER))
    query = select(requests).where(of.closed_at < closed_before, told)
    return [dict(row._mapping) for row in connection.execute(query.order_by(of.id).limit(limit))]


SENDER = ("sender_name", "sender_address", "subject", "message_id", "thread", "authenticated")
"""What a request tells of whoever sent it."""


def old_addresses(connection: Connection, before: int, limit: int) -> Sequence[int]:
    """The ids of at most *limit* events before that with an address that can be erased."""
    of = audit_events.c
    sealed = or_(of.salt.is_not(None), of.erased.is_not(None))
    query = select(of.id).where(of.at < before, of.address.is_not(None), sealed)
    return connection.execute(query.order_by(of.at, of.id).limit(limit)).scalars().all()
