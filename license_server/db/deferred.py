"""Deferred rows: written last in a transaction, all rows of a table in one statement.

The writer gathers what several requests leave behind (database.py): sixteen rows of a table at once
cost little more than one. Whoever reads or changes such a table before the commit looks at
``waiting``, or writes what is gathered first. Where nothing is gathered a row is written at once.
"""

from collections.abc import (
    Callable,
    Collection,
    Hashable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import Connection, Insert, Select, Table

from license_server.db import bulk_insert

Row = Mapping[str, Any]
T = TypeVar("T")
Write = Callable[[Connection, Collection[Any]], None]
"""Writes what was gathered for it, all at once."""
_GATHERED, _NEW = "gathered rows", "gathered rows, each unless it is there"
_LAST = "what is written last"
_KNOWN = "what this transaction has read"
_ALL = (_GATHERED, _NEW, _LAST, _KNOWN)


def add(connection: Connection, statement: Insert, row: Row) -> None:
    """Write a row by the commit at the latest; what is wrong with it may be told only there."""
    gathered = _gathered(connection)
    if gathered is None:
        connection.execute(statement, row)
    else:
        gathered.setdefault(statement, []).append(row)


def add_unless_there(
    connection: Connection, table: Table, rows: Collection[tuple[Any, ...]]
) -> None:
    """Write *rows* of *table* by the commit at the latest, each unless there is one of its key.

    Each has a value for each column of *table*, in their order.
    """
    new = _new(connection)
    if new is None:
        bulk_insert.insert_new(connection, table, rows)
    else:
        new.setdefault(table, set()).update(rows)


def add_for(connection: Connection, write: Write, things: Collection[Hashable]) -> None:
    """Let *write*, a function of a module, write *things* by the commit at the latest, each once.

    It is called once for all, before the rows of ``add_unless_there``, of which it may add some.
    """
    gathered: dict[Write, set[Hashable]] | None = connection.info.get(_LAST)
    if gathered is None:
        write(connection, things)
    else:
        gathered.setdefault(write, set()).update(things)


def waiting(connection: Connection, statement: Insert) -> Sequence[Row]:
    """The rows that are not written yet."""
    gathered = _gathered(connection)
    return [] if gathered is None else gathered.get(statement, [])


def write(connection: Connection) -> None:
    """Write the rows that wait."""
    gathered, new = _gathered(connection), _new(connection)
    while gathered:
        statement = next(iter(gathered))
        connection.execute(statement, gathered.pop(statement))
    gathered_for: dict[Write, set[Hashable]] = connection.info.get(_LAST, {})
    while gathered_for:
        work = next(iter(gathered_for))
        work(connection, gathered_for.pop(work))
    while new:
        table = next(iter(new))
        bulk_insert.insert_new(connection, table, new.pop(table))


@contextmanager
def gathering(connection: Connection) -> Iterator[None]:
    """Gather the rows of a transaction; what was not written at its end is lost with it."""
    for name in _ALL:
        connection.info[name] = {}
    try:
        yield
    finally:
        if not connection.invalidated:  # else they are gone with the connection
            for name in _ALL:
                del connection.info[name]


def known(connection: Connection, name: str, read: Callable[[Connection], T]) -> T:
    """What *read* gives, which is asked once a transaction; whoever changes it says ``forget``."""
    found: dict[str, Any] | None = connection.info.get(_KNOWN)
    if found is None:
        return read(connection)
    if name not in found:
        found[name] = read(connection)
    value: T = found[name]
    return value


def forget(connection: Connection, name: str) -> None:
    """Let what is ``known`` by this name be read anew."""
    connection.info.get(_KNOWN, {}).pop(name, None)


def _gathered(connection: Connection) -> dict[Insert, list[Row]] | None:
    found: dict[Insert, list[Row]] | None = connection.info.get(_GATHERED)
    return found


def _new(connection: Connection) -> dict[Table, set[tuple[Any, ...]]] | None:
    found: dict[Table, set[tuple[Any, ...]]] | None = connection.info.get(_NEW)
    return found


def streamed(connection: Connection, query: Select[Any]) -> Iterable[Any]:
    """The rows of *query*, however many: two hundred at a time are in memory."""
    return connection.execute(query, execution_options={"yield_per": 200})
