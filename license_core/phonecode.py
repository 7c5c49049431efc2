"""The telephone code: a host key as 66 digits, to be read aloud (SPEC section 4.5).

Eleven groups of six digits. Each tells by itself, and for sure, one wrong digit and two neighbours
that were exchanged, and where in the code it belongs; the last one checks the key as a whole, and
says its profile. Writing it is strict; ``phonecode_reader`` reads what people make of it.
"""

from __future__ import annotations

from license_core.hostkey import DEFAULT_PROFILE, PROFILES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

COUNT = 11
SIZE = 6
A_LINE = 4
"""So many groups are on a line."""
_BITS = 16
_PRIME = 2**16 + 1
_BASE = 1_000_003
_RIGHT = (*range(1, COUNT), 0)
"""The remainder by 11 of each group: its place."""


def groups(key: str, profile: str = DEFAULT_PROFILE) -> list[str]:
    """The groups of the *key*, 40 hexadecimal digits, under *profile*."""
    number = int(key, 16)
    words = [number >> at & (1 << _BITS) - 1 for at in range(144, -1, -_BITS)]
    values = [*words, _sum(words, profile)]
    return [f"{value * COUNT + rest:06d}" for value, rest in zip(values, _RIGHT)]


def lines(key: str, profile: str = DEFAULT_PROFILE) -> list[str]:
    """The code as it is read aloud: three lines, of four groups at most."""
    all_ = groups(key, profile)
    return [" ".join(all_[at : at + A_LINE]) for at in range(0, COUNT, A_LINE)]


def fits(part: str, at: int) -> bool:
    """Whether *part*, in digits, can be the group at *at*, from 0."""
    if len(part) != SIZE:
        return False
    value, rest = divmod(int(part), COUNT)
    return rest == _RIGHT[at] and value < _PRIME - (at < COUNT - 1)


def opened(parts: list[str]) -> tuple[str, str] | None:
    """The key and profile of eleven groups; None where they do not fit."""
    if any(not fits(part, at) for at, part in enumerate(parts)):
        return None
    *words, check = (int(part) // COUNT for part in parts)
    profile = next((one for one in PROFILES if _sum(words, one) == check), None)
    return None if profile is None else ("".join(f"{word:04x}" for word in words), profile)


def _sum(words: Sequence[int], profile: str) -> int:
    sum_ = list(PROFILES).index(profile)
    for word in words:
        sum_ = (sum_ * _BASE + word) % _PRIME
    return sum_
