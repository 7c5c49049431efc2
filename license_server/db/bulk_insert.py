"""Inserts many rows at once: COPY on PostgreSQL, one statement on SQLite."""

import json
from collections.abc import Callable, Collection, Sequence
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Table, func, select, text

from license_server.db import postgresql

_ROWS, _MEANWHILE = "rows to copy", "what is done meanwhile"
_NEXT = text(  # the sequence is looked up once, and its values come as one
    "select array_agg(nextval(its.sequence)) from "
    "(select pg_get_serial_sequence(:table, 'id')::regclass as sequence offset 0) its, "
    "generate_series(1, :count)"
)
_VARIABLES = 32_766
"""The most that a statement of SQLite's has (its documentation, "Implementation Limits")."""


def take_ids(connection: Connection, table: Table, count: int) -> list[int]:
    """Ids for *count* new rows of *table*, which nobody else gets."""
    if connection.dialect.name == "postgresql":
        found: list[int] = connection.execute(
            _NEXT, {"table": table.name, "count": count}
        ).scalar_one()
        return sorted(found)
    # Nobody else writes to SQLite while this transaction does (database.py).
    last = connection.execute(select(func.max(table.c.id))).scalar() or 0
    return list(range(last + 1, last + 1 + count))


def insert(
    connection: Connection,
    table: Table,
    names: Sequence[str],
    rows: Sequence[Sequence[Any]],
    meanwhile: Callable[[], object] = lambda: None,
) -> None:
    """Add *rows*, each with values for the columns *names*; do what is to be done *meanwhile*.

    PostgreSQL stores the rows at the same time. Raises IntegrityError where a value that must be
    unique is taken.
    """
    quote = connection.dialect.identifier_preparer.quote
    columns = ", ".join(map(quote, names))
    is_postgresql = connection.dialect.name == "postgresql"
    if is_postgresql and len(rows) > 1:
        copy = f"copy {quote(table.name)} ({columns}) from stdin"
        connection.exec_driver_sql(copy, execution_options={_ROWS: rows, _MEANWHILE: meanwhile})
        return
    # One statement for all of them: SQLite does it in one go, and other threads run meanwhile.
    mark = f"({', '.join(['%s' if is_postgresql else '?'] * len(names))})"
    into = f"insert into {quote(table.name)} ({columns}) values "  # noqa: S608
    most = _VARIABLES // len(names)
    for at in range(0, len(rows), most):
        some = rows[at : at + most]
        values = tuple(chain.from_iterable(some))
        connection.exec_driver_sql(into + ", ".join([mark] * len(some)), values)
    meanwhile()


def insert_new(connection: Connection, table: Table, rows: Collection[tuple[Any, ...]]) -> None:
    """Add those of *rows* of whose key there is none, each with a value for each column.

    In the order of their values: other processes may be adding the same ones, and two that wait
    for one another come to no end.
    """
    if not rows:
        return
    each = sorted(rows)
    quote = connection.dialect.identifier_preparer.quote
    into = f"{quote(table.name)} ({', '.join(quote(column.name) for column in table.c)})"
    if connection.dialect.name == "postgresql":  # one statement, whatever their number
        kinds = ("text" if column.type.python_type is str else "bigint" for column in table.c)
        values = ", ".join(f"(one ->> {at})::{kind}" for at, kind in enumerate(kinds))
        given = "json_array_elements(%s::json) one"  # psycopg needs three times as long for arrays
        statement = f"insert into {into} select {values} from {given} on conflict do nothing"  # noqa: S608
        connection.exec_driver_sql(statement, (json.dumps(each),))
        return
    marks = ", ".join("?" * len(table.c))
    statement = f"insert into {into} values ({marks}) on conflict do nothing"  # noqa: S608
    connection.exec_driver_sql(statement, each)


def copied(cursor: Any, statement: str, _: object, context: Any) -> bool | None:
    """Run a COPY of ``insert`` in place of SQLAlchemy, which so tells what goes wrong as ever.

    None: *statement* is another.
    """
    rows = context.execution_options.get(_ROWS)
    if rows is None:
        return None
    postgresql.take_texts_as_they_are(cursor)
    with cursor.copy(statement) as copying:
        for row in rows:
            copying.write_row(postgresql.without_nulls(row))
        context.execution_options[_MEANWHILE]()
    return True
