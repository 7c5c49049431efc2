"""Reads whole tables in chunks, to check them against the audit log."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, Table, func, or_, select

from license_server.db.deferred import streamed
from license_server.db.mail_tables import mails
from license_server.db.portal_tables import portal_links, portal_requests
from license_server.db.request_tables import requests
from license_server.db.tables import (
    customers,
    idempotency_keys,
    licenses,
    metadata,
    products,
    proposals,
)
from license_server.licenses.acts import RENEW
from license_server.licenses.vocabulary import TRIAL


class Kin(NamedTuple):
    """A licence's row beside those that it names."""

    row: dict[str, Any]
    product: str | None
    former_line: str | None
    """Of the licence that it replaces; None: there is none."""
    former_replaced_by: str | None
    later_replaces: str | None
    """What the licence that replaced it replaces; None: there is none."""
    plans: str | None
    """Those of its product."""
    stood_for: str | None
    """The number of the licence that it stands in for; None: there is none."""


class Trial(NamedTuple):
    """A licence that became a trial, and not as an exception."""

    number: str
    product_id: int
    value: object
    """Of the column by which they are in order."""


class Asked(NamedTuple):
    """A request's row beside what it names."""

    row: dict[str, Any]
    license: str | None
    """The number of the licence that answers it; None: there is none. So with the others."""
    earlier: str | None
    proposal_state: str | None
    proposal_number: str | None
    former: int | None
    """The id of the request that it follows."""


def count(connection: Connection, table: str) -> int:
    """How many rows *table* has."""
    query = select(func.count()).select_from(metadata.tables[table])
    found: int = connection.execute(query).scalar_one()
    return found


def rows(connection: Connection, table: str, key: str) -> Iterator[dict[str, Any]]:
    """Every row of *table*, in the order of the column *key*."""
    columns = metadata.tables[table]
    query = select(columns).order_by(columns.c[key])
    yield from (dict(row._mapping) for row in streamed(connection, query))


def all_kin(connection: Connection) -> Iterator[Kin]:
    """Every licence with what its row names."""
    former, later, beside = (licenses.alias() for _ in range(3))
    query = (
        select(
            licenses,
            products.c.name,
            former.c.line,
            former.c.replaced_by,
            later.c.replaces,
            products.c.plans,
            beside.c.number,
        )
        .outerjoin(products, products.c.id == licenses.c.product_id)
        .outerjoin(former, former.c.number == licenses.c.replaces)
        .outerjoin(later, later.c.number == licenses.c.replaced_by)
        .outerjoin(beside, beside.c.number == licenses.c.stands_for)
        .order_by(licenses.c.id)
    )
    yield from (Kin(row, *more) for row, more in _beside(connection, licenses, query))


def _beside(
    connection: Connection, table: Table, query: Select[Any]
) -> Iterator[tuple[dict[str, Any], Sequence[Any]]]:
    """Each row of *table*, whose columns *query* has first, and what it has beside them."""
    own = len(table.c)
    names = tuple(column.name for column in table.c)
    for row in streamed(connection, query):
        yield dict(zip(names, row, strict=False)), row[own:]


def requests_beside(connection: Connection) -> Iterator[Asked]:
    """Every request with what its row names."""
    answer, earlier, former = licenses.alias(), licenses.alias(), requests.alias()
    query = (
        select(
            requests,
            answer.c.number,
            earlier.c.number,
            proposals.c.state,
            proposals.c.number,
            former.c.id,
        )
        .outerjoin(answer, answer.c.number == requests.c.license)
        .outerjoin(earlier, earlier.c.number == requests.c.earlier)
        .outerjoin(proposals, proposals.c.id == requests.c.proposal)
        .outerjoin(former, former.c.id == requests.c.follows)
        .order_by(requests.c.id)
    )
    yield from (Asked(row, *more) for row, more in _beside(connection, requests, query))


def mails_beside(connection: Connection) -> Iterator[tuple[dict[str, Any], str | None, str | None]]:
    """Every mail, with the number and the product of the licence that goes with it."""
    query = (
        select(mails, licenses.c.number, products.c.name)
        .outerjoin(licenses, licenses.c.number == mails.c.license)
        .outerjoin(products, products.c.id == licenses.c.product_id)
        .order_by(mails.c.id)
    )
    for row, (number, product) in _beside(connection, mails, query):
        yield row, number, product


def portal_links_beside(connection: Connection) -> Iterator[tuple[dict[str, Any], int | None]]:
    """Every link into the portal, with the number of the mail that brings it, if there is one."""
    query = (
        select(portal_links, mails.c.id)
        .outerjoin(mails, mails.c.id == portal_links.c.mail)
        .order_by(portal_links.c.id)
    )
    for row, (mail,) in _beside(connection, portal_links, query):
        yield row, mail


def portal_requests_beside(connection: Connection) -> Iterator[tuple[dict[str, Any], bool]]:
    """What the portal keeps of each request, and whether its link is of the same customer.

    Those that were merged are one.
    """
    own, of_link = customers.alias(), customers.alias()
    query = (
        select(
            portal_requests,
            func.coalesce(own.c.merged_into, own.c.id),
            func.coalesce(of_link.c.merged_into, of_link.c.id),
        )
        .join(own, own.c.id == portal_requests.c.customer_id)
        .join(portal_links, portal_links.c.id == portal_requests.c.link_id)
        .join(of_link, of_link.c.id == portal_links.c.customer_id)
        .order_by(portal_requests.c.request_id)
    )
    for row, (customer, customer_of_link) in _beside(connection, portal_requests, query):
        yield row, customer == customer_of_link


def trials(connection: Connection, column: str) -> Iterator[Trial]:
    """The trials of each product in the order of a *column*, the first one first."""
    former, of = licenses.alias(), licenses.c
    became = or_(of.replaces.is_(None), former.c.kind.is_(None), of.act == RENEW.name)
    query = (
        select(of.number, of.product_id, of[column])
        .outerjoin(former, former.c.number == of.replaces)
        .where(of.kind == TRIAL, of.despite.is_(None), of[column].is_not(None), became)
        .order_by(of.product_id, of[column], of.id)
    )
    yield from (Trial(*row) for row in streamed(connection, query))


def reply_locations(connection: Connection) -> Iterator[tuple[str, str, str]]:
    """Actor, key and location of every kept reply that names what it made."""
    table = idempotency_keys
    query = select(table.c.actor, table.c.key, table.c.location).where(
        table.c.location.is_not(None)
    )
    yield from (tuple(row) for row in streamed(connection, query))
