"""Reads whole tables in chunks, to check them against the audit log."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select

from license_server.db.deferred import streamed
from license_server.db.tables import (
    idempotency_keys,
    licenses,
    metadata,
    products,
)


class Kin(NamedTuple):
    """A licence's row beside those that it names."""

    row: dict[str, Any]
    product: str | None
    former_line: str | None
    """Of the licence that it replaces; None: there is none."""
    former_replaced_by: str | None
    later_replaces: str | None
    """What the licence that replaced it replaces; None: there is none."""


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
    former, later = licenses.alias(), licenses.alias()
    query = (
        select(
            licenses,
            products.c.name,
            former.c.line,
            former.c.replaced_by,
            later.c.replaces,
        )
        .outerjoin(products, products.c.id == licenses.c.product_id)
        .outerjoin(former, former.c.number == licenses.c.replaces)
        .outerjoin(later, later.c.number == licenses.c.replaced_by)
        .order_by(licenses.c.id)
    )
    own = len(licenses.c)
    names = tuple(column.name for column in licenses.c)
    for row in streamed(connection, query):
        yield Kin(dict(zip(names, row, strict=False)), *row[own:])


def reply_locations(connection: Connection) -> Iterator[tuple[str, str, str]]:
    """Actor, key and location of every kept reply that names what it made."""
    table = idempotency_keys
    query = select(table.c.actor, table.c.key, table.c.location).where(
        table.c.location.is_not(None)
    )
    yield from (tuple(row) for row in streamed(connection, query))
