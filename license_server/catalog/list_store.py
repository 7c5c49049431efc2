"""Lists of customers and products: how many there are, and some of them in an order."""

from typing import Any

from sqlalchemy import Connection, func, select

from license_server.catalog import catalog_store
from license_server.catalog.catalog_store import Customer, Product
from license_server.db import sorted_rows
from license_server.db.sorted_rows import Count, SortedRows
from license_server.db.tables import customers, products

_ENDLESS = 1 << 30


def _folded(column: Any) -> Any:
    return func.lower(func.coalesce(column, ""))


CUSTOMER_SORTS: dict[str, Any] = {
    "name": func.lower(customers.c.name),
    "contact_name": _folded(customers.c.contact_name),
    "contact_email": _folded(customers.c.contact_email),
    "language": func.coalesce(customers.c.language, ""),
    "created_at": customers.c.created_at,
    "state": func.coalesce(customers.c.archived_at, 0),
}
"""By what customers can be sorted."""
PRODUCT_SORTS: dict[str, Any] = {
    "name": func.lower(products.c.name),
    "title": _folded(products.c.title),
    "longest_days": func.coalesce(products.c.longest_days, _ENDLESS),
    "rehosts": func.coalesce(products.c.rehosts, _ENDLESS),
    "needs_approval": products.c.needs_approval,
    "created_at": products.c.created_at,
}
"""By what products can be sorted."""


def count_customers(
    connection: Connection,
    text: str | None,
    of: frozenset[str] | None,
    *,
    contacts: bool,
    archived: bool | None,
    tag: str | None,
) -> Count:
    """How many customers catalog_store.customers_after lists, to a bound."""
    wanted = catalog_store.customers_wanted(
        connection, text, of, contacts=contacts, archived=archived, tag=tag
    )
    return sorted_rows.count(connection, select(customers.c.id).where(*wanted))


customers_in_order = SortedRows(select(customers), customers, CUSTOMER_SORTS, Customer).in_order


def count_products(
    connection: Connection, of: frozenset[str] | None, *, archived: bool | None
) -> Count:
    """How many products catalog_store.products_after lists, to a bound."""
    wanted = catalog_store.products_wanted(of, archived=archived)
    return sorted_rows.count(connection, select(products.c.id).where(*wanted))


products_in_order = SortedRows(select(products), products, PRODUCT_SORTS, Product).in_order
