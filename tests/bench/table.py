"""A table of ratios, as text for people and for docs/BENCHMARKS.md."""

import statistics
from collections.abc import Sequence
from typing import NamedTuple


class Row(NamedTuple):
    """One measurement: the median of paired ratios, and between which values half of them lie."""

    what: str
    ratio: float
    low: float
    high: float
    goal: str
    note: str

    @classmethod
    def of(cls, what: str, ratios: Sequence[float], goal: str, note: str) -> "Row":
        """The row of *ratios*, each of two things measured next to each other."""
        low, median, high = statistics.quantiles(ratios, n=4)
        return cls(what, median, low, high, goal, note)


def markdown(rows: Sequence[Row]) -> str:
    """The table."""
    lines = ["| what | ratio | half of the runs | goal | in this run |", "|---|---|---|---|---|"]
    lines += [
        f"| {row.what} | {row.ratio:.2f} | {row.low:.2f}–{row.high:.2f} | {row.goal} | {row.note} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"
