"""The check code of a host key line: six letters that tell a wrong character (SPEC section 4.4)."""

from __future__ import annotations

_PRIME = 2**24 - 3
_BASE = 1_000_003
LETTERS = "ghjkmnpqrstvwxyz"
"""No digit of a key, no vowel, nothing that is read as another."""


def check_of(key: str, name: str | None, profile: str) -> str:
    """The six letters that tell one wrong character, or two that were swapped.

    A polynomial over the code points, modulo a prime that is greater than each (SPEC 4.4).
    """
    sum_ = 0
    for character in f"{key}\n{name or ''}\n{profile}":
        sum_ = (sum_ * _BASE + ord(character)) % _PRIME
    return "".join(LETTERS[sum_ >> bits & 15] for bits in range(20, -1, -4))
