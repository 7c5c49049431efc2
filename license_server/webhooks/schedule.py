"""When a delivery is tried again: soon at first, then every few hours, for three days."""

_MINUTE, _HOUR = 60, 3600
DELAYS = (
    *(5, 30, 2 * _MINUTE, 5 * _MINUTE, 10 * _MINUTE, 20 * _MINUTE, 40 * _MINUTE),
    *(_HOUR, 2 * _HOUR),
    *[3 * _HOUR] * 23,
)
"""Seconds from each attempt that failed to the next one; after the last of them it is given up."""
SPAN = sum(DELAYS)
"""Seconds from the first attempt to the last, about."""
_SPREAD = 0.2
"""By so much of it a delay is longer or shorter, so that not all come back at once."""
_LONGEST_ASKED = 6 * _HOUR


def next_try(tries: int, now: int, spread: float, asked: int | None = None) -> int | None:
    """When to try again what has failed *tries* times; None: not any more.

    *spread*: anything from 0 to 1, by chance. *asked*: so many seconds the other side wants to have
    peace (Retry-After).
    """
    if tries > len(DELAYS):
        return None
    delay = DELAYS[tries - 1] * (1 - _SPREAD + 2 * _SPREAD * spread)
    return now + max(1, round(delay), min(asked or 0, _LONGEST_ASKED))
