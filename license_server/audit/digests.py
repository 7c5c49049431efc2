"""Row digests: they bind a row to the event that wrote it, and make its ETag."""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple, Self

from sqlalchemy import LargeBinary, Table

from license_core import b64url, strictjson
from license_server.db import tables

KEYS = {
    "customers": "id",
    "products": "id",
    "keysets": "version",
    "revocation_lists": "number",
    "licenses": "number",
    "proposals": "id",
    "requests": "id",
    "mails": "id",
    "users": "id",
    "tokens": "id",
    "webhooks": "id",
    "portal_links": "id",
}
"""The tables of the ledger, and the column that names a row in the audit log."""

EVENTS = "audit_events"
"""The table of events. One of which something was erased is bound as a row of the ledger is."""

_VOLATILE = {
    EVENTS: {"position", "link"},
    "users": {"totp_used"},
    "tokens": {"used_at"},
    "requests": {"repeats", "repeated_at", "rule"},
    "webhooks": {"failing_since"},
    "portal_links": {"uses", "used_at"},
    "mails": {"state", "attempts", "due_at", "leased_by", "answer", "ended_at"},
}
"""Columns that change without an event."""

LATER = {"later": True}
"""The ``info`` of a column that came to rows which events had bound before: where it has no value,
it is not part of their digest, so they are as they were. One that is ``with`` another of these
follows from the rest of the row where that one has no value, and is not part of it there either."""


_PART = 2**18
"""Characters of a long text that are hashed at once."""


class Shape(NamedTuple):
    """What of a row is in its digest: names of columns, in order."""

    names: tuple[str, ...]
    later: frozenset[str]
    """Of these, those that are left out where they have no value."""
    led: tuple[tuple[str, str], ...]
    """… and those that are left out where another one has none, which is named with them."""
    binary: tuple[str, ...]
    long: bool
    """Whether a row may have a text of millions of characters."""

    @classmethod
    def of(cls, table: Table, volatile: Collection[str] = ()) -> Self:
        """That of the rows of *table*."""
        columns = [table.columns[name] for name in sorted(table.columns.keys())]
        bound = [column for column in columns if column.name not in volatile]
        return cls(
            tuple(column.name for column in bound),
            frozenset(column.name for column in bound if column.info.get("later")),
            tuple((column.name, column.info["with"]) for column in bound if "with" in column.info),
            tuple(column.name for column in bound if isinstance(column.type, LargeBinary)),
            any(column.info.get("long") for column in bound),
        )

    def digest(self, row: Mapping[str, Any]) -> str:
        """The SHA-256 of *row*, in base64url."""
        later = self.later
        values = {
            name: value
            for name in self.names
            if (value := row[name]) is not None or name not in later
        }
        for name, leader in self.led:
            if row[leader] is None:
                del values[name]
        for name in self.binary:
            if name in values:
                values[name] = plain(values[name])
        if not self.long:
            return b64url.encode(hashlib.sha256(strictjson.dumps(values)).digest())
        hashed = hashlib.sha256()
        for part in _json_parts(values):
            hashed.update(part)
        return b64url.encode(hashed.digest())


def _json_parts(values: Mapping[str, Any]) -> Iterator[bytes]:
    """The JSON text of *values*, of which a long text is not in memory a second time."""
    before = b"{"
    for name, value in values.items():
        yield before + strictjson.dumps(name) + b":"
        before = b","
        if isinstance(value, str):
            yield b'"'
            for at in range(0, len(value), _PART):
                yield strictjson.dumps(value[at : at + _PART])[1:-1]
            yield b'"'
        else:
            yield strictjson.dumps(value)
    yield b"}"


_SHAPES = {
    table: Shape.of(tables.metadata.tables[table], _VOLATILE.get(table, ()))
    for table in (*KEYS, EVENTS)
}


def digest(table: str, row: Mapping[str, Any]) -> str:
    """The SHA-256, in base64url, of *row* of *table*: all its columns but those that only tick."""
    return _SHAPES[table].digest(row)


def name(table: str, row: Mapping[str, Any]) -> str:
    """What *row* is called in the audit log, such as ``licenses/HS-2026-7F3K9QXB``."""
    return f"{table}/{row[KEYS.get(table, 'id')]}"


def plain(value: Any) -> Any:
    """*value* as JSON can hold it: bytes in base64url."""
    if isinstance(value, bytes | memoryview):
        return b64url.encode(bytes(value))
    return value
