"""Brings rows of an earlier version into the ledger: binds them by events."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, select

from license_server.actor import Actor
from license_server.audit import events
from license_server.audit.digests import KEYS
from license_server.db import tables

_ROWS_AN_EVENT = 200


def adopt(connection: Connection, now: int, actor: Actor) -> None:
    """Bind every row of the ledger, as it is, by events of *actor* and the instant *now*."""
    for table in KEYS:
        for number, rows in enumerate(_batches(connection, table)):
            first = number * _ROWS_AN_EVENT + 1
            subject = f"{table} {first} to {first + len(rows) - 1}"
            bound = [(table, row) for row in rows]
            events.record(connection, now, actor, "ledger.adopted", subject, rows=bound)


def _batches(connection: Connection, table: str) -> Iterator[list[dict[str, Any]]]:
    """The rows of *table* in the order of their names, some at a time."""
    columns = tables.metadata.tables[table]
    key = columns.c[KEYS[table]]
    last = None
    while True:
        query = select(columns).order_by(key).limit(_ROWS_AN_EVENT)
        if last is not None:
            query = query.where(key > last)
        rows = [dict(row._mapping) for row in connection.execute(query)]
        if not rows:
            return
        yield rows
        last = rows[-1][key.name]
