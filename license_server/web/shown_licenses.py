"""The list of licences as people are shown it: its columns, and what their cells say.

A sheet, and the list in a shell, have the same columns, order and words.
"""

from collections.abc import Iterator, Mapping, Sequence

from sqlalchemy import Connection

from license_core.license import License
from license_server.db.sorted_rows import MOST_SORTED
from license_server.http import cursors
from license_server.licenses import issuing, license_store
from license_server.licenses.license_store import SORTS, StoredLicense
from license_server.licenses.search import Filter, Search
from license_server.sheets.exports import Read
from license_server.web import actor_labels, list_shape
from license_server.web.list_shape import Listing, Shape, Source
from license_server.web.reader import Reader

COLUMNS: Mapping[str, str] = {
    "customer": "Customer",
    "product": "Product",
    "host": "Host",
    "host_key": "Host key",
    "contract": "Order or contract number",
    "plan": "Plan",
    "edition": "Edition",
    "features": "Features",
    "limits": "Limits",
    "issued_at": "Issued on",
    "issued_by": "Issued by",
    "expires_at": "Last day",
    "grace_until": "Grace period until",
    "state": "State",
}
LISTING = Listing(
    COLUMNS, ("customer", "product", "host", "issued_at", "expires_at", "state"), frozenset(SORTS)
)
FILTERS = ("q", "state", "product", "plan", "kind", "customer", "expires_from", "expires_until")
"""What an address may ask for."""
_WORDS = {
    "valid": "valid",
    "grace": "in grace",
    "expired": "expired",
    "suspended": "suspended",
    "revoked": "revoked",
    "returned": "given back",
    "replaced": "replaced",
}
"""Those of the marks of a licence's state (parts.html)."""
_SIGNED = ("edition", "features", "limits")
_ZONE = "Time zone"


def source(wanted: Filter, now: int, *, patient: bool = False) -> Source[StoredLicense]:
    """The licences that are *wanted*, the newest first; *patient*: as license_store.listed is."""
    read: list[Search] = []

    def search(connection: Connection) -> Search:
        """What is wanted, read once for all that is asked of one connection."""
        if not read or read[0].connection is not connection:
            read[:] = [Search(connection, wanted, now)]
        return read[0]

    def after(
        connection: Connection, cursor: str | None, limit: int
    ) -> tuple[list[StoredLicense], str | None]:
        before = cursors.read(cursor) if cursor else None
        rows, below = license_store.found(
            search(connection), before=before, limit=limit, patient=patient
        )
        return rows, None if below is None else cursors.write(below)

    return Source(
        lambda connection: search(connection).count(MOST_SORTED),
        lambda connection, count, order, offset, limit: license_store.in_order(
            connection, count, order, offset=offset, limit=limit
        ),
        after,
    )


def claims(rows: Sequence[StoredLicense], shape: Shape) -> dict[str, License]:
    """What is signed, by number, where a column shows of it."""
    if set(_SIGNED).isdisjoint(shape.columns):
        return {}
    return {one.number: issuing.claims_of(one) for one in rows}


def heading(columns: Sequence[str], reader: Reader) -> tuple[str, ...]:
    """The headings of the number and of *columns*, in the reader's language."""
    tr = reader.catalogue.gettext
    return (tr("Number"), *(tr(COLUMNS.get(name, _ZONE)) for name in _with_zone(columns)))


def _with_zone(columns: Sequence[str]) -> Iterator[str]:
    """The *columns*; the time zone of a last day has one of its own."""
    for name in columns:
        yield name
        if name == "expires_at":
            yield "time_zone"


def rows(
    read: Read, wanted: Filter, now: int, shape: Shape, reader: Reader
) -> Iterator[tuple[object, ...]]:
    """The whole list, whichever part of it is shown."""
    for stored in list_shape.whole(read, source(wanted, now), shape.sorting):
        yield cells(stored, shape.columns, now, reader)


def cells(
    stored: StoredLicense, columns: Sequence[str], now: int, reader: Reader
) -> tuple[object, ...]:
    """What the row of a licence says under ``heading``; None: nothing."""
    signed = issuing.claims_of(stored) if set(_SIGNED) & set(columns) else None
    said = (_cell(name, stored, signed, now, reader) for name in _with_zone(columns))
    return stored.number, *said


def _cell(
    name: str, stored: StoredLicense, signed: License | None, now: int, reader: Reader
) -> object:
    tr = reader.catalogue.gettext
    if name == "state":
        kind = [] if stored.kind is None else [tr(stored.kind)]
        return reader.marks.semicolon.join([tr(_WORDS[stored.standing_at(now)]), *kind])
    if name == "host":
        return stored.host_name or f"{stored.host_key[:12]}…"
    if name == "issued_by":
        return actor_labels.words(stored.issued_by, tr)
    if name == "issued_at":
        return reader.at(stored.issued_at).date().isoformat()
    if name == "time_zone":
        return stored.last and stored.last.zone
    if name == "expires_at":
        return tr("perpetual") if stored.last is None else stored.last.day.isoformat()
    if name == "grace_until":
        return stored.last_of_grace and stored.last_of_grace.day.isoformat()
    if signed is not None and name == "features":
        return ", ".join(signed.features)
    if signed is not None and name == "limits":
        return ", ".join(f"{limit}={n}" for limit, n in (signed.limits or {}).items())
    return getattr(signed if name in _SIGNED else stored, name)
