"""Issuing over HTTP by one server process and by two, without what the client takes (PostgreSQL).

What a licence costs is counted in processor time, of each server process and of the database: so
neither the client's share nor what else the machine does is in it. As many licences a second as
the busiest of them has time for are what they would issue with a core each.
"""

import asyncio
import secrets
import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from license_server.operations.data_folder import open_database
from tests.bench.against import backends, seconds_of
from tests.bench.issuing import burst
from tests.bench.table import Row
from tests.support import server
from tests.support.postgres import new_database

REQUESTS = 1_500


class Spent(NamedTuple):
    """Seconds of the processor, a licence."""

    servers: list[float]
    """Of each server process."""
    database: list[float]
    """Of each process of PostgreSQL that works for them."""

    @property
    def most(self) -> float:
        """So many licences a second the busiest process of them has time for."""
        return 1 / max(*self.servers, *self.database)


def measure(folder: Path, turns: int) -> list[Row]:
    """*turns* bursts at one and at two processes in turn, each with its own database."""
    each: dict[int, list[Spent]] = {1: [], 2: []}
    places = {}
    for count in each:
        url = new_database()
        data = server.make(folder / f"workers-{count}" / "server", url).data
        places[count] = (data, url)
    for _ in range(turns):
        for count, (data, url) in places.items():
            each[count].append(spent(data, url, count, REQUESTS))
    one, two = each[1], each[2]
    ratios = [of_two.most / of_one.most for of_one, of_two in zip(one, two, strict=True)]
    said = ", ".join(f"{count}: {_said(found)}" for count, found in each.items())
    return [Row.of("licences a second of two workers against one", ratios, "first figure", said)]


def _said(found: list[Spent]) -> str:
    servers, database, most = (
        statistics.median(values)
        for values in zip(
            *((sum(one.servers), sum(one.database), one.most) for one in found), strict=True
        )
    )
    return f"{servers * 1e6:,.0f} + {database * 1e6:,.0f} µs, {most:,.0f} a second"


def spent(data: Path, url: str, workers: int, requests: int) -> Spent:
    """What *requests* licences cost by so many *workers*, once each has issued some."""
    database = open_database(server.settings(data, url))
    token = server.new_token(database, f"bench-{secrets.token_hex(4)}")
    database.close()
    options = ("--workers", str(workers)) if workers > 1 else ()
    with server.serving(data, url, options=options) as (address, process):
        asyncio.run(burst(address, token, requests // 5))
        servers = _children(process.pid) or [process.pid]
        pids = [*servers, *backends(url.partition("?")[0].rpartition("/")[2])]
        had = [seconds_of(pid) for pid in pids]
        asyncio.run(burst(address, token, requests))
        took = [
            (seconds_of(pid) - before) / requests for pid, before in zip(pids, had, strict=True)
        ]
    return Spent(took[: len(servers)], took[len(servers) :])


def _children(pid: int) -> list[int]:
    """The processes that one has started and that are there (Linux: proc(5))."""
    found: Iterable[str] = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    return [int(one) for one in found]
