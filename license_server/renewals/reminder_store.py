"""Stored reminders, and the licences that may be due for one."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, insert, or_, select, update

from license_server.catalog.catalog_store import Product
from license_server.db.among import among
from license_server.db.deferred import streamed
from license_server.db.mail_tables import mails
from license_server.db.once import once
from license_server.db.renewal_tables import owner_digests, reminders
from license_server.db.tables import customers, licenses, products
from license_server.db.unindexed import unindexed
from license_server.licenses import license_store, term_days
from license_server.licenses.license_store import StoredLicense
from license_server.licenses.vocabulary import STOP_GAP

_OF = reminders.c
_AT_ONCE = 500
_NO_STOP_GAP = or_(licenses.c.kind.is_(None), licenses.c.kind != STOP_GAP)


_CANDIDATE = tuple(
    licenses.c[name]
    for name in (
        *("id", "line", "customer_id", "product_id"),
        *("last_day", "time_zone", "expires_at", "issued_at"),
    )
)


class Given(NamedTuple):
    """A reminder that was given, and what became of its mail."""

    id: int
    line: str
    last_day: int
    days: int
    license: str
    due_at: int
    given_at: int
    outcome: str
    """One of reminding.OUTCOMES."""
    mail: int | None
    owner_mail: int | None
    mail_state: str | None = None
    """Of the mail to the customer; None: there is none."""


class Candidate(NamedTuple):
    """A licence that may be due for a reminder."""

    id: int
    line: str
    customer_id: int
    product_id: int
    last_day: int
    time_zone: str | None
    expires_at: int
    issued_at: int


class Band(NamedTuple):
    """Of one product: the last days of which a reminder may be due, or soon."""

    product_id: int
    days: int
    """The reminder that it is, where no row says that it was given."""
    first: int
    """The number of a day."""
    last: int


def add(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Store reminders. Raises IntegrityError where one was given already."""
    if rows:
        connection.execute(insert(reminders), list(rows))


def candidates(connection: Connection, band: Band) -> Iterator[Candidate]:
    """The licences whose last day is in a *band*, and whose reminder was not given."""
    of = licenses.c
    known = select(_OF.id).where(
        _OF.line == of.line, _OF.last_day == of.last_day, _OF.days == band.days
    )
    query = select(*_CANDIDATE).where(
        unindexed(of.product_id) == band.product_id,
        *_within(band.first, band.last),
        ~known.exists(),
    )
    yield from (Candidate(*row) for row in connection.execute(query))


def _within(first: int, last: int) -> list[ColumnElement[bool]]:
    """Whether a licence goes on until a last day from *first* to *last*, and may be renewed."""
    begin, end = term_days.around(first, last)
    of = licenses.c
    return [
        of.expires_at >= begin,
        of.expires_at < end,
        of.last_day >= first,
        of.last_day <= last,
        unindexed(of.state) == "active",
        _NO_STOP_GAP,
    ]


def of_customer(
    connection: Connection, customer_id: int, product_ids: Collection[int], first: int, last: int
) -> list[Candidate]:
    """The licences of a customer for some products with a last day in these bounds, in order."""
    query = select(*_CANDIDATE).where(
        licenses.c.customer_id == customer_id,
        among(licenses.c.product_id, product_ids),
        *_within(first, last),
    )
    query = query.order_by(licenses.c.expires_at, licenses.c.id)
    return [Candidate(*row) for row in connection.execute(query)]


def licences(connection: Connection, ids: Sequence[int]) -> list[StoredLicense]:
    """The licences in these rows, in this order, however many."""
    found: list[StoredLicense] = []
    for begin in range(0, len(ids), _AT_ONCE):
        found += license_store.by_ids(connection, ids[begin : begin + _AT_ONCE])
    return found


def going_on(connection: Connection, given: Collection[Given]) -> dict[str, StoredLicense]:
    """By line, the licences that end on the day of which they were reminded, whatever they are now.

    Not those that were renewed since or have ended, nor those beside which there is a longer one.
    """
    days = {one.line: one.last_day for one in given}
    lines, found = sorted(days), list[StoredLicense]()
    for begin in range(0, len(lines), _AT_ONCE):
        found += license_store.newest_of_lines(connection, lines[begin : begin + _AT_ONCE])
    same = [
        one
        for one in found
        if one.state == "active" and one.kind != STOP_GAP and one.last_day == days[one.line]
    ]
    longer = covered(connection, same)
    return {one.line: one for one in same if one.number not in longer}


def covered(connection: Connection, rows: Sequence[StoredLicense]) -> set[str]:
    """The numbers of those beside which the same customer has another for that host.

    Of the same product, and it ends later: nothing has to be renewed.
    """
    found: set[str] = set()
    of = licenses.c
    for begin in range(0, len(rows), _AT_ONCE):
        some = rows[begin : begin + _AT_ONCE]
        other = licenses.alias()
        query = select(of.number).where(
            among(of.id, [one.id for one in some]),
            select(other.c.id)
            .where(
                other.c.host_key == of.host_key,
                other.c.id != of.id,
                unindexed(other.c.customer_id) == of.customer_id,
                unindexed(other.c.product_id) == of.product_id,
                unindexed(other.c.state) == "active",
                or_(other.c.expires_at.is_(None), other.c.expires_at > of.expires_at),
                or_(other.c.kind.is_(None), other.c.kind != STOP_GAP),
            )
            .exists(),
        )
        found.update(connection.execute(query).scalars())
    return found


def given(connection: Connection, lines: Collection[str]) -> dict[str, list[Given]]:
    """The reminders of these lines that were given, the newest first, with their mails."""
    found: dict[str, list[Given]] = {}
    wanted = sorted(set(lines))
    for begin in range(0, len(wanted), _AT_ONCE):
        query = (
            select(reminders, mails.c.state)
            .outerjoin(mails, mails.c.id == _OF.mail)
            .where(among(_OF.line, wanted[begin : begin + _AT_ONCE]))
            .order_by(_OF.id.desc())
        )
        for row in connection.execute(query):
            one = Given(*row)
            found.setdefault(one.line, []).append(one)
    return found


def of_mail(connection: Connection, mail: int, limit: int | None = None) -> list[Given]:
    """The reminders that a mail to a customer gave; at most *limit*."""
    query = select(reminders).where(_OF.mail == mail).order_by(_OF.last_day, _OF.id).limit(limit)
    return [Given(*row) for row in connection.execute(query)]


def of_owner_mail(connection: Connection, mail: int, since: int) -> list[Given]:
    """The reminders of which a mail told an owner, and that were given *since* then."""
    query = select(reminders).where(_OF.given_at >= since, _OF.owner_mail == mail).order_by(_OF.id)
    return [Given(*row) for row in connection.execute(query)]


def put_into(connection: Connection, former: int, mail: int, ids: Collection[int]) -> None:
    """Write down that these reminders are in a *mail*, which takes the place of a *former* one."""
    for column in (_OF.mail, _OF.owner_mail):
        query = update(reminders).where(column == former, among(_OF.id, sorted(ids)))
        connection.execute(query.values({column.name: mail}))
    query = update(owner_digests).where(owner_digests.c.mail == former)
    connection.execute(query.values(mail=mail))


class Untold(NamedTuple):
    """A reminder of which no owner was told."""

    given: Given
    customer_id: int
    owner: str | None
    """Of the customer."""
    issued_by: str


def untold(connection: Connection, since: int, outcomes: Collection[str]) -> list[Untold]:
    """The reminders that were given *since* then and no owner was told of."""
    query = (
        select(reminders, licenses.c.customer_id, customers.c.owner, licenses.c.issued_by)
        .join(licenses, licenses.c.number == _OF.license)
        .join(customers, customers.c.id == licenses.c.customer_id)
        .where(_OF.given_at >= since, _OF.owner_mail.is_(None), _OF.outcome.in_(sorted(outcomes)))
        .order_by(_OF.id)
    )
    width = len(reminders.c)
    return [Untold(Given(*row[:width]), *row[width:]) for row in connection.execute(query)]


def tell(connection: Connection, ids: Sequence[int], mail: int) -> None:
    """Write down that an owner was told of these reminders, in a *mail*."""
    for begin in range(0, len(ids), _AT_ONCE):
        some = list(ids[begin : begin + _AT_ONCE])
        query = update(reminders).where(among(_OF.id, some), _OF.owner_mail.is_(None))
        connection.execute(query.values(owner_mail=mail))


def had_digest(connection: Connection, owner: str, day: int) -> bool:
    """Whether the *owner* had the mail of a *day*."""
    query = select(owner_digests.c.mail).where(
        owner_digests.c.owner == owner, owner_digests.c.day == day
    )
    return connection.execute(query).first() is not None


def add_digest(connection: Connection, owner: str, day: int, mail: int) -> None:
    """Write down the mail of a *day* to an *owner*. Raises IntegrityError where there is one."""
    connection.execute(insert(owner_digests), {"owner": owner, "day": day, "mail": mail})


class Bounds(NamedTuple):
    """Which licences of the list of what is due."""

    first: int
    """The number of the first last day."""
    last: int
    product: str | None = None
    customer: str | None = None
    owner: str | None = None
    """The address of the owner of the customer; without one, of who issued the licence."""
    products: frozenset[str] | None = None
    """Only of these; None: of all."""


def ending(
    connection: Connection, wanted: Bounds, *, after: int | None, limit: int
) -> list[StoredLicense]:
    """At most *limit* licences that end, the first ones first; *after* the one in this row."""
    of = licenses.c
    query = license_store.ALL.where(*_within(wanted.first, wanted.last))
    if wanted.product is not None:
        query = query.where(unindexed(products.c.name) == wanted.product)
    if wanted.products is not None:
        query = query.where(among(unindexed(products.c.name), sorted(wanted.products)))
    if wanted.customer is not None:
        query = query.where(customers.c.name == wanted.customer)
    if wanted.owner is not None:
        issued = and_(customers.c.owner.is_(None), of.issued_by == f"user:{wanted.owner}")
        query = query.where(or_(customers.c.owner == wanted.owner, issued))
    if after is not None:
        last = licenses.alias()
        end = select(last.c.expires_at).where(last.c.id == after).scalar_subquery()
        query = query.where(or_(of.expires_at > end, and_(of.expires_at == end, of.id > after)))
    rows = connection.execute(query.order_by(of.expires_at, of.id).limit(limit))
    return [StoredLicense(*row) for row in rows]


@once
def reminding_products(connection: Connection) -> list[Product]:
    """The products that have reminders."""
    query = select(products).where(products.c.reminders.is_not(None)).order_by(products.c.name)
    return [Product(*row) for row in connection.execute(query)]


def beside(connection: Connection) -> Iterator[tuple[Given, str | None, int | None, int | None]]:
    """Every reminder, with the line of its licence, and the ids of its mails as far as they are."""
    own, owners = mails.alias(), mails.alias()
    query = (
        select(reminders, licenses.c.line, own.c.id, owners.c.id)
        .outerjoin(licenses, licenses.c.number == _OF.license)
        .outerjoin(own, own.c.id == _OF.mail)
        .outerjoin(owners, owners.c.id == _OF.owner_mail)
        .order_by(_OF.id)
    )
    width = len(reminders.c)
    for row in streamed(connection, query):
        yield Given(*row[:width]), *row[width:]
