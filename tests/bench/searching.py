"""Lists and searches in a large ledger, against the same in a small one."""

import random
import statistics
import time
from collections.abc import Callable
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
Chosen = random.Random


def _customer(chosen: Chosen, count: int) -> str:
    return ledger.customer_name(chosen.randint(1, count // PER_CUSTOMER))


def _product(chosen: Chosen) -> str:
    return f"product-{chosen.randint(1, PRODUCTS)}"


def _number(chosen: Chosen, engine: Engine, count: int) -> str:
    with engine.connect() as connection:
        found = licenses.listed(
            connection, Filter(), NOW, before=chosen.randint(2, count), limit=1
        ).rows
        return found[0].number


QUERIES: dict[str, Callable[[Chosen, Engine, int], Filter]] = {
    "all": lambda c, e, n: Filter(),
    "a customer's": lambda c, e, n: Filter(customer=_customer(c, n)),
    "a product's": lambda c, e, n: Filter(product=_product(c)),
    "suspended": lambda c, e, n: Filter(state="suspended"),
    "active": lambda c, e, n: Filter(state="active"),
    "expired": lambda c, e, n: Filter(state="expired"),
    "a key's beginning": lambda c, e, n: Filter(host_key=f"{c.getrandbits(32):08x}"),
    "a key's first digit": lambda c, e, n: Filter(host_key=f"{c.getrandbits(4):x}"),
    "a hostname": lambda c, e, n: Filter(host_name=f"node{c.randint(1, 9999)}-gpu"),
    "all hostnames": lambda c, e, n: Filter(host_name="node"),
    "a month's": lambda c, e, n: Filter(expires_from=NOW, expires_before=NOW + 30 * DAY),
    "a product's active ones of a month": lambda c, e, n: Filter(
        product=_product(c), state="active", expires_from=NOW, expires_before=NOW + 30 * DAY
    ),
    "a product's suspended": lambda c, e, n: Filter(product=_product(c), state="suspended"),
    "a customer's active": lambda c, e, n: Filter(customer=_customer(c, n), state="active"),
    "text: a number": lambda c, e, n: Filter(text=_number(c, e, n)),
    "text: its last part": lambda c, e, n: Filter(text=_number(c, e, n)[8:]),
    "text: a customer": lambda c, e, n: Filter(text=_customer(c, n)),
    "text: a word of many": lambda c, e, n: Filter(text="moto"),
    "text: two words": lambda c, e, n: Filter(text="shang rob"),
    "text: Chinese": lambda c, e, n: Filter(text="海"),
    "text: a hostname": lambda c, e, n: Filter(text=f"NODE{c.randint(1, 9999)}"),
    "text: all numbers": lambda c, e, n: Filter(text="HS-"),
    "text: nothing": lambda c, e, n: Filter(text="no such thing"),
    "text and a product": lambda c, e, n: Filter(text="acme", product=_product(c)),
}


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
    taken: dict[str, list[float]] = {name: [] for name in QUERIES}
    for turn in range(turns):
        for name, query in QUERIES.items():
            wanted = query(chosen, engine, count)
            before = chosen.randint(count // 2, count) if turn % 2 else None
            began = time.perf_counter()
            with engine.connect() as connection:
                licenses.listed(connection, wanted, NOW, before=before, limit=PAGE)
            taken[name].append(time.perf_counter() - began)
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
