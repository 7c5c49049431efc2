"""The progress line of a long command, on a terminal's standard error."""

from __future__ import annotations

import sys

_EVERY = 1000
_ERASE = "\r\x1b[K"


class Progress:
    """Counts to *total*; silent where nobody watches."""

    def __init__(self, total: int, what: str) -> None:
        self._total, self._what = total, what
        self._done = 0
        self._shown = sys.stderr.isatty()

    def advance(self, count: int) -> None:
        """So many more are done."""
        self._done += count
        if self._shown and self._done % _EVERY < count:
            done = f"{self._done:,} of {self._total:,} {self._what}"
            print(f"{_ERASE}{done}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Leave the line to something else."""
        if self._shown:
            print(_ERASE, end="", file=sys.stderr, flush=True)
