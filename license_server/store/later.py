"""Rows that nobody reads before the commit: written last in a transaction, those of a kind in one.

The writer gathers what several requests leave behind (db.py), and a hundred rows of a table in one
go cost little more than one. Where nothing is gathered a row is written at once.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Insert

_GATHERED = "gathered rows"


def add(connection: Connection, statement: Insert, values: Mapping[str, Any]) -> None:
    """Write a row by the commit at the latest; what is wrong with it may be told only there."""
    gathered: dict[Insert, list[Mapping[str, Any]]] | None = connection.info.get(_GATHERED)
    if gathered is None:
        connection.execute(statement, values)
    else:
        gathered.setdefault(statement, []).append(values)


@contextmanager
def gathering(connection: Connection) -> Iterator[Callable[[], None]]:
    """Gather the rows of a transaction; what is yielded writes them, before the commit."""
    gathered: dict[Insert, list[Mapping[str, Any]]] = {}
    connection.info[_GATHERED] = gathered

    def write() -> None:
        for statement, rows in gathered.items():
            connection.execute(statement, rows)
        gathered.clear()

    try:
        yield write
    finally:
        if not connection.invalidated:
            del connection.info[_GATHERED]
