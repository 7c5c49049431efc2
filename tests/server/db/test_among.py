"""One of many values: found alike in both databases, by one statement however many they are."""

from typing import Any

import pytest
from sqlalchemy import Column, Connection, MetaData, String, Table, event, not_, or_, select

from license_server.db.among import among, as_rows
from license_server.db.columns import Id
from license_server.db.database import Database

_LOWEST = -(2**63)
_ROWS = Table("rows", MetaData(), Column("id", Id, primary_key=True), Column("name", String(40)))
_MADE = [{"id": 1, "name": "it's"}, {"id": 2, "name": "海"}, {"id": _LOWEST, "name": '"{,'}]


def _found(connection: Connection, condition: Any) -> set[int]:
    return set(connection.execute(select(_ROWS.c.id).where(condition)).scalars())


@pytest.fixture
def filled(database: Database) -> Database:
    def fill(connection: Connection) -> None:
        _ROWS.create(connection)
        connection.execute(_ROWS.insert(), _MADE)

    database.write(fill)
    return database


def test_rows_with_one_of_the_values_are_found(filled: Database) -> None:
    ids, names = _ROWS.c.id, _ROWS.c.name
    with filled.reading() as connection:
        assert _found(connection, among(ids, [1, _LOWEST, 2**63 - 1])) == {1, _LOWEST}
        assert _found(connection, among(names, ["海", '"{,', "a\0"])) == {2, _LOWEST}
        assert _found(connection, among(ids, [])) == set()
        assert _found(connection, not_(among(ids, [1]))) == {2, _LOWEST}
        assert _found(connection, or_(among(ids, [1]), among(names, ["海"]))) == {1, 2}


def test_statement_is_the_same_however_many_values_there_are(filled: Database) -> None:
    statements = set()
    event.listen(filled.engine, "before_cursor_execute", lambda *all_: statements.add(all_[2]))
    with filled.reading() as connection:
        for count in (0, 1, 2, 500):
            _found(connection, among(_ROWS.c.id, range(count)))
    assert len({one for one in statements if one.startswith("SELECT")}) == 1


def test_numbers_are_rows_though_no_table_has_them(database: Database) -> None:
    with database.reading() as connection:
        for given, values in (([7, _LOWEST], {}), ("some", {"some": [7, _LOWEST]}), ([], {})):
            rows = as_rows(given)
            query = select(rows.c.id).where(rows.c.id < 7).union_all(select(rows.c.id))
            found = connection.execute(query, values).scalars().all()
            assert sorted(found) == ([_LOWEST, _LOWEST, 7] if given else []), given
