"""Who writes mail from a domain."""

from sqlalchemy import Connection, func, select

from license_server.catalog.catalog_store import Customer
from license_server.db.tables import customers


def customers_with(connection: Connection, domain: str) -> list[Customer]:
    """The customers who write mail from this very domain, but for those that were merged."""
    its = customers.c.domains
    line = func.char(10) if connection.dialect.name == "sqlite" else func.chr(10)
    has_it = (line + its + line).contains(f"\n{domain}\n", autoescape=True)
    query = select(customers).where(its.is_not(None), customers.c.merged_into.is_(None), has_it)
    return [Customer(*row) for row in connection.execute(query.order_by(customers.c.id))]
