"""Lists, searches and pages of a large ledger, against the same of a small one.

What somebody waits for is measured: the page of the desk, as the server makes it. Beside it stands
what the same takes without the page, in the database and what asks it.

A page of fifty rows takes longer than one of three, in a ledger of any size. So the small ledger
is asked what fills its pages as the large one's are: a hostname has as many licences there, as a
customer has, and where it has few (in grace, in one month) more is asked for (``_Wide``).
"""

import os
import random
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

from sqlalchemy import Engine, text

from license_server import finder
from license_server.access import access_store, sessions
from license_server.actor import COMMAND
from license_server.app import create_app
from license_server.db.database import Database
from license_server.licenses import license_store, term_days
from license_server.licenses.license_store import StoredLicense
from license_server.licenses.search import Filter
from license_server.operations import process
from license_server.settings import ServerSettings
from license_server.site import Site
from license_server.web.session import SESSION
from tests.bench.called import Called
from tests.bench.table import Row
from tests.support import large_ledger, server
from tests.support.large_ledger import DAY, NOW, PER_CUSTOMER, PRODUCTS
from tests.support.postgres import new_database

SMALL, LARGE = 1_000, 200_000
PAGE = 50


class _Wide(NamedTuple):
    """What fills a page with licences."""

    days: int
    """In which so many of them end;"""
    over: str
    """those that are in this state since their term is over;"""
    gone: str
    """those in this one since something was done;"""
    products: int
    """those of each of so many products;"""
    contract: int
    """those with so many characters of a contract's number."""

    @classmethod
    def of(cls, count: int) -> "_Wide":
        """In a ledger of so many licences."""
        if count <= SMALL:
            return cls(240, "expired", "replaced", 4, 5)
        return cls(30, "grace", "suspended", PRODUCTS, 6)


def _queries(chosen: random.Random, engine: Engine, count: int) -> Iterator[tuple[str, Filter]]:
    """What people and programs look for, each with its name."""
    customer = large_ledger.customer_name(chosen.randint(1, count // PER_CUSTOMER))
    wide, is_small = _Wide.of(count), count <= SMALL
    product = f"product-{chosen.randint(1, wide.products)}"
    known = _known(chosen, engine, count)
    number, host = known.number, str(known.host_name)
    node = _digits(host)
    today = NOW // DAY
    month = Filter(expires_from=today, expires_until=today + wide.days - 1)
    later = today + 150
    yield "all", Filter()
    yield "a customer's", Filter(customer=customer)
    yield "a product's", Filter(product=product)
    yield "suspended", Filter(state=wide.gone)
    yield "in grace", Filter(state=wide.over)
    yield (
        "valid in one month",
        Filter(state="valid", expires_from=later, expires_until=later + wide.days - 1),
    )
    yield "text: a customer and a host", Filter(text=f"{customer} node{node}")
    yield "active", Filter(state="active")
    yield "expired", Filter(state="expired")
    yield "a key's beginning", Filter(host_key=f"{chosen.getrandbits(32):08x}")
    yield "a key's first digit", Filter(host_key=f"{chosen.getrandbits(4):x}")
    yield "a hostname", Filter(host_name=host)
    yield "all hostnames", Filter(host_name="node")
    yield "a month's", month
    of_product = month if is_small else month._replace(product=product)
    yield "a product's active of a month", of_product._replace(state="active")
    rare = "active" if is_small else wide.gone
    yield "a product's suspended", Filter(product=product, state=rare)
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
    yield "text: the middle of a hostname", Filter(text=f"de{node}-g")
    yield "text: the end of a contract's number", Filter(text=_contract(chosen, count))
    yield "text: the middle of a customer's name", Filter(text="tics")
    yield "text: a hostname in words", Filter(text=f"node {node} gpu")
    acme = Filter(text="acme")
    both = acme._replace(state="active") if is_small else acme._replace(product=product)
    yield "text and a product", both


def _anything(chosen: random.Random, engine: Engine, count: int) -> Iterator[tuple[str, str]]:
    """What people type to find anything, each with its name; all but one of it is there."""
    customer = chosen.randint(1, max(1, count // PER_CUSTOMER))
    node = _digits(str(_known(chosen, engine, count).host_name))
    contract = _contract(chosen, count)
    yield "the middle of a hostname", f"de{node}-g"
    yield "the end of a hostname's number", node
    yield "a hostname in words", f"node {node} gpu"
    yield "all hostnames", "gpu"
    yield "the end of a contract's number", contract
    yield "the middle of a contract's number", f"-{contract}"[: _Wide.of(count).contract]
    yield "a customer", large_ledger.customer_name(customer)
    yield "the middle of a customer's name", "tics"
    yield "a customer's word and a number", f"acme {node}"
    yield "two words of many", "shang rob"
    yield "Chinese", "海"
    yield "a mail address", f"it{customer}@example"
    yield "nothing", "zzqq"


def _known(chosen: random.Random, engine: Engine, count: int) -> StoredLicense:
    """A licence of which somebody has something in hand."""
    with engine.connect() as connection:
        before = chosen.randint(2, count)
        return license_store.listed(connection, Filter(), NOW, before=before, limit=1).rows[0]


def _digits(host: str) -> str:
    """The number in a hostname."""
    return "".join(filter(str.isdigit, host))


def _contract(chosen: random.Random, count: int) -> str:
    """The end of a contract's number: every third licence has one."""
    return f"{3 * chosen.randint(1, count // 3):06}"


def measure(folder: Path, turns: int, large: int = LARGE) -> list[Row]:
    """*turns* times each query and page on both sizes; the ratios of their 95th percentiles."""
    rows = []
    process.settle_garbage()  # as a server does once it is loaded
    for kind in ("SQLite", "PostgreSQL"):
        vendors = []
        for count in (SMALL, large):
            place = folder / f"{kind}-{count}"
            made = server.make(place, None if kind == "SQLite" else new_database(), NOW)
            database = Database(made.database_url)
            large_ledger.fill(database.engine, count, seed=count)
            database.close()
            vendors.append(made)
        few, many = vendors
        rows += compare(kind, few, many, large, turns)
    return rows


def compare(
    kind: str, few: ServerSettings, many: ServerSettings, count: int, turns: int
) -> list[Row]:
    """The rows of one kind of database."""
    rows = []
    with desk_of(few) as small, desk_of(many) as large:
        for what, ask in (("list and search", lists), ("find anything", findings)):
            rows += compare_requests(what, ask, kind, small, large, count, turns)
        rows.append(compare_pages(kind, small, large, count, turns))
        engines = small.engine, large.engine
        for what, measured in (("list and search", times), ("find anything", find_times)):
            rows.append(_compare(what, measured, kind, *engines, count, turns))
    return rows


class Desk(NamedTuple):
    """A desk at which an administrator is signed in."""

    app: Called
    engine: Engine
    servers: tuple[int, ...]
    """The processes of PostgreSQL that work for it; their time counts as its own."""

    def get(self, address: str) -> None:
        """Ask for a page."""
        status, _ = self.app.get(address)
        assert status == 200, address

    def cpu(self) -> float:
        """The seconds of the processor that this process, and those of the database, have had."""
        return time.process_time() + sum(map(_cpu_of, self.servers))


def _cpu_of(process_id: int) -> float:
    """The seconds of the processor that a process has had (Linux: proc(5), schedstat)."""
    return int(Path(f"/proc/{process_id}/schedstat").read_text("ascii").split()[0]) / 1e9


Asks = Callable[[random.Random, Engine, int], Iterator[str]]
"""Addresses of pages."""


def lists(chosen: random.Random, engine: Engine, count: int) -> Iterator[str]:
    """The pages of lists and searches; what has no field there is typed into that for all."""
    for _, wanted in _queries(chosen, engine, count):
        days = {"expires_from": wanted.expires_from, "expires_until": wanted.expires_until}
        given = {
            "q": wanted.text or wanted.host_key or wanted.host_name,
            "customer": wanted.customer,
            "product": wanted.product,
            "state": wanted.state,
            **{name: None if day is None else term_days.day_of(day) for name, day in days.items()},
        }
        yield f"/licenses?{urlencode({name: said for name, said in given.items() if said})}"


def findings(chosen: random.Random, engine: Engine, count: int) -> Iterator[str]:
    """The pages of the box that finds anything."""
    return (f"/find?{urlencode({'q': typed})}" for _, typed in _anything(chosen, engine, count))


class Cost(NamedTuple):
    """What the pages took, in seconds."""

    wall: list[float]
    cpu: list[float]


def compare_requests(
    what: str, ask: Asks, kind: str, small: Desk, large: Desk, count: int, turns: int
) -> list[Row]:
    """What pages take by the clock and of the processor, each asked of both desks in turn."""
    bare = ((small, SMALL), (large, count))
    _together_asked(ask, bare, 8, seed=99)  # caches; PostgreSQL prepares what comes again
    desks = [(with_servers(desk), size) for desk, size in bare]
    rounds = [_together_asked(ask, desks, turns, seed) for seed in range(5)]
    rows = []
    for place, how in enumerate(("by the clock", "of CPU time, the database's included")):
        fast, slow = ([_p95(one[at][place]) for one in rounds] for at in (0, 1))
        ratios = [many / few for few, many in zip(fast, slow, strict=True)]
        many_ms, few_ms = (statistics.median(of) * 1000 for of in (slow, fast))
        title = f"{what}: a page, {count:,} licences against {SMALL:,}, p95 {how}, {kind}"
        note = f"{many_ms:.1f} ms against {few_ms:.1f}"
        rows.append(Row.of(title, ratios, "≤ 1.5", note))
    return rows


def _together_asked(
    ask: Asks, desks: Iterable[tuple[Desk, int]], turns: int, seed: int
) -> list[Cost]:
    desks = list(desks)
    chosen = [random.Random(seed) for _ in desks]
    costs = [Cost([], []) for _ in desks]
    for _ in range(turns):
        asked = [
            ask(one, desk.engine, size) for one, (desk, size) in zip(chosen, desks, strict=True)
        ]
        for addresses in zip(*asked, strict=True):
            for address, (desk, _), cost in zip(addresses, desks, costs, strict=True):
                began, had = time.perf_counter(), desk.cpu()
                desk.get(address)
                cost.cpu.append(desk.cpu() - had)
                cost.wall.append(time.perf_counter() - began)
    return costs


def with_servers(desk: Desk) -> Desk:
    """The same, with the processes that work for it now."""
    if desk.engine.dialect.name == "sqlite":
        return desk

    query = (
        "select pid from pg_stat_activity"
        " where datname = current_database() and backend_type = 'client backend'"
    )
    with desk.engine.connect() as connection:
        return desk._replace(servers=tuple(connection.execute(text(query)).scalars()))


def pages(chosen: random.Random, count: int) -> Iterator[str]:
    """The pages of the desk that look at the ledger."""
    customer = chosen.randint(1, max(1, count // PER_CUSTOMER))
    wide, node = _Wide.of(count), large_ledger.host_number(chosen, count)
    today = datetime.fromtimestamp(NOW, UTC).date()
    month = today + timedelta(30 * chosen.randint(0, 11))
    ends = {"expires_from": month, "expires_until": month + timedelta(wide.days - 1)}
    yield from ("/", "/customers", "/products", "/proposals", "/record", "/licenses/new", "/sheets")
    yield f"/customers/{customer}"
    yield "/licenses"
    yield f"/licenses?state={wide.over}"
    yield f"/licenses?{urlencode({'state': 'valid', **ends})}"
    yield f"/licenses?{urlencode({'q': large_ledger.customer_name(customer)})}"
    yield f"/licenses?{urlencode({'q': f'node{node}-gpu'})}"


def compare_pages(kind: str, small: Desk, large: Desk, count: int, turns: int) -> Row:
    """The processor's time that the server takes for the pages of the desk."""
    for desk, size in ((small, SMALL), (large, count)):
        page_times(desk, size, 3, seed=1)
    ratios, slow, fast = [], [], []
    for round_ in range(5):
        fast.append(_p95(_together(page_times(small, SMALL, turns, seed=round_))))
        slow.append(_p95(_together(page_times(large, count, turns, seed=round_))))
        ratios.append(slow[-1] / fast[-1])
    note = f"{statistics.median(slow) * 1000:.1f} ms against {statistics.median(fast) * 1000:.1f}"
    what = f"pages of the desk, {count:,} licences against {SMALL:,}, p95 of CPU time, {kind}"
    return Row.of(what, ratios, "≤ 1.5", note)


def page_times(desk: Desk, count: int, turns: int, seed: int) -> dict[str, list[float]]:
    """The seconds of the processor that each page took, *turns* times."""
    chosen = random.Random(seed)
    taken: dict[str, list[float]] = {}
    for _ in range(turns):
        for path in pages(chosen, count):
            began = time.process_time()
            desk.get(path)
            taken.setdefault(path.partition("=")[0], []).append(time.process_time() - began)
    return taken


@contextmanager
def desk_of(made: ServerSettings) -> Iterator[Desk]:
    app = create_app(made, clock=lambda: NOW, random=os.urandom)
    with ExitStack() as open_:
        called = open_.enter_context(Called(app))
        site: Site = app.state.server.site
        user = site.database.read(lambda c: access_store.user_by_email(c, server.EMAIL))
        assert user is not None
        session = site.database.write(
            lambda c: sessions.open_session(c, user, NOW, 1, os.urandom, "127.0.0.1")
        )
        called.headers.append((b"cookie", f"{SESSION}={session.secret}".encode()))
        yield Desk(called, site.database.engine, ())


def times(engine: Engine, count: int, turns: int, seed: int) -> dict[str, list[float]]:
    """The seconds that each query took, *turns* times; every second one is of a later page."""
    chosen = random.Random(seed)
    taken: dict[str, list[float]] = {}
    for turn in range(turns):
        for name, wanted in _queries(chosen, engine, count):
            before = chosen.randint(count // 2, count) if turn % 2 else None
            began = time.perf_counter()
            with engine.connect() as connection:
                license_store.listed(connection, wanted, NOW, before=before, limit=PAGE)
            taken.setdefault(name, []).append(time.perf_counter() - began)
    return taken


def find_times(engine: Engine, count: int, turns: int, seed: int) -> dict[str, list[float]]:
    """The seconds that it took to find each, *turns* times."""
    chosen = random.Random(seed)
    taken: dict[str, list[float]] = {}
    for _ in range(turns):
        for name, typed in _anything(chosen, engine, count):
            began = time.perf_counter()
            with engine.connect() as connection:
                finder.find(connection, typed, COMMAND, NOW)
            taken.setdefault(name, []).append(time.perf_counter() - began)
    return taken


Measured = Callable[[Engine, int, int, int], dict[str, list[float]]]


def _compare(
    what: str, measured: Measured, kind: str, small: Engine, large: Engine, count: int, turns: int
) -> Row:
    ratios, slow, fast = [], [], []
    for engine, size in ((small, SMALL), (large, count)):
        measured(engine, size, 3, 1)  # caches, and the statements' plans
    for round_ in range(5):
        few = _together(measured(small, SMALL, turns, round_))
        many = _together(measured(large, count, turns, round_))
        ratios.append(_p95(many) / _p95(few))
        fast.append(_p95(few))
        slow.append(_p95(many))
    note = f"{statistics.median(slow) * 1000:.1f} ms against {statistics.median(fast) * 1000:.1f}"
    title = f"{what}: without the page, {count:,} licences against {SMALL:,}, p95, {kind}"
    return Row.of(title, ratios, "no goal", note)


def _together(taken: dict[str, list[float]]) -> list[float]:
    return [seconds for found in taken.values() for seconds in found]


def _p95(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=20)[-1]
