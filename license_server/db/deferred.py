"""Deferred rows: written last in a transaction, all rows of a table in one statement.

The writer gathers what several requests leave behind (database.py): sixteen rows of a table at once
cost little more than one. Whoever reads or changes such a table before the commit looks at
``waiting``, or writes what is gathered first. Where nothing is gathered a row is written at once.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Insert, Select

Row = Mapping[str, Any]
_GATHERED = "gathered rows"


def add(connection: Connection, statement: Insert, row: Row) -> None:
    """Write a row by the commit at the latest; what is wrong with it may be told only there."""
    gathered = _gathered(connection)
    if gathered is None:
        connection.execute(statement, row)
    else:
        gathered.setdefault(statement, []).append(row)


def waiting(connection: Connection, statement: Insert) -> Sequence[Row]:
    """The rows that are not written yet."""
    gathered = _gathered(connection)
    return [] if gathered is None else gathered.get(statement, [])


def write(connection: Connection) -> None:
    """Write the rows that wait."""
    gathered = _gathered(connection)
    while gathered:
        statement = next(iter(gathered))
        connection.execute(statement, gathered.pop(statement))


@contextmanager
def gathering(connection: Connection) -> Iterator[None]:
    """Gather the rows of a transaction; what was not written at its end is lost with it."""
    connection.info[_GATHERED] = {}
    try:
        yield
    finally:
        if not connection.invalidated:  # else it is gone with the connection
            del connection.info[_GATHERED]


def _gathered(connection: Connection) -> dict[Insert, list[Row]] | None:
    found: dict[Insert, list[Row]] | None = connection.info.get(_GATHERED)
    return found


def streamed(connection: Connection, query: Select[Any]) -> Iterable[Any]:
    """The rows of *query*, however many: two hundred at a time are in memory."""
    return connection.execute(query, execution_options={"yield_per": 200})
