"""Makes anew what things are found by: after an upgrade, and after a backup was restored."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Select, func, select

from license_server.db import deferred
from license_server.db.request_tables import request_messages
from license_server.db.tables import audit_events, customer_names, customers, licenses, metadata
from license_server.finding import finding_store, following
from license_server.finding.finding_store import Use
from license_server.finding.texts import Kind
from license_server.requests import message_store

_AT_ONCE = 1000


def make(connection: Connection) -> None:
    """Let everything be found that is there, and nothing else."""
    finding_store.forget_all(connection)
    for name, texts in following.TEXTS.items():
        table = metadata.tables[name]
        columns = [table.c[column] for _, columns in texts for column in columns]
        query = select(table.c.id, *columns)
        if table is customers:  # of those that were merged, another has the names
            query = query.where(customers.c.merged_into.is_(None))
        for rows in _batches(connection, query, table.c.id):
            left = [(name, row) for row in rows]
            finding_store.add(connection, following.uses(left))
    former = select(customer_names.c.customer_id, customer_names.c.name)
    had = [Use(Kind.CUSTOMER, id_, name) for id_, name in connection.execute(former)]
    finding_store.add(connection, had)
    deferred.write(connection)
    said = (
        select(audit_events.c.id, licenses.c.id.label("licence"), audit_events.c.reason)
        .join(licenses, licenses.c.number == audit_events.c.subject)
        .where(audit_events.c.reason.is_not(None))
    )
    for rows in _batches(connection, said, audit_events.c.id):
        given = [Use(Kind.LICENCE, row["licence"], row["reason"]) for row in rows]
        finding_store.add(connection, given)
    begun = func.substr(request_messages.c.text, 1, message_store.FOUND_BY)
    written = select(request_messages.c.id, request_messages.c.request_id, begun.label("text"))
    for rows in _batches(connection, written, request_messages.c.id):
        had = [message_store.use(row["request_id"], row["text"]) for row in rows]
        finding_store.add(connection, had)


def _batches(
    connection: Connection, query: Select[Any], key: Any
) -> Iterator[list[dict[str, Any]]]:
    """The rows of *query* in the order of *key*, some at a time."""
    last: int | None = None
    while True:
        after = query if last is None else query.where(key > last)
        found = connection.execute(after.order_by(key).limit(_AT_ONCE)).mappings()
        rows = [dict(row) for row in found]
        deferred.write(connection)  # what was found of those before
        if not rows:
            return
        yield rows
        last = rows[-1]["id"]
