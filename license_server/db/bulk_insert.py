"""Inserts many rows at once: COPY on PostgreSQL, one prepared statement on SQLite."""

import json
from collections.abc import Collection, Sequence
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Table, func, select, text
from sqlalchemy.exc import IntegrityError, OperationalError


def take_ids(connection: Connection, table: Table, count: int) -> list[int]:
    """Ids for *count* new rows of *table*, which nobody else gets."""
    if connection.dialect.name == "postgresql":
        query = text(
            "select nextval(pg_get_serial_sequence(:table, 'id')) from generate_series(1, :count)"
        )
        found = connection.execute(query, {"table": table.name, "count": count})
        return sorted(found.scalars())
    # Nobody else writes to SQLite while this transaction does (database.py).
    last = connection.execute(select(func.max(table.c.id))).scalar() or 0
    return list(range(last + 1, last + 1 + count))


def insert(
    connection: Connection, table: Table, names: Sequence[str], rows: Sequence[Sequence[Any]]
) -> None:
    """Add *rows*, each with values for the columns *names*.

    Raises IntegrityError where a value that must be unique is taken.
    """
    quote = connection.dialect.identifier_preparer.quote
    columns = ", ".join(map(quote, names))
    if connection.dialect.name == "postgresql":
        _copy(connection, f"copy {quote(table.name)} ({columns}) from stdin", rows)
        return
    # One statement for all of them: SQLite does it in one go, and other threads run meanwhile.
    marks = ", ".join([f"({', '.join('?' * len(names))})"] * len(rows))
    statement = f"insert into {quote(table.name)} ({columns}) values {marks}"  # noqa: S608
    connection.exec_driver_sql(statement, tuple(chain.from_iterable(rows)))


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


def _copy(connection: Connection, statement: str, rows: Sequence[Sequence[Any]]) -> None:
    import psycopg

    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copying:
            for row in rows:
                copying.write_row(row)
    except psycopg.Error as error:  # told as SQLAlchemy tells it
        kind = IntegrityError if isinstance(error, psycopg.IntegrityError) else OperationalError
        raise kind(statement, None, error) from error
