"""Row digests: they bind a row to the event that wrote it, and make its ETag."""

import hashlib
from collections.abc import Mapping
from typing import Any

from sqlalchemy import LargeBinary

from license_core import b64url, strictjson
from license_server.db import tables

KEYS = {
    "customers": "id",
    "products": "id",
    "keysets": "version",
    "revocation_lists": "number",
    "licenses": "number",
    "proposals": "id",
    "users": "id",
    "tokens": "id",
}
"""The tables of the ledger, and the column that names a row in the record."""

_VOLATILE = {"users": {"totp_used"}, "tokens": {"used_at"}}
"""Columns that change without an event."""

_COLUMNS = {
    table: tuple(
        sorted({column.name for column in tables.metadata.tables[table].columns} - left_out)
    )
    for table in KEYS
    for left_out in [_VOLATILE.get(table, set())]
}
_BINARY = {
    table: tuple(
        name
        for name in names
        if isinstance(tables.metadata.tables[table].columns[name].type, LargeBinary)
    )
    for table, names in _COLUMNS.items()
}


def digest(table: str, row: Mapping[str, Any]) -> str:
    """The SHA-256, in base64url, of *row* of *table*: all its columns but those that only tick."""
    values = {name: row[name] for name in _COLUMNS[table]}
    for name in _BINARY[table]:
        values[name] = plain(values[name])
    return b64url.encode(hashlib.sha256(strictjson.dumps(values)).digest())


def name(table: str, row: Mapping[str, Any]) -> str:
    """What *row* is called in the record, such as ``licenses/HS-2026-7F3K9QXB``."""
    return f"{table}/{row[KEYS[table]]}"


def plain(value: Any) -> Any:
    """*value* as JSON can hold it: bytes in base64url."""
    if isinstance(value, bytes | memoryview):
        return b64url.encode(bytes(value))
    return value
