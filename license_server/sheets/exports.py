"""Exports: licences, customers and events as CSV, read a page at a time."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from sqlalchemy import Connection

from license_core import strictjson
from license_core.license import License
from license_core.wording import utc
from license_server.actor import Actor
from license_server.audit import audit_store, changes
from license_server.audit.audit_store import Event, EventFilter
from license_server.audit.changes import Change
from license_server.catalog import customers, tags
from license_server.catalog.catalog_store import Customer
from license_server.licenses import issuing, license_store
from license_server.licenses.license_store import StoredLicense
from license_server.licenses.search import Filter

PAGE = 500
Read = Callable[[Callable[[Connection], Any]], Any]
"""Reads in the database, in a transaction of its own."""

_PLACED = (
    *("number", "state", "customer", "product", "host_key", "host_name", "edition", "features"),
    *("limits", "match", "issued_at", "issued_by", "act", "expires_at", "notify_from"),
    *("grace_until", "maintenance_until", "line", "replaces", "replaced_by"),
)
_KEPT = ("id", "token", "keyset_token", "customer_id", "product_id")
LICENSES = (
    *_PLACED,
    *(name for name in StoredLicense._fields if name not in (*_PLACED, *_KEPT)),
)
"""A column that came later stands after those before it: programs may count them."""
_SIGNED: dict[str, Callable[[License], Any]] = {
    "edition": lambda license_: license_.edition,
    "features": lambda license_: " ".join(license_.features),
    "limits": lambda license_: " ".join(f"{n}={v}" for n, v in (license_.limits or {}).items()),
    "match": lambda license_: license_.host.match,
    "notify_from": lambda license_: license_.notify_from,
    "maintenance_until": lambda license_: license_.maintenance_until,
}
"""What only the signed licence says."""
_INSTANTS = ("issued_at", "expires_at", "notify_from", "grace_until", "maintenance_until")
CUSTOMERS = Customer._fields
EVENTS = (
    *("id", "at", "actor", "address", "action", "subject", "reason", "details", "position"),
    "changes",
)


def license_rows(read: Read, wanted: Filter, now: int) -> Iterator[tuple[Any, ...]]:
    """The licences, the newest first, under the columns LICENSES."""
    below: int | None = None
    while True:
        before = below
        rows, below = read(
            lambda connection: license_store.listed(
                connection,
                wanted,
                now,
                before=before,  # noqa: B023
                limit=PAGE,
            )
        )
        yield from (_license(row, now) for row in rows)
        if below is None:
            return


def _license(stored: StoredLicense, now: int) -> tuple[Any, ...]:
    license_ = issuing.claims_of(stored)
    values = stored._asdict() | {"state": stored.standing_at(now)}
    values |= {name: read(license_) for name, read in _SIGNED.items()}
    values |= {name: _instant(values[name]) for name in _INSTANTS}
    values |= {"last_day": stored.last and stored.last.day, "time_zone": stored.zone}
    return tuple(values[name] for name in LICENSES)


def customer_rows(
    read: Read,
    text: str | None,
    actor: Actor,
    *,
    archived: bool | None = None,
    tag: str | None = None,
) -> Iterator[tuple[Any, ...]]:
    """The customers as *actor* may see them, by name, under the columns CUSTOMERS.

    *text*, *archived*, *tag*: as customers.listed. customer_sheet reads them again.
    """
    last: str | None = None
    while True:
        after = last
        rows = read(
            lambda connection: customers.listed(
                connection,
                after,  # noqa: B023
                PAGE,
                text,
                actor,
                archived=archived,
                tag=tag,
            )
        )
        for row in rows:
            instants = ("created_at", "archived_at", "erased_at")
            values = {name: _instant(getattr(row, name)) for name in instants}
            values["tags"] = ", ".join(tags.of(row.tags)) or None
            yield tuple(row._replace(**values))
        if len(rows) < PAGE:
            return
        last = rows[-1].name


def event_rows(read: Read, wanted: EventFilter) -> Iterator[tuple[Any, ...]]:
    """The events, the newest first, under the columns EVENTS."""
    for row, changed in _events(read, wanted):
        values = row._asdict() | {
            "at": utc(row.at),
            "changes": "; ".join(map(changes.in_words, changed)),
        }
        yield tuple(values[name] for name in EVENTS)


def event_lines(read: Read, wanted: EventFilter) -> Iterator[bytes]:
    """The events, the newest first, each as an object of JSON on a line."""
    for row, changed in _events(read, wanted):
        values = row._asdict() | {
            "at": utc(row.at),
            "details": strictjson.loads(row.details.encode("utf-8")),
            "changes": [change._asdict() for change in changed],
        }
        yield strictjson.dumps({name: values[name] for name in EVENTS}) + b"\n"


def _events(read: Read, wanted: EventFilter) -> Iterator[tuple[Event, list[Change]]]:
    """The events, the newest first, each with what it changed."""

    def page(connection: Connection, before: int | None) -> list[tuple[Event, list[Change]]]:
        found = audit_store.events(connection, wanted, before=before, limit=PAGE)
        changed = changes.of_events(connection, found)
        return [(event, changed[event.id]) for event in found]

    below: int | None = None
    while True:
        rows = read(partial(page, before=below))
        yield from rows
        if len(rows) < PAGE:
            return
        below = rows[-1][0].id


def _instant(seconds: int | None) -> str | None:
    return None if seconds is None else utc(seconds)
