"""How things stand for a licence that is recorded now: all that it depends on, in one statement.

And for many that replace others.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, func, select, true

from license_server.db.among import among
from license_server.db.tables import customers, keysets, products

_NEWEST = select(func.max(keysets.c.version).label("version")).subquery()
_HELD = (
    select(customers)
    .where(customers.c.name == bindparam("customer"), customers.c.merged_into.is_(None))
    .with_for_update(read=True, key_share=True)
    .subquery()
)
_STANDING = select(
    _HELD.c.id,
    products.c.id,
    products.c.needs_approval,
    _NEWEST.c.version,
    _HELD.c.archived_at,
    products.c.archived_at,
    _HELD.c.erased_at,
).select_from(
    _NEWEST.outerjoin(_HELD, true()).outerjoin(products, products.c.name == bindparam("product"))
)

_CUSTOMERS_HELD = (
    select(customers.c.id, customers.c.erased_at)
    .where(among(customers.c.id, "ids"))
    .order_by(customers.c.id)
    .with_for_update(read=True, key_share=True)
)
_PRODUCTS = select(products.c.id, products.c.needs_approval).where(among(products.c.id, "ids"))


class Standing(NamedTuple):
    """What a licence is recorded under. None: there is no such customer or product yet."""

    customer_id: int | None
    product_id: int | None
    needs_approval: bool | None
    """Whether the product does."""
    keyset_version: int
    """Of the keyset that is in force."""
    customer_archived_at: int | None
    product_archived_at: int | None
    customer_erased_at: int | None


def standing(connection: Connection, customer: str, product: str) -> Standing:
    """How things stand for a licence to a customer for a product of these names: in one go.

    Nobody merges or erases the customer before the commit.
    """
    names = {"customer": customer, "product": product}
    found = Standing(*connection.execute(_STANDING, names).one())
    return found._replace(keyset_version=found.keyset_version or 0)


class StandingOfMany(NamedTuple):
    """What licences are recorded under that replace others, by the ids of their rows."""

    erased_at: Mapping[int, int | None]
    """Since when a customer is being erased."""
    needs_approval: Mapping[int, bool]
    """Whether a product does."""
    keyset_version: int


def of_many(
    connection: Connection, customer_ids: Collection[int], product_ids: Collection[int]
) -> StandingOfMany:
    """How things stand for licences of these customers and products.

    Nobody merges or erases the customers before the commit. They are held in the order of their
    ids, as whoever else holds several does.
    """
    given = {"ids": sorted(customer_ids)}
    erased = {row.id: row.erased_at for row in connection.execute(_CUSTOMERS_HELD, given)}
    found = connection.execute(_PRODUCTS, {"ids": sorted(product_ids)})
    needs = {row.id: bool(row.needs_approval) for row in found}
    return StandingOfMany(erased, needs, connection.execute(select(_NEWEST)).scalar() or 0)
