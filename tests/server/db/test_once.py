"""A read asks the same thing once; a transaction that writes asks each time."""

from sqlalchemy import Connection

from license_server.catalog import catalog_store
from tests.support.desk import Desk, unique
from tests.support.portal import customer
from tests.support.sql import statements


def test_read_asks_once_for_what_stays_the_same(desk: Desk) -> None:
    _, name = customer(desk)
    other = unique(desk, "nobody")
    database = desk.site.database

    def ask(connection: Connection) -> list[object]:
        return [catalog_store.customer_called(connection, one) for one in (name, other) * 3]

    with statements(database.engine) as said:
        first, none, *again = database.read(ask)
    assert first is not None and none is None
    assert again == [first, None] * 2
    asked = [one for one in said if one != "BEGIN"]
    assert len(asked) == 3  # also whether somebody had the other name before
    with statements(database.engine) as again_said:
        database.read(ask)
    assert again_said == said


def test_transaction_sees_what_it_wrote(desk: Desk) -> None:
    id_, name = customer(desk)

    def write(connection: Connection) -> list[str | None]:
        found = []
        for title in ("before", "after"):
            stored = catalog_store.customer_called(connection, name)
            found.append(stored and stored.contact_name)
            catalog_store.change_customer(connection, id_, contact_name=title)
        stored = catalog_store.customer_called(connection, name)
        return [*found, stored and stored.contact_name]

    assert desk.site.database.write(write) == [None, "before", "after"]


def test_what_is_asked_for_products_is_told_apart(desk: Desk) -> None:
    _, name = customer(desk)

    def ask(connection: Connection) -> list[bool]:
        none = frozenset({"no-such-product"})
        return [
            catalog_store.customer_by_name(connection, name, of) is not None
            for of in (None, none, None)
        ]

    assert desk.site.database.read(ask) == [True, False, True]
