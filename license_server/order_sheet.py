"""Orders as a sheet: a line for each licence, a column for each member (docs/API.md)."""

from collections.abc import Iterator
from typing import Any, BinaryIO

from license_server import bulk, orders, sheets
from license_server.bulk import Line

COLUMNS = (*orders.MEMBERS, orders.REASON, *bulk.CONTACT)
"""The columns that there may be. ``features`` are names and ``limits`` such as ``gpus=4``, each
separated by spaces."""
_NUMBERS = ("days", "notify_days", "grace_days")
_TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def read(data: BinaryIO, encoding: str = "utf-8") -> Iterator[Line]:
    """The orders in *data*, one after another. Raises as sheets.read does."""
    for number, fields in sheets.read(data, COLUMNS, encoding):
        yield Line(number, {name: _member(name, text) for name, text in fields.items()})


def _member(name: str, text: str) -> Any:
    """What *text* means in the column *name*; what means nothing stays, and is refused there."""
    if name in _NUMBERS:
        return _number(text.strip())
    if name == "perpetual":
        return _TRUTHS.get(text.strip().lower(), text)
    if name == "features":
        return text.split()
    if name == "limits":
        pairs = [pair.partition("=") for pair in text.split()]
        return {limit: _number(value) for limit, _, value in pairs}
    return text


def _number(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else text
