"""A row of a backup: one line of JSON, whose members are the columns of its table."""

from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Boolean, Integer, LargeBinary, RowMapping, Table

from license_core import b64url, strictjson

_INTEGERS = range(-(1 << 63), 1 << 63)


class _Column(NamedTuple):
    kind: type
    may_be_null: bool


_KINDS = {int: "an integer", bool: "true or false", str: "a text", bytes: "base64url"}


def encode(table: Table, row: RowMapping) -> bytes:
    """The line of *row*."""
    columns = _columns(table)
    plain = {
        name: b64url.encode(bytes(value))
        if value is not None and columns[name].kind is bytes
        else value
        for name, value in row.items()
    }
    return strictjson.dumps(plain) + b"\n"


def decode(table: Table, line: bytes) -> dict[str, Any]:
    """The row of a *line*: every column of *table*, and no other. Raises ValueError."""
    row = strictjson.loads(line)
    if not isinstance(row, dict):
        raise ValueError("it is not an object")
    columns = _columns(table)
    for name in row.keys() - columns.keys():
        raise ValueError(f"it has a column {name[:64]!r}, which this server does not know")
    for name, column in columns.items():
        if name not in row:
            raise ValueError(f"its column {name} is missing")
        row[name] = _value(name, column, row[name])
    return row


def _value(name: str, column: _Column, value: Any) -> Any:
    if value is None:
        if not column.may_be_null:
            raise ValueError(f"its column {name} is null")
        return None
    if column.kind is bytes and isinstance(value, str):
        try:
            return b64url.decode(value)
        except ValueError as error:
            raise ValueError(f"its column {name} is {error}") from error
    if type(value) is not column.kind or (column.kind is int and value not in _INTEGERS):
        raise ValueError(f"its column {name} is not {_KINDS[column.kind]}")
    return value


@cache
def _columns(table: Table) -> dict[str, _Column]:
    kinds = ((Boolean, bool), (Integer, int), (LargeBinary, bytes))
    return {
        column.name: _Column(
            next((kind for type_, kind in kinds if isinstance(column.type, type_)), str),
            bool(column.nullable),
        )
        for column in table.columns
    }
