"""Orders as CSV: a row for each licence, a column for each field (docs/API.md)."""

from collections.abc import Callable, Generator
from typing import Any, BinaryIO

from license_server.licenses import acts, orders
from license_server.sheets import batches, csv_text
from license_server.sheets.batches import Line

COLUMNS = (*orders.MEMBERS, acts.REASON, *batches.CONTACT)
"""The columns that there may be. ``features`` are names and ``limits`` such as ``gpus=4``, each
separated by spaces."""
_TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def read(data: BinaryIO, encoding: str = "utf-8") -> Generator[Line, None, None]:
    """The orders in *data*, one after another. Raises as sheets.read does."""
    for number, fields in csv_text.read(data, COLUMNS, encoding):
        members: dict[str, Any] = dict(fields)
        for name, meaning in _MEANT.items():
            if name in fields:
                members[name] = meaning(fields[name])
        yield Line(number, members)


def _number(text: str) -> int | str:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else text


def _truth(text: str) -> bool | str:
    return _TRUTHS.get(text.strip().lower(), text)


def _limits(text: str) -> dict[str, int | str]:
    pairs = [pair.partition("=") for pair in text.split()]
    return {limit: _number(value) for limit, _, value in pairs}


_MEANT: dict[str, Callable[[str], Any]] = {
    "days": _number,
    "notify_days": _number,
    "grace_days": _number,
    "perpetual": _truth,
    "features": str.split,
    "limits": _limits,
}
"""What the text in a column means; what means nothing stays, and is refused there."""
