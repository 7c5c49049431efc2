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
CLIENTS = (16, 64)


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
    places = {}
    for workers in (1, 2):
        url = new_database()
        data = server.make(folder / f"workers-{workers}" / "server", url).data
        places[workers] = (data, url)
    rows = []
    for clients in CLIENTS:
        each: dict[int, list[Spent]] = {workers: [] for workers in places}
        for _ in range(turns):
            for workers, (data, url) in places.items():
                each[workers].append(spent(data, url, workers, REQUESTS, clients))
        ratios = [two.most / one.most for one, two in zip(each[1], each[2], strict=True)]
        said = ", ".join(f"{workers}: {_said(found)}" for workers, found in each.items())
        what = f"licences a second of two workers against one, {clients} clients"
        rows.append(Row.of(what, ratios, "first figure", said))
    return rows


def _said(found: list[Spent]) -> str:
    servers, database, most = (
        statistics.median(values)
        for values in zip(
            *((sum(one.servers), sum(one.database), one.most) for one in found), strict=True
        )
    )
    return f"{servers * 1e6:,.0f} + {database * 1e6:,.0f} µs, {most:,.0f} a second"


def spent(data: Path, url: str, workers: int, requests: int, clients: int) -> Spent:
    """What *requests* licences cost by so many *workers*, once each has issued some."""
    database = open_database(server.settings(data, url))
    token = server.new_token(database, f"bench-{secrets.token_hex(4)}")
    database.close()
    options = ("--workers", str(workers)) if workers > 1 else ()
    with server.serving(data, url, options=options) as (address, process):
        asyncio.run(burst(address, token, requests // 5, clients))
        servers = _children(process.pid) or [process.pid]
        pids = [*servers, *backends(url.partition("?")[0].rpartition("/")[2])]
        had = [seconds_of(pid) for pid in pids]
        asyncio.run(burst(address, token, requests, clients))
        took = [
            (seconds_of(pid) - before) / requests for pid, before in zip(pids, had, strict=True)
        ]
    return Spent(took[: len(servers)], took[len(servers) :])


def _children(pid: int) -> list[int]:
    """The processes that one has started and that are there (Linux: proc(5))."""
    found: Iterable[str] = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    return [int(one) for one in found]
