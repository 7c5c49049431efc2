"""Orders as CSV: a row for each licence, a column for each field (docs/API.md)."""

from collections.abc import Callable, Generator, Mapping
from typing import Any, BinaryIO

from license_server.catalog import typed
from license_server.licenses import acts, orders
from license_server.sheets import batches, csv_text
from license_server.sheets.batches import Line
from license_server.sheets.first_lines import FirstLines

COLUMNS = (*orders.MEMBERS, acts.REASON, *batches.CONTACT)
"""The columns that there may be. ``features`` are names and ``limits`` such as ``gpus=4``, each
separated by spaces."""
_REMEMBERED = 200_000
"""With so many lines the later ones are compared."""
_KINDS = 100
"""Of so many kinds of lines (Line.kind) it is remembered what they mean."""
_TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def read(data: BinaryIO, encoding: str = "utf-8") -> Generator[Line, None, None]:
    """The orders in *data*, one after another. Raises as sheets.read does."""
    lines = FirstLines(_REMEMBERED)
    kinds: dict[tuple[tuple[str, str], ...], tuple[int, Mapping[str, Any]]] = {}
    for number, fields in csv_text.read(data, COLUMNS, encoding):
        first = lines.first(hash(frozenset(fields.items())), number)
        alike = tuple([one for one in fields.items() if one[0] not in batches.APART])
        known = kinds.get(alike)
        if known is None:
            if len(kinds) >= _KINDS:
                kinds.clear()
            meant = {name: _MEANT[name](text) for name, text in alike if name in _MEANT}
            known = kinds[alike] = number, meant
        same_as = None if first == number else first
        yield Line(number, {**fields, **known[1]}, same_as, kind=known[0])


def truth(text: str) -> bool | str:
    """What a cell says that is true or false; what says neither, as it is."""
    return _TRUTHS.get(text.strip().lower(), text)


def _limits(text: str) -> dict[str, int | str]:
    return {one.name or one.text: one.value for one in typed.limits([text])}


_MEANT: dict[str, Callable[[str], Any]] = {
    "days": typed.number,
    "expires": typed.day,
    "time_zone": typed.time_zone,
    "notify_days": typed.number,
    "grace_days": typed.number,
    "maintenance_until": typed.day,
    "perpetual": truth,
    acts.OVERRIDE: truth,
    "features": str.split,
    "limits": _limits,
}
"""What the text in a column means; what means nothing stays, and is refused there."""
