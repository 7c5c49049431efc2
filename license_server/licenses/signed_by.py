"""Licences by the key that signed them.

No column names that key: a token begins with the header that only this key makes, and all of them
are looked through. That is seldom, and whoever does it has lost a key.
"""

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, FromClause, and_, case, func, or_, select

from license_core import jws
from license_server.db.tables import (
    customers,
    licenses,
    products,
)
from license_server.licenses.acts import REISSUE
from license_server.licenses.license_store import (
    ALL,
    END,
    StoredLicense,
)


class Share(NamedTuple):
    """The licences that a key signed for one customer."""

    customer: str
    contact_name: str | None
    contact_email: str | None
    licenses: int
    live: int
    """Those that hold and that no other replaces."""


def shares(connection: Connection, kid: str, now: int) -> list[Share]:
    """Whose licences the key *kid* signed, in the order of the customers' names."""
    live = func.sum(case((_live(now), 1), else_=0))
    query = (
        select(
            customers.c.name,
            customers.c.contact_name,
            customers.c.contact_email,
            func.count(),
            live,
        )
        .select_from(licenses)
        .join(customers, customers.c.id == licenses.c.customer_id)
        .where(_signed_by(licenses, kid))
        .group_by(customers.c.id)
        .order_by(customers.c.name)
    )
    return [Share(*row) for row in connection.execute(query)]


def products_of(connection: Connection, kid: str, now: int) -> list[str]:
    """Of which products there are live licences that the key *kid* signed."""
    query = (
        select(products.c.name)
        .join(licenses, licenses.c.product_id == products.c.id)
        .where(_live(now), _signed_by(licenses, kid))
        .distinct()
        .order_by(products.c.name)
    )
    return list(connection.execute(query).scalars())


def count_live(connection: Connection, kid: str, now: int) -> int:
    """How many live licences the key *kid* signed."""
    query = select(func.count()).where(_live(now), _signed_by(licenses, kid))
    found: int = connection.execute(query).scalar_one()
    return found


def live(connection: Connection, kid: str, now: int, after: int, limit: int) -> list[StoredLicense]:
    """At most *limit* live licences that the key *kid* signed, with ids above *after*, in order."""
    query = (
        ALL.where(_live(now), licenses.c.id > after, _signed_by(licenses, kid))
        .order_by(licenses.c.id)
        .limit(limit)
    )
    return [StoredLicense(*tuple(row)) for row in connection.execute(query)]


def reissued(connection: Connection, kid: str, after: int, limit: int) -> list[StoredLicense]:
    """At most *limit* licences that were issued again in place of one by the key *kid*.

    Only those that are still in force; with ids above *after*, in their order.
    """
    former = licenses.alias()
    query = (
        ALL.join(former, former.c.number == licenses.c.replaces)
        .where(
            licenses.c.act == REISSUE.name,
            licenses.c.state == "active",
            licenses.c.id > after,
            _signed_by(former, kid),
        )
        .order_by(licenses.c.id)
        .limit(limit)
    )
    return [StoredLicense(*tuple(row)) for row in connection.execute(query)]


def _live(now: int) -> ColumnElement[bool]:
    return and_(licenses.c.state == "active", or_(END.is_(None), now < END))


def _signed_by(table: FromClause, kid: str) -> ColumnElement[bool]:
    header = f"{jws.header(kid, jws.LICENSE)}."
    token: Any = table.c.token
    return func.substr(token, 1, len(header)) == header
