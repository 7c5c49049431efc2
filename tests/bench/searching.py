"""Lists and searches in a large ledger, against the same in a small one."""

import random
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Engine

from license_server.db import Database
from license_server.store import licenses
from license_server.store.search import Filter
from tests.bench import ledger
from tests.bench.ledger import DAY, NOW, PER_CUSTOMER, PRODUCTS
from tests.bench.table import Row
from tests.support.postgres import new_database

SMALL, LARGE = 1_000, 200_000
PAGE = 50


def _queries(chosen: random.Random, engine: Engine, count: int) -> Iterator[tuple[str, Filter]]:
    """What people and programs look for, each with its name."""
    customer = ledger.customer_name(chosen.randint(1, count // PER_CUSTOMER))
    product = f"product-{chosen.randint(1, PRODUCTS)}"
    number = _number(chosen, engine, count)
    node = chosen.randint(1, 9999)
    month = Filter(expires_from=NOW, expires_before=NOW + 30 * DAY)
    yield "all", Filter()
    yield "a customer's", Filter(customer=customer)
    yield "a product's", Filter(product=product)
    yield "suspended", Filter(state="suspended")
    yield "active", Filter(state="active")
    yield "expired", Filter(state="expired")
    yield "a key's beginning", Filter(host_key=f"{chosen.getrandbits(32):08x}")
    yield "a key's first digit", Filter(host_key=f"{chosen.getrandbits(4):x}")
    yield "a hostname", Filter(host_name=f"node{node}-gpu")
    yield "all hostnames", Filter(host_name="node")
    yield "a month's", month
    yield "a product's active of a month", month._replace(product=product, state="active")
    yield "a product's suspended", Filter(product=product, state="suspended")
    yield "a customer's active", Filter(customer=customer, state="active")
    yield "text: a number", Filter(text=number)
    yield "text: its last part", Filter(text=number[8:])
    yield "text: a customer", Filter(text=customer)
    yield "text: a word of many", Filter(text="moto")
    yield "text: two words", Filter(text="shang rob")
    yield "text: Chinese", Filter(text="海")
    yield "text: a hostname", Filter(text=f"NODE{node}")
    yield "text: all numbers", Filter(text="HS-")
    yield "text: nothing", Filter(text="no such thing")
    yield "text and a product", Filter(text="acme", product=product)


def _number(chosen: random.Random, engine: Engine, count: int) -> str:
    with engine.connect() as connection:
        below = chosen.randint(2, count)
        return licenses.listed(connection, Filter(), NOW, before=below, limit=1).rows[0].number


def measure(folder: Path, turns: int, large: int = LARGE) -> list[Row]:
    """*turns* times each query on both sizes; the ratio of the 95th percentiles of their times."""
    rows = []
    for kind in ("SQLite", "PostgreSQL"):
        urls = [
            f"sqlite:///{folder}/search-{count}.db"
            if kind == "SQLite"
            else new_database().replace("postgresql://", "postgresql+psycopg://")
            for count in (SMALL, large)
        ]
        databases = [Database(url) for url in urls]
        for database, count in zip(databases, (SMALL, large), strict=True):
            ledger.fill(database.engine, count, seed=count)
        rows.append(_compare(kind, databases[0].engine, databases[1].engine, large, turns))
        for database in databases:
            database.close()
    return rows


def times(engine: Engine, count: int, turns: int, seed: int) -> dict[str, list[float]]:
    """The seconds that each query took, *turns* times; every second one is of a later page."""
    chosen = random.Random(seed)
    taken: dict[str, list[float]] = {}
    for turn in range(turns):
        for name, wanted in _queries(chosen, engine, count):
            before = chosen.randint(count // 2, count) if turn % 2 else None
            began = time.perf_counter()
            with engine.connect() as connection:
                licenses.listed(connection, wanted, NOW, before=before, limit=PAGE)
            taken.setdefault(name, []).append(time.perf_counter() - began)
    return taken


def _compare(kind: str, small: Engine, large: Engine, count: int, turns: int) -> Row:
    ratios, slow, fast = [], [], []
    for engine, size in ((small, SMALL), (large, count)):
        times(engine, size, 3, seed=1)  # caches, and the statements' plans
    for round_ in range(5):
        few = _together(times(small, SMALL, turns, seed=round_))
        many = _together(times(large, count, turns, seed=round_))
        ratios.append(_p95(many) / _p95(few))
        fast.append(_p95(few))
        slow.append(_p95(many))
    note = f"{statistics.median(slow) * 1000:.1f} ms against {statistics.median(fast) * 1000:.1f}"
    what = f"list and search, {count:,} licences against {SMALL:,}, p95, {kind}"
    return Row.of(what, ratios, "≤ 1.5", note)


def _together(taken: dict[str, list[float]]) -> list[float]:
    return [seconds for found in taken.values() for seconds in found]


def _p95(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=20)[-1]
