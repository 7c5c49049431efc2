"""What is offered to choose from: customers and products by their names."""

from typing import Any, NamedTuple

from sqlalchemy import Select, select

from license_server.catalog.catalog_store import products_wanted
from license_server.db.questions import Question, each
from license_server.db.tables import customers, products


class Offered(NamedTuple):
    """A product to choose, by its name."""

    name: str
    plans: str | None
    """As Product has them."""


def some_products(
    limit: int, of: frozenset[str] | None = None, *, archived: bool | None = None
) -> Question[list[Offered]]:
    """The first *limit* products, in the order of their names (catalog_store.products_after)."""
    query = select(products.c.name, products.c.plans).where(*products_wanted(of, archived=archived))
    return each(query.order_by(products.c.name).limit(limit), Offered)


def customer_names(limit: int) -> Question[list[str]]:
    """The first *limit* names of customers in use, in their order."""
    in_use = (customers.c.merged_into.is_(None), customers.c.archived_at.is_(None))
    query = select(customers.c.name).where(*in_use)
    return each(query.order_by(customers.c.name).limit(limit), str)


def commands(limit: int, of: frozenset[str] | None) -> Select[Any]:
    """A query for the commands of the first *limit* products in use, as Product has them."""
    query = select(products.c.commands).where(*products_wanted(of, archived=False))
    return query.order_by(products.c.name).limit(limit)
