"""Many rows at once: what is written is what was given, in either database."""

import pytest
from sqlalchemy import Column, Connection, LargeBinary, MetaData, Table, Text, select
from sqlalchemy.exc import IntegrityError

from license_server.db import bulk_insert, drawn
from license_server.db.columns import Id
from license_server.db.database import Database
from license_server.db.tables import licenses

_COLUMNS = (Column("id", Id, primary_key=True), Column("text", Text), Column("seal", LargeBinary))
_ROWS = Table("bulk_rows", MetaData(), *_COLUMNS)
_NAMES = ("id", "text", "seal")
_GIVEN = [(1, "a\\b\tc\nd\r\\N", b"\0\\\xff"), (2, None, None), (3, "海\N{PILE OF POO}", b"")]


@pytest.fixture
def empty(database: Database) -> Database:
    database.write(_ROWS.create)
    return database


def test_rows_come_back_as_they_were_given(empty: Database) -> None:
    done: list[str] = []

    def work(connection: Connection) -> None:
        bulk_insert.insert(connection, _ROWS, _NAMES, _GIVEN, lambda: done.append("once"))

    empty.write(work)
    with empty.reading() as connection:
        found = [tuple(row) for row in connection.execute(select(_ROWS).order_by(_ROWS.c.id))]
    assert found == _GIVEN
    assert done == ["once"]


def test_null_characters_are_shown_among_many_rows(empty: Database) -> None:
    given = [(4, "a\0b", None), (5, "c", None)]
    empty.write(lambda connection: bulk_insert.insert(connection, _ROWS, _NAMES, given))
    with empty.reading() as connection:
        found = connection.execute(select(_ROWS.c.text).order_by(_ROWS.c.id)).scalars().all()
    is_sqlite = empty.engine.dialect.name == "sqlite"
    assert found == ["a\0b" if is_sqlite else "a\N{REPLACEMENT CHARACTER}b", "c"]


def test_nothing_is_left_where_what_is_done_meanwhile_fails(empty: Database) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        empty.write(lambda c: bulk_insert.insert(c, _ROWS, _NAMES, _GIVEN, fail))
    with pytest.raises(IntegrityError):
        empty.write(lambda c: bulk_insert.insert(c, _ROWS, _NAMES, [*_GIVEN, _GIVEN[0]]))
    with empty.reading() as connection:
        assert connection.execute(select(_ROWS.c.id)).all() == []


def test_ids_and_drawn_bytes_are_all_different(empty: Database) -> None:
    ids = empty.write(lambda connection: bulk_insert.take_ids(connection, licenses, 3))
    assert ids == sorted(set(ids))
    assert len(ids) == 3
    twice = [empty.write(lambda connection: drawn.many(connection, 40)) for _ in "12"]
    assert len({one for some in twice for one in some}) == 80
    assert {len(one) for some in twice for one in some} == {drawn.BYTES}
