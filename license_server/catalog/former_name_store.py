"""Stored names that customers had, by which they are still found."""

from sqlalchemy import Connection, delete, insert, select

from license_server.catalog import catalog_store
from license_server.catalog.catalog_store import Customer
from license_server.db.questions import ask
from license_server.db.tables import customer_names, customer_words


def rename(connection: Connection, former: Customer, name: str, now: int) -> None:
    """Let a customer who is to get the *name* be found by the one that it had until *now*."""
    table = customer_names
    for one in (former.name, name):
        query = delete(table).where(table.c.name == one, table.c.customer_id == former.id)
        connection.execute(query)
    row = {"name": former.name, "customer_id": former.id, "until": now}
    connection.execute(insert(table), row)


def forget(connection: Connection, customer: Customer) -> None:
    """Let a customer be found by its present name only."""
    connection.execute(delete(customer_names).where(customer_names.c.customer_id == customer.id))
    catalog_store.set_alike(connection, customer)


def take_names(connection: Connection, former: Customer, into: int, now: int) -> None:
    """Let the customer *into* be found by all names of the *former* one, and no other."""
    table = customer_names
    had = [(former.name, now)]
    query = select(table.c.name, table.c.until).where(table.c.customer_id == former.id)
    had += [(name, until) for name, until in connection.execute(query)]
    connection.execute(delete(table).where(table.c.customer_id == former.id))
    connection.execute(delete(customer_words).where(customer_words.c.customer_id == former.id))
    there = ask(connection, catalog_store.former_names(into))
    rows = [
        {"name": name, "customer_id": into, "until": until}
        for name, until in dict(had).items()
        if name not in there
    ]
    if rows:
        connection.execute(insert(table), rows)


def until(connection: Connection, id_: int) -> dict[str, int]:
    """When the customer in this row got another name, by each that it had."""
    table = customer_names.c
    query = select(table.name, table.until).where(table.customer_id == id_)
    return {row.name: row.until for row in connection.execute(query)}
