"""The clock of this machine, and the instants that a signed text can hold (SPEC section 2.3)."""

from __future__ import annotations

import time

from license_core.claims import MAX_INSTANT
from license_core.errors import ClockWrongError


def present() -> int:
    """The present instant in seconds. Raises ClockWrongError for one that Python cannot hold."""
    try:
        return int(time.time())
    except OverflowError:
        raise ClockWrongError(reason="it says a year after 2261") from None


def check(now: int) -> None:
    """Raise ClockWrongError for an instant that nobody could read in what is signed or written."""
    if now < 0:
        raise ClockWrongError(reason="it says that 1970 has not begun")
    if now > MAX_INSTANT:
        raise ClockWrongError(reason="it says a year after 9999")


def later(now: int, seconds: int) -> int:
    """So many *seconds* after *now*, or the end of the year 9999 where that comes first."""
    return min(now + seconds, MAX_INSTANT)
