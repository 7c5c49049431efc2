"""What is ordinary reads hardly more of a vast ledger than of a small one (PostgreSQL).

Pages and rows are counted, so nothing here depends on what else the machine does. Processor time is
only said.
"""

import os
import random
import re
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import Engine, func, select, update

from license_server.db.database import Database
from license_server.db.tables import customers, licenses, products, text_tails, text_uses, texts
from license_server.finding import finding_store, following
from license_server.settings import ServerSettings
from tests.bench import searching
from tests.bench.searching import Desk
from tests.support import buffers, large_ledger, server, vast_ledger
from tests.support.buffers import Read
from tests.support.postgres import OwnServer, new_database

VAST = int(os.environ.get("HOSTSEAL_TEST_LICENCES", "5000000"))
"""Licences of the ledger,"""
FEW = 50_000
"""and of that with which it is compared."""
QUICK_TO_FILL = {
    "fsync": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "8GB",
    "autovacuum": "off",  # which would read at any time
}
"""Settings of PostgreSQL: what it is told need not outlive a power failure."""
LITTLE = 400
TURNS = 3
"""How often each page is asked for, of other customers, hosts and words each time."""
TIMES = 3
"""More than so many times what it reads of the small ledger is a wall,"""
ROWS, PAGES = 30_000, 60_000
"""if it is more than these: a search goes through 25,000 entries of an index or looks at a thousand
licences, however large the ledger is, and that a small one does not have."""


class Ledger(NamedTuple):
    """A vendor with so many licences."""

    settings: ServerSettings
    licences: int


FOUND_BY = (texts, text_tails, text_uses)
Asked = dict[str, list[Read]]
"""What each statement read, by what was asked for."""


def made(folder: Path, count: int, url: str) -> Ledger:
    settings = server.make(folder / str(count) / "server", url, large_ledger.NOW)
    order = ("--customer", "Acme", "--product", "darwin", "--days", "30", "--host", server.LINE)
    env = server.environment(settings.data, settings.database)
    assert server.at_once("issue", *order, "--yes", "-o", "-", env=env).returncode == 0
    database = Database(settings.database_url)
    token = database.read(lambda connection: connection.scalar(select(licenses.c.token)))
    vast_ledger.fill(database.engine, count, str(token))
    database.close()
    return Ledger(settings, count)


def by_commands(ledger: Ledger, folder: Path) -> tuple[Asked, str]:
    """A licence of a customer who is there, from issuing to renewing; and its number."""
    settings, file = ledger.settings, str(folder / f"{ledger.licences}.dat")
    env = server.environment(settings.data, settings.database)
    customer = large_ledger.customer_name(max(1, ledger.licences // large_ledger.PER_CUSTOMER // 2))
    read = Asked()

    def ask(*words: str) -> str:
        """Ask for it, and have the licence that is named first."""
        with buffers.reads(Engine, lambda: True) as reads:
            done = server.at_once(*words, env=env)
        assert done.returncode == 0, done.stderr
        read[words[0]] = reads
        named: list[str] = re.findall(r"HS-\d{4}-[0-9A-Z]{8}", done.stdout + done.stderr)
        return named[0] if named else ""

    order = ("--customer", customer, "--product", "product-1", "--days", "30")
    for _ in range(2):  # of the second, after what every first order leaves behind
        number = ask("issue", *order, "--host", server.LINE, "--yes", "-o", file)
    ask("history", number)
    ask("file", number, "-o", file)
    ask("find", number)
    ask("list", "--customer", customer)
    ask("renewals", "--customer", customer)
    ask("revocations", "publish")  # as long as licences are revoked, in each ledger
    del read["revocations"]
    return read, ask("renew", number, "--days", "60", "--yes", "-o", file)


def by_pages(desk: Desk, ledger: Ledger, number: str) -> Asked:
    """Of each page of the desk what it read in that turn in which it read the most."""
    read = Asked()
    for turn in range(TURNS):
        for name, address in addresses(desk, ledger.licences, turn, number):
            desk.get(address)  # it looks up once what does not change
            with buffers.reads(desk.engine, buffers.of_a_request) as reads:
                desk.get(address)
            read[name] = max(read.get(name, []), reads, key=pages)
    return read


def addresses(desk: Desk, count: int, turn: int, number: str) -> Iterator[tuple[str, str]]:
    """Those of one turn, each with a name that it has in any ledger."""
    of_one = (
        f"/licenses/{number}",
        f"/record?subject={number}",
        f"/license.revocations?license={number}",
    )
    for kind, each in (
        ("list", searching.lists(random.Random(turn), desk.engine, count)),
        ("find", searching.findings(random.Random(turn), desk.engine, count)),
        ("page", searching.pages(random.Random(turn), count)),
        ("page of one", iter((*of_one, "/renewals", "/requests", "/overview"))),
    ):
        for at, address in enumerate(each):
            parts = urlsplit(address)
            path = re.sub(r"/(HS-.*|[0-9]+)$", "/…", parts.path)
            by = ", ".join(parse_qs(parts.query))
            yield f"{kind} {at + 1}: {path}" + (f" by {by}" if by else ""), address


def pages(reads: list[Read]) -> int:
    """In all."""
    return sum(read.pages for read in reads)


def rows(reads: list[Read]) -> int:
    """In all."""
    return sum(read.rows for read in reads)


def asked(ledger: Ledger, folder: Path) -> Asked:
    """What each command and page read; what the pages took is said."""
    read, number = by_commands(ledger, folder)
    with searching.desk_of(ledger.settings) as desk:
        read |= by_pages(desk, ledger, number)
        with_servers = searching.with_servers(desk)
        took = []
        for _, address in addresses(desk, ledger.licences, 0, number):
            had = with_servers.cpu()
            desk.get(address)
            took.append(with_servers.cpu() - had)
    half, p95 = statistics.median(took) * 1000, statistics.quantiles(took, n=20)[-1] * 1000
    print(f"{ledger.licences:,} licences: a page {half:.1f} ms of processor time, p95 {p95:.1f}")
    return read


@pytest.fixture(scope="module")
def little() -> Iterator[Database]:
    """A ledger that is made as a vast one is."""
    database = Database(new_database())
    vast_ledger.fill(database.engine, LITTLE)
    yield database
    database.close()


def test_what_a_vast_ledger_has_is_found_as_the_server_would_have_it(little: Database) -> None:
    stored = (licenses.c.id, licenses.c.number, licenses.c.host_name, licenses.c.contract)

    with little.reading() as connection:
        had = {table: set(connection.execute(select(table))) for table in FOUND_BY}
        rows = [("licenses", row._asdict()) for row in connection.execute(select(*stored))]
        rows += [("customers", row._asdict()) for row in connection.execute(select(customers))]
        rows += [("products", row._asdict()) for row in connection.execute(select(products))]
    with little.engine.begin() as connection:
        finding_store.forget_all(connection)
        finding_store.add(connection, following.uses(rows))
        assert {table: set(connection.execute(select(table))) for table in FOUND_BY} == had
    assert all(had.values())


def test_rows_and_pages_of_each_statement_are_counted(little: Database) -> None:
    with buffers.reads(little.engine, lambda: True) as reads, little.reading() as connection:
        connection.execute(select(func.max(licenses.c.token)))  # which no index has
        connection.execute(select(licenses.c.token).where(licenses.c.id == 7))
        connection.execute(update(licenses).where(licenses.c.id == 1).values(state="revoked"))
        state = connection.scalar(select(licenses.c.state).where(licenses.c.id == 1))
        connection.rollback()
    everything, one, changed, _ = reads
    assert everything.rows == LITTLE
    assert everything.pages > 1
    assert one.rows == 1
    assert one.pages < everything.pages
    assert (changed.rows, state) == (1, "revoked")


@pytest.mark.torture
@pytest.mark.timeout(4 * 3600)
def test_what_is_ordinary_reads_little_of_a_vast_ledger(tmp_path: Path) -> None:
    own = OwnServer(**QUICK_TO_FILL)
    of_few, of_many = (
        asked(made(tmp_path, count, own.new_database()), tmp_path) for count in (FEW, VAST)
    )
    walls = {}
    print("pages, rows: of the small ledger and of the large one")
    for name, few in of_few.items():
        many = of_many[name]
        print(f"{pages(few):7,} {pages(many):7,} {rows(few):7,} {rows(many):7,}  {name}")
        if rows(many) > max(ROWS, TIMES * rows(few)) or pages(many) > max(
            PAGES, TIMES * pages(few)
        ):
            walls[name] = max(many)
    assert not walls
