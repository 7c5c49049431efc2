"""How many pages and rows PostgreSQL reads for each statement, and by which plan."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import structlog
from sqlalchemy import Engine, event

_EXPLAIN = "explain (analyze, buffers, timing off, format json) "
_ASKS = ("SELECT", "WITH")
_SCANS = {"Relation Name", "Index Name"}
"""What a node has that reads a table or an index."""
_READ = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
_CHANGES = ("INSERT", "UPDATE", "DELETE")


class Read(NamedTuple):
    """What a statement read."""

    pages: int
    """Of 8 KiB each, wherever they were; one that is read twice counts twice.

    Who goes through an index alone looks into the visibility map at each entry: of a large table,
    where entries are in another order than rows, that counts a page for nearly each of them.
    """
    rows: int
    """Of tables and entries of indexes; those too that a filter left out then."""
    statement: str
    plan: str
    """In JSON, as PostgreSQL tells it."""


def of_a_request() -> bool:
    """Whether this is asked for by a request: not what the server does by itself meanwhile."""
    return "request_id" in structlog.contextvars.get_contextvars()


@contextmanager
def reads(engine: type[Engine] | Engine, is_meant: Callable[[], bool]) -> Iterator[list[Read]]:
    """Collects what each statement reads that is asked within the context, if it *is_meant*.

    Each is asked once more, and what it changed is undone; a COPY is left out.
    """
    found: list[Read] = []

    def explain(connection: Any, _: Any, statement: str, given: Any, __: Any, many: bool) -> None:
        word = statement.lstrip("( \n").partition(" ")[0].upper()
        if many or word not in (*_ASKS, *_CHANGES) or not is_meant():
            return
        driver = connection.connection.driver_connection
        with driver.cursor() as cursor, _undone(cursor, word in _CHANGES):
            cursor.execute(_EXPLAIN + statement, given, prepare=False)
            ((told,),) = cursor.fetchall()
        top = told[0]["Plan"]
        pages = top["Shared Hit Blocks"] + top["Shared Read Blocks"]
        found.append(Read(pages, _rows(top), statement, json.dumps(told)))

    event.listen(engine, "before_cursor_execute", explain)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", explain)


@contextmanager
def _undone(cursor: Any, changes: bool) -> Iterator[None]:
    if changes:
        cursor.execute("savepoint explained")
    yield
    if changes:
        cursor.execute("rollback to explained")


def _rows(node: dict[str, Any]) -> int:
    """What a node of a plan read, and those below it."""
    below: int = sum(map(_rows, node.get("Plans", ())))
    if not _SCANS.intersection(node):
        return below
    each: float = sum(node.get(name, 0) for name in _READ)
    loops: float = node["Actual Loops"]
    return below + round(each * loops)
