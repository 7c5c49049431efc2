"""Temporary rows are deleted after a week; the ledger stays."""

import pytest
import sqlalchemy
from sqlalchemy import Column, LargeBinary, String, Table, Text

from license_server.audit import digests
from license_server.db import passing
from license_server.db.database import Database
from license_server.operations import backup

NOW = 1_795_000_000


def add(database: Database, age: Column[int], name: str, at: int) -> None:
    """Add a row of this age, with *name* in each text that it must have."""
    row: dict[str, object] = {age.name: at}
    for column in age.table.columns:
        if column.nullable or column.name in row:
            continue
        if isinstance(column.type, (String, Text)):
            row[column.name] = name
        else:
            row[column.name] = name.encode() if isinstance(column.type, LargeBinary) else 0
    assert isinstance(age.table, Table)
    query = sqlalchemy.insert(age.table)
    database.write(lambda connection: connection.execute(query, row))


@pytest.mark.parametrize("age", passing.AGES, ids=lambda age: age.table.name)
def test_temporary_row_is_deleted_after_a_week_and_not_before(
    database: Database, age: Column[int]
) -> None:
    add(database, age, "old", NOW - passing.KEPT_SECONDS - 1)
    add(database, age, "new", NOW - passing.KEPT_SECONDS)
    database.write(lambda connection: passing.forget(connection, NOW))
    with database.reading() as connection:
        left = connection.execute(sqlalchemy.select(age.table.c.actor)).scalars().all()
    assert left == ["new"]


def test_temporary_tables_are_backed_up_but_drafts_and_not_part_of_the_ledger() -> None:
    passes = {age.table.name for age in passing.AGES}
    assert passes - {table.name for table in backup.tables()} == {"drafts"}
    assert not passes & digests.KEYS.keys()
    referred = {key.column.table.name for table in backup.tables() for key in table.foreign_keys}
    assert not passes & referred
