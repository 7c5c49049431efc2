"""The licences of a customer that is merged into another."""

from typing import Any

from sqlalchemy import Connection, func, select

from license_server.db.among import among
from license_server.db.tables import licenses


def move_licenses(
    connection: Connection, former: int, into: int, limit: int
) -> list[dict[str, Any]]:
    """Give at most *limit* licences of one customer to another; their rows then."""
    some = select(licenses.c.id).where(licenses.c.customer_id == former).limit(limit)
    ids = list(connection.execute(some).scalars())
    query = licenses.update().where(among(licenses.c.id, ids)).values(customer_id=into)
    return [dict(row._mapping) for row in connection.execute(query.returning(*licenses.c))]


def count_licenses(connection: Connection, id_: int) -> int:
    """How many licences a customer has, or had."""
    query = select(func.count()).where(licenses.c.customer_id == id_)
    found: int = connection.execute(query).scalar_one()
    return found
