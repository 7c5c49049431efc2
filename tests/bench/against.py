"""Issuing by this checkout and by another, in turns: rates, p99, and processor time a licence.

``python -m tests.bench against FOLDER [TURNS]``: FOLDER is a checkout of another commit, with its
``.venv``. Processor time is the server's, and that of the processes that PostgreSQL has for its
database: on a busy machine it says more than the clock does.
"""

import asyncio
import os
import re
import statistics
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.bench import issuing
from tests.bench.table import Row
from tests.support import server
from tests.support.postgres import new_database
from tests.support.pythons import REPOSITORY

_GOALS = {"SQLite": "first figure", "PostgreSQL": "≤ 0.55"}


class Spent(NamedTuple):
    """What one burst took."""

    load: issuing.Load
    server: float
    """Seconds of the server's processor, a licence."""
    database: float
    """… and of PostgreSQL's."""


class Served(NamedTuple):
    """A server of a checkout, while it runs."""

    url: str
    token: str
    pid: int
    database: str | None
    """The name of its database; None: SQLite."""

    def burst(self) -> Spent:
        """Issue, and see what it took."""
        before = self._processor()
        load = asyncio.run(issuing.burst(self.url, self.token, issuing.REQUESTS))
        ours, others = (
            (after - former) / issuing.REQUESTS
            for after, former in zip(self._processor(), before, strict=True)
        )
        return Spent(load, ours, others)

    def _processor(self) -> tuple[float, float]:
        pids = [] if self.database is None else backends(self.database)
        return seconds_of(self.pid), sum(map(seconds_of, pids))


def backends(database: str) -> list[int]:
    """The processes that PostgreSQL has for connections to a database: their titles name it."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            title = path.read_bytes()
        except OSError:
            continue  # it has ended
        if title.startswith(b"postgres:") and database.encode() in title.split():
            found.append(int(path.parent.name))
    return found


def seconds_of(pid: int) -> float:
    """The processor time of a process, in seconds (proc_pid_stat(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def _serving(checkout: Path, folder: Path, url: str | None) -> Iterator[Served]:
    """A new server of *checkout*, with a product."""
    command = checkout / ".venv/bin/license-server"
    env = server.environment(folder / "server", url)

    def run(*arguments: str) -> str:
        line = [str(command), *arguments]
        done = subprocess.run(line, env=env, capture_output=True, text=True, check=True)
        return done.stdout

    folder.mkdir()
    run("init", "--vendor", "Example Vendor", "--admin", server.EMAIL)
    run("product", "add", "darwin")
    token = run("token", "create", "bench").split()[-1]
    line = [str(command), "serve", "--port", "0"]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(line, env=env, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        assert process.stdout is not None
        found = re.search(r"http://[0-9.:]+", process.stdout.readline())
        assert found is not None, (folder / "log").read_text()
        name = None if url is None else url.partition("?")[0].rpartition("/")[2]
        try:
            yield Served(found[0], token, process.pid, name)
        finally:
            process.terminate()


def measure(folder: Path, other: Path, turns: int) -> list[Row]:
    """*turns* bursts of each, one after the other; this checkout's figures as parts of those."""
    return [row for kind in _GOALS for row in _measure(folder, other, turns, kind)]


def _measure(folder: Path, other: Path, turns: int, kind: str) -> list[Row]:
    spent: dict[Path, list[Spent]] = {REPOSITORY: [], other: []}
    with ExitStack() as stack:
        servers = {}
        for number, checkout in enumerate(spent):
            url = None if kind == "SQLite" else new_database()
            made = _serving(checkout, folder / f"{kind}-{number}", url)
            servers[checkout] = stack.enter_context(made)
        for turn in range(turns + 1):  # the first warms up
            for checkout, one in servers.items():
                found = one.burst()
                if turn:
                    spent[checkout].append(found)
    ours, theirs = spent.values()

    def row(what: str, name: str, goal: str, figures: tuple[list[float], list[float]]) -> Row:
        ratios = [one / before for one, before in zip(*figures, strict=True)]
        here, there = map(statistics.median, figures)
        return Row.of(f"{what}, {kind}", ratios, goal, f"{here:,.0f} {name} against {there:,.0f}")

    def each(of: str, scale: float) -> tuple[list[float], list[float]]:
        return (
            [getattr(one, of) * scale for one in ours],
            [getattr(one, of) * scale for one in theirs],
        )

    rates = [one.load.rate for one in ours], [one.load.rate for one in theirs]
    waits = [one.load.percentile(99) for one in ours], [one.load.percentile(99) for one in theirs]
    rows = [
        row("licences a second, against the other", "a second", "first figure", rates),
        row("their p99", "ms", "first figure", waits),
        row("the server's processor, a licence", "µs", "first figure", each("server", 1e6)),
    ]
    if kind == "PostgreSQL":
        rows.append(row("its processor, a licence", "µs", _GOALS[kind], each("database", 1e6)))
    return rows
