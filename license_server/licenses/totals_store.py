"""What a customer has: totals for each product, what ends next, the numbers of orders.

Of very many licences the newest are looked at.
"""

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Subquery, and_, case, func, or_, select

from license_server.catalog import catalog_store
from license_server.db.among import among
from license_server.db.questions import Question, Questions, ask_all, each
from license_server.db.tables import licenses, products

MOST = 10_000
"""So many licences are looked at."""


class Total(NamedTuple):
    """How many licences of a product there are in each state, at an instant."""

    product: str
    valid: int
    soon: int
    """Of these, those that end soon."""
    grace: int
    expired: int
    """Over, and no other replaced them."""
    suspended: int
    revoked: int
    returned: int
    replaced: int

    @property
    def all(self) -> int:
        """All of them."""
        return sum(self[1:]) - self.soon


class Contract(NamedTuple):
    """The number of an order or a contract, and how many licences have it."""

    number: str
    licenses: int


class Holdings(NamedTuple):
    """What a customer has."""

    totals: list[Total]
    """By product, in the order of their names."""
    next: list[str]
    """The numbers of the licences that end next, those in grace included."""
    contracts: list[Contract]
    """Those of the newest licences first."""

    @property
    def sum(self) -> Total:
        """Of all products."""
        return Total("", *(sum(column) for column in list(zip(*self.totals, strict=True))[1:]))


def of_customer(
    connection: Connection,
    id_: int,
    of: frozenset[str] | None,
    now: int,
    soon: int,
    few: int,
) -> Holdings:
    """What a customer has at the instant *now*; *of*: of these products only.

    *soon*: the number of the day (term_days) until which what ends, ends soon. At most *few*
    licences that end next are told, and as many contracts.
    """
    wanted = [licenses.c.customer_id == id_]
    if of is not None:
        wanted.append(among(licenses.c.product_id, catalog_store.product_ids(connection, of)))
    names = (
        "id",
        "number",
        "product_id",
        "state",
        "expires_at",
        "grace_until",
        "last_day",
        "contract",
    )
    columns = [licenses.c[name] for name in names]
    newest = select(*columns).where(*wanted).order_by(licenses.c.id.desc()).limit(MOST).subquery()
    its: Questions = {
        "totals": _totals(newest, now, soon),
        "next": _next(newest, now, few),
        "contracts": _contracts(newest, few),
    }
    return Holdings(**ask_all(connection, its))


def _totals(newest: Subquery, now: int, soon: int) -> Question[list[Total]]:
    row = newest.c
    active = row.state == "active"
    valid = and_(active, or_(row.expires_at.is_(None), row.expires_at > now))
    grace = and_(active, row.expires_at <= now, row.grace_until > now)
    lapsed = or_(row.grace_until.is_(None), row.grace_until <= now)
    query = (
        select(
            products.c.name,
            _count(valid),
            _count(and_(valid, row.last_day <= soon)),
            _count(grace),
            _count(and_(active, row.expires_at <= now, lapsed)),
            _count(row.state == "suspended"),
            _count(row.state == "revoked"),
            _count(row.state == "returned"),
            _count(row.state == "replaced"),
        )
        .join(products, products.c.id == row.product_id)
        .group_by(products.c.name)
        .order_by(products.c.name)
    )
    return each(query, Total)


def _count(wanted: ColumnElement[bool]) -> Any:
    return func.coalesce(func.sum(case((wanted, 1), else_=0)), 0)


def _next(newest: Subquery, now: int, few: int) -> Question[list[str]]:
    row = newest.c
    query = (
        select(row.number)
        .where(row.state == "active", func.coalesce(row.grace_until, row.expires_at) > now)
        .order_by(row.expires_at, row.id)
        .limit(few)
    )
    return each(query, str)


def _contracts(newest: Subquery, few: int) -> Question[list[Contract]]:
    row = newest.c
    query = (
        select(row.contract, func.count())
        .where(row.contract.is_not(None))
        .group_by(row.contract)
        .order_by(func.max(row.id).desc())
        .limit(few)
    )
    return each(query, Contract)
