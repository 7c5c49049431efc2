"""Issuing over HTTP, against a route that validates and signs but stores nothing."""

import asyncio
import json
import secrets
import statistics
import time
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from license_server.operations.data_folder import open_database
from tests.bench.table import Row
from tests.support import server
from tests.support.postgres import new_database

CLIENTS = 16
REQUESTS = 1500
_ORDER = {
    "customer": "ACME Corporation",
    "product": "darwin",
    "days": 365,
    "host": server.LINE,
    "limits": {"gpus": 4},
    "features": ["export"],
}


class Load(NamedTuple):
    """What one burst took."""

    rate: float
    """Licences a second."""
    latencies: list[float]
    """Seconds."""

    def percentile(self, share: int) -> float:
        """The latency in milliseconds that *share* % of the requests kept."""
        return statistics.quantiles(self.latencies, n=100)[share - 1] * 1000


_GOALS = {"SQLite": "≥ 0.30", "PostgreSQL": "≥ 0.25"}


def measure(folder: Path, turns: int) -> list[Row]:
    """*turns* bursts on each route and database, one after the other; ratios of licences a second.

    Each request carries an ``Idempotency-Key`` of its own.
    """
    rows: list[Row] = []
    for kind, goal in _GOALS.items():
        url = None if kind == "SQLite" else new_database()
        data = server.make(folder / kind / "server", url).data
        rows += _measure(data, url, turns, kind, goal)
    return rows


def _measure(data: Path, database_url: str | None, turns: int, kind: str, goal: str) -> list[Row]:
    database = open_database(server.settings(data, database_url))
    token = server.new_token(database, "bench")
    database.close()
    stored, unstored = [], []
    with (
        server.serving(data, database_url) as (real, _),
        server.serving(data, database_url, module="tests.bench.unstored") as (bare, _),
    ):
        for url in (real, bare):  # connections, caches
            asyncio.run(burst(url, token, REQUESTS // 5))
        for _ in range(turns):
            unstored.append(asyncio.run(burst(bare, token, REQUESTS)))
            stored.append(asyncio.run(burst(real, token, REQUESTS)))
    ratios = [kept.rate / signed.rate for kept, signed in zip(stored, unstored, strict=True)]
    waits = [
        kept.percentile(99) / signed.percentile(99)
        for kept, signed in zip(stored, unstored, strict=True)
    ]
    rate = statistics.median(load.rate for load in stored)
    base = statistics.median(load.rate for load in unstored)
    p99 = statistics.median(load.percentile(99) for load in stored)
    base_p99 = statistics.median(load.percentile(99) for load in unstored)
    return [
        Row.of(
            f"licences issued and stored a second, {CLIENTS} clients, {kind}",
            ratios,
            goal,
            f"{rate:,.0f} against {base:,.0f} a second",
        ),
        Row.of("their p99", waits, "≤ 100 ms", f"{p99:.1f} ms against {base_p99:.1f} ms"),
    ]


async def burst(url: str, token: str, requests: int, clients: int = CLIENTS) -> Load:
    """Issue so many licences, as many at a time as there are *clients*."""
    address = urlsplit(url)
    body = json.dumps(_ORDER).encode()
    burst = secrets.token_hex(4)
    head_lines = (
        f"POST /api/v1/licenses HTTP/1.1\r\nHost: {address.netloc}\r\n"
        f"Authorization: Bearer {token}\r\nContent-Length: {len(body)}\r\n"
    )
    left = iter(range(requests))
    latencies: list[float] = []

    async def client() -> None:
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        for number in left:
            key = f"Idempotency-Key: {burst}-{number}\r\n\r\n"
            request = (head_lines + key).encode() + body
            began = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 201"):
                raise RuntimeError(head.decode())
            length = next(
                line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")
            )
            await reader.readexactly(int(length.partition(b":")[2]))
            latencies.append(time.perf_counter() - began)
        writer.close()
        await writer.wait_closed()

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    return Load(requests / (time.perf_counter() - began), latencies)
