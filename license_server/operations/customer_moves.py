"""Whose licences were one customer's at the time: what the audit log tells of merges."""

from collections.abc import Collection, Iterator
from typing import Any

from sqlalchemy import Connection, func, select

from license_core import strictjson
from license_server.catalog import customer_names
from license_server.db.among import among
from license_server.db.deferred import streamed
from license_server.db.tables import audit_events

_MERGED, _MOVED = "customer.merged", "customer.licenses-moved"


class Moves:
    """Of the licences of these *numbers*, which are one customer's now."""

    def __init__(self, connection: Connection, numbers: Collection[str]) -> None:
        self._issued = _first_events(connection, numbers)
        self._merges: dict[str, set[int]] = {}
        wanted = frozenset(numbers)
        for merge, moved in _moves(connection) if wanted else ():
            for number in wanted.intersection(moved):
                self._merges.setdefault(number, set()).add(merge)

    def together(self, earlier: str, later: str) -> bool:
        """Whether both were one customer's when the *later* one was issued.

        Then the same merges moved both from there on.
        """
        since = self._issued.get(later, 0)
        one, other = (
            {merge for merge in self._merges.get(number, ()) if merge > since}
            for number in (earlier, later)
        )
        return one == other


def _first_events(connection: Connection, numbers: Collection[str]) -> dict[str, int]:
    """The event that issued each of the licences."""
    events = audit_events.c
    query = (
        select(events.subject, func.min(events.id))
        .where(among(events.subject, numbers), events.action.startswith("license."))
        .group_by(events.subject)
    )
    return dict(map(tuple, connection.execute(query))) if numbers else {}


def _moves(connection: Connection) -> Iterator[tuple[int, list[str]]]:
    """The event of each merge, and the numbers of licences that it moved: a batch at a time."""
    events = audit_events.c
    query = (
        select(events.id, events.action, events.subject, events.details, events.rows)
        .where(events.action.in_((_MERGED, _MOVED)))
        .order_by(events.id)
    )
    by_name: dict[str, int] = {}
    by_row: dict[str, int] = {}
    for id_, action, subject, details, rows in streamed(connection, query):
        if action == _MERGED:
            by_name[subject] = id_
            for row in _object(rows):
                by_row.setdefault(row, id_)  # later ones are merges of what it was merged into
            continue
        told = _object(details)
        former = str(told.get("former"))
        # Who was merged before is called by its row in what was moved later.
        hidden = customer_names.merged_row(former)
        merge = by_name.get(former) if hidden is None else by_row.get(f"customers/{hidden}")
        if merge is not None:
            yield merge, told.get("numbers") or []


def _object(text: str | None) -> dict[str, Any]:
    """What an event holds; nothing of one that holds what none can, which ``inspect`` tells."""
    try:
        found = strictjson.loads((text or "{}").encode("utf-8"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
