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

from sqlalchemy import Connection, Select, Table

from license_server.db import bulk_insert, drawn

Row = Mapping[str, Any]
T = TypeVar("T")
Write = Callable[[Connection, Collection[Any]], None]
"""Writes what was gathered for it, all at once."""
_GATHERED, _NEW = "gathered rows", "gathered rows, each unless it is there"
_LAST = "what is written last"
_KNOWN, _TOLD = "what this transaction has read", "what this transaction did"
_ALL = (_GATHERED, _NEW, _LAST, _KNOWN, _TOLD)


def add(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Write *rows*, all of the same columns, by the commit at the latest.

    What is wrong with them may be told only there. Each gets drawn bytes in columns whose ``info``
    says so.
    """
    gathered = _gathered(connection)
    if gathered is None:
        _insert(connection, table, rows)
    else:
        gathered.setdefault(table, []).extend(rows)


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


def waiting(connection: Connection, table: Table) -> Sequence[Row]:
    """The rows that are not written yet."""
    gathered = _gathered(connection)
    return [] if gathered is None else gathered.get(table, [])


def write(connection: Connection) -> None:
    """Write the rows that wait."""
    gathered, new = _gathered(connection), _new(connection)
    while gathered:
        table = next(iter(gathered))
        _insert(connection, table, gathered.pop(table))
    gathered_for: dict[Write, set[Hashable]] = connection.info.get(_LAST, {})
    while gathered_for:
        work = next(iter(gathered_for))
        work(connection, gathered_for.pop(work))
    while new:
        table = next(iter(new))
        bulk_insert.insert_new(connection, table, new.pop(table))


def _insert(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    if not rows:
        return
    names = list(rows[0])
    each: list[tuple[Any, ...]] = [tuple(row.values()) for row in rows]
    for column in table.c:
        if column.info.get("drawn"):
            names.append(column.name)
            many = drawn.many(connection, len(each))
            each = [(*row, one) for row, one in zip(each, many, strict=True)]
    bulk_insert.insert(connection, table, names, each)


def tell(connection: Connection, acts: Iterable[str]) -> None:
    """Let it be told what was done, once it is committed (``Writer.committed``)."""
    told: dict[str, int] | None = connection.info.get(_TOLD)
    if told is not None:
        for act in acts:
            told[act] = told.get(act, 0) + 1


def told(connection: Connection) -> Mapping[str, int]:
    """How often each act was done in this transaction."""
    found: dict[str, int] = {} if connection.invalidated else connection.info.get(_TOLD, {})
    return found


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


def _gathered(connection: Connection) -> dict[Table, list[Row]] | None:
    found: dict[Table, list[Row]] | None = connection.info.get(_GATHERED)
    return found


def _new(connection: Connection) -> dict[Table, set[tuple[Any, ...]]] | None:
    found: dict[Table, set[tuple[Any, ...]]] | None = connection.info.get(_NEW)
    return found


def streamed(connection: Connection, query: Select[Any]) -> Iterable[Any]:
    """The rows of *query*, however many: two hundred at a time are in memory."""
    return connection.execute(query, execution_options={"yield_per": 200})
