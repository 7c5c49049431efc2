"""Values as people type them, into a form, a sheet or a shell: numbers, days, limits, time zones.

What makes no value stays as it was typed, for its reader to refuse with those very words.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from datetime import date
from functools import cache
from typing import NamedTuple
from zoneinfo import available_timezones

_SEPARATORS = re.compile(r"[\s,;，、；]+")
_LONGEST = 15
"""The most digits of a number."""
_SIGNED = re.compile(rf"[-+]?[0-9]{{1,{_LONGEST}}}")
_MINUS = str.maketrans({"\N{MINUS SIGN}": "-", "\N{EN DASH}": "-"})
_DAY = re.compile(r"([0-9]{4})(?:([-/.])([0-9]{1,2})\2([0-9]{1,2})|年([0-9]{1,2})月([0-9]{1,2})日)")
_OFFSET = re.compile(r"(?:utc|gmt)([+-])([0-9]{1,2})(?::?([0-9]{2}))?")
# Each part is taken whole, so that it takes no longer than the text is long.
_LIMIT = re.compile(r"([^\s=:＝：]++)(?:\s*+[=:＝：]\s*+(\S++)|\s++([-+−－＋]?\d++)(?!\S))|\S++")


class Limit(NamedTuple):
    """A limit as it was typed: its name and value; without a name it is none."""

    name: str
    value: int | str
    text: str
    """What was typed."""


def words(text: str) -> list[str]:
    """The words of *text*, with blanks, commas or semicolons between."""
    return [one for one in _SEPARATORS.split(text) if one]


def number(text: str) -> int | str:
    """The whole number that *text* is, in digits of any width."""
    plain = _plain(text)
    return int(plain) if _SIGNED.fullmatch(plain) else text.strip()


def day(text: str) -> str:
    """The day that *text* is, as ``2027-12-31``: year, month and day with any signs between."""
    found = _DAY.fullmatch("".join(_plain(text).split()))
    if found is None:
        return text.strip()
    year, _, month, of_month, month_zh, day_zh = found.groups()
    try:
        return date(int(year), int(month or month_zh), int(of_month or day_zh)).isoformat()
    except ValueError:
        return text.strip()


def time_zone(text: str) -> str:
    """The name of the time zone that *text* is, in whichever case; ``UTC+8`` is ``UTC+08:00``."""
    plain = _plain(text).casefold()
    offset = _OFFSET.fullmatch(plain)
    if offset is not None:
        sign, hours, minutes = offset.groups()
        return f"UTC{sign}{int(hours):02}:{minutes or '00'}"
    return _zones().get(plain, text.strip())


def limits(texts: Iterable[str]) -> Iterator[Limit]:
    """The limits in *texts*: ``gpus=4``, also as ``GPUs: 4``, ``gpus 4`` or ``gpus＝４``."""
    for found in _LIMIT.finditer(" ".join(texts)):
        name, value = found[1] or "", found[2] or found[3]
        if not name or value is None:
            yield Limit("", "", found[0])
            continue
        name = unicodedata.normalize("NFKC", name)
        named = "gpus" if name.lower() == "gpus" else name
        yield Limit(named, number(value), found[0])


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).translate(_MINUS).strip()


@cache
def _zones() -> dict[str, str]:
    return {name.casefold(): name for name in available_timezones()}
