"""Stored customers and products whose rows are known."""

from collections.abc import Sequence

from sqlalchemy import select

from license_server.catalog.catalog_store import Customer, Product
from license_server.db.among import among
from license_server.db.questions import Question, each
from license_server.db.tables import customers, products


def customers_by_ids(ids: Sequence[int], limit: int) -> Question[list[Customer]]:
    """At most *limit* of the customers in these rows, by name; none that was merged."""
    query = select(customers).where(customers.c.merged_into.is_(None), among(customers.c.id, ids))
    return each(query.order_by(customers.c.name).limit(limit), Customer)


def products_by_ids(
    ids: Sequence[int], of: frozenset[str] | None, limit: int
) -> Question[list[Product]]:
    """At most *limit* of the products in these rows, by name; *of*: of these products only."""
    query = select(products).where(among(products.c.id, ids))
    if of is not None:
        query = query.where(products.c.name.in_(of))
    return each(query.order_by(products.c.name).limit(limit), Product)
