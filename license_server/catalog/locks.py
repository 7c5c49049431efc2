"""Locks on customers and products, until the end of a transaction."""

from collections.abc import Iterable

from sqlalchemy import Connection, select

from license_server.db.among import among
from license_server.db.tables import customers, products


def product(connection: Connection, id_: int) -> None:
    """Let nobody else take this lock, or change the product, before the commit."""
    query = select(products.c.id).where(products.c.id == id_).with_for_update(key_share=True)
    connection.execute(query).all()


def live(connection: Connection, id_: int) -> bool:
    """Let nobody else take this lock, or merge the customer, before the commit.

    Whether it was not merged before that.
    """
    query = select(customers.c.merged_into).where(customers.c.id == id_)
    return connection.execute(query.with_for_update(key_share=True)).scalar_one() is None


def whole(connection: Connection, ids: Iterable[int]) -> None:
    """Let nobody else issue to these customers, or change them, before the commit."""
    query = (
        select(customers.c.id).where(among(customers.c.id, sorted(ids))).order_by(customers.c.id)
    )
    connection.execute(query.with_for_update()).all()
