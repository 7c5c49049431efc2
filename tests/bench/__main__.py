"""``make bench``: speed and memory, as ratios within one run. Nothing here passes or fails.

``python -m tests.bench searching 1000000`` measures lists, searches and pages of so many licences,
``python -m tests.bench workers`` issuing by one server process and by two,
``python -m tests.bench revocations`` starts with revocation lists of 10 licences to a million,
``python -m tests.bench many`` acts on many licences,
``python -m tests.bench against FOLDER`` issuing, beside another commit's checkout with its .venv.
"""

import logging
import platform
import sys
import tempfile
import time
from pathlib import Path

import structlog

from tests.bench import (
    against,
    bulk,
    checks,
    issuing,
    many,
    processes,
    revocations,
    searching,
    trust,
    workers,
)
from tests.bench.site import make_site
from tests.bench.table import Row, markdown

RUNS, ROUNDS, TURNS, SEARCHES = 40, 60, 5, 20


def main() -> None:
    """Measure and print the table of docs/BENCHMARKS.md."""
    # What is served in this process says a line for each request.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with tempfile.TemporaryDirectory(prefix="hostseal-bench-") as folder:
        table = _table(Path(folder), sys.argv[1:])
    python = platform.python_version()
    print(f"{time.strftime('%Y-%m-%d')}, Python {python}, {sys.platform} {platform.machine()}\n")
    print(table, end="")


def _table(place: Path, asked: list[str]) -> str:
    if asked[:1] == ["searching"]:
        return markdown(searching.measure(place, SEARCHES, int(asked[1])))
    if asked[:1] == ["workers"]:
        return markdown(workers.measure(place, TURNS))
    if asked[:1] == ["many"]:
        return markdown(many.measure(place))
    if asked[:1] == ["against"]:
        turns = int(asked[2]) if asked[2:] else TURNS
        return markdown(against.measure(place, Path(asked[1]).resolve(), turns))
    lists = place / "lists"
    lists.mkdir()
    table = revocations.measure(lists, place / "caches", RUNS // 2, int(time.time()))
    return table if asked[:1] == ["revocations"] else f"{markdown(_measure(place))}\n{table}"


def _measure(place: Path) -> list[Row]:
    site = make_site(place, int(time.time()))
    rows = processes.measure(site, place / "caches", RUNS)
    rows += processes.measure_starts(site, place / "caches", RUNS)
    rows += processes.measure_server(place, place / "caches", RUNS // 2)
    rows += trust.measure(place, place / "caches", RUNS, site.now)
    rows += checks.measure(site, ROUNDS)
    rows += issuing.measure(place, TURNS)
    rows += workers.measure(place, TURNS)
    rows += searching.measure(place, SEARCHES)
    rows += bulk.measure(place)
    rows += many.measure(place)
    return rows


if __name__ == "__main__":
    main()
