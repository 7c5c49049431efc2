"""Waits for what another thread or process does, which take no longer than that does.

Only what hangs meets their limit: what goes on takes less on the busiest machine.
"""

import time
from collections.abc import Callable

LONG = 240
"""Seconds: what has not happened by then does not happen."""
_EACH = 0.02
"""Seconds between two looks."""


def until(is_so: Callable[[], object], told: Callable[[], str] = lambda: "") -> None:
    """Wait until *is_so* is true; AssertionError with what is *told* if that does not come."""
    end = time.monotonic() + LONG
    while not is_so():
        assert time.monotonic() < end, told() or "it did not come to be"
        time.sleep(_EACH)
