"""Many licences from a CSV file, against bare Ed25519 signatures, in one process."""

import json
import os
import random
import statistics
import time
from itertools import islice
from pathlib import Path

from license_server.actor import COMMAND
from license_server.operations import data_folder, process
from license_server.sheets import (
    csv_text,
    importer,
    order_sheet,
)
from license_server.signing.issuer import Issuer
from tests.bench.table import Row
from tests.support import server
from tests.support.postgres import new_database

LINES, CHUNK = 100_000, 10_000
SIGNED = 2_000
COLUMNS = ("customer", "product", "host", "days", "edition", "features", "limits")
_GOALS = {"SQLite": "≥ 0.45", "PostgreSQL": "≥ 0.50"}


def measure(folder: Path, lines: int = LINES) -> list[Row]:
    """Both databases; ratios of licences and signatures a second, and the memory."""
    file = folder / "orders.csv"
    make_sheet(file, lines)
    return [row for kind in _GOALS for row in _measure(folder / f"bulk-{kind}", file, kind, lines)]


def make_sheet(file: Path, lines: int) -> None:
    """Orders of a thousand customers."""
    chosen = random.Random(1)
    with file.open("w", encoding="utf-8", newline="") as stream:
        stream.write(csv_text.line(COLUMNS))
        for _ in range(lines):
            customer = f"Customer {chosen.randint(1, 1000)} 有限公司"
            host = json.dumps([f"{chosen.getrandbits(160):040x}", f"node{chosen.randint(1, 999)}"])
            product = f"product-{chosen.randint(1, 3)}"
            fields = (customer, product, host, 365, "pro", "export train", "gpus=4")
            stream.write(csv_text.line(fields))


def _measure(folder: Path, file: Path, kind: str, lines: int) -> list[Row]:
    folder.mkdir()
    url = None if kind == "SQLite" else new_database()
    database, issuer = data_folder.open_vault(server.make(folder / "server", url))
    now = int(time.time())
    process.settle_garbage()  # as the command does
    ratios, memory, rates, spent = [], [], [], []
    with file.open("rb") as stream:
        began = time.perf_counter()
        lines_read = order_sheet.read(stream, "utf-8")
        for outcomes in importer.check(database, lines_read, COMMAND, now, "b"):
            if outcomes[0].slug is not None:
                raise RuntimeError(outcomes[0].detail)
        checking = (time.perf_counter() - began) / lines
        stream.seek(0)
        read = order_sheet.read(stream, "utf-8")
        # Each part to its end: a batch is prepared while the one before it is stored.
        for start in range(0, lines, CHUNK):
            bare = _signing(issuer)
            began, busy = time.perf_counter(), time.process_time()
            part = islice(read, CHUNK)
            job = f"b{start}"
            done = importer.issue(database, issuer, part, COMMAND, now, os.urandom, job)
            issued = sum(len(batch) for batch in done)
            each = (time.perf_counter() - began) / issued
            spent.append((time.process_time() - busy) / issued)
            ratios.append(bare / each)
            rates.append(1 / each)
            memory.append(_resident())
        next(read, None)  # it is at its end
    database.close()
    note = (
        f"{statistics.median(rates):,.0f} a second, {statistics.median(spent) * 1e6:.0f} µs of "
        f"processor each; checked before at {1 / checking:,.0f} a second"
    )
    grown = [now_ / memory[0] for now_ in memory]
    return [
        Row.of(f"bulk issue from CSV, {lines:,} lines, {kind}", ratios, _GOALS[kind], note),
        Row.of(f"its memory, {kind}", grown, "flat", f"{memory[-1]:.0f} MiB at the end"),
    ]


def _signing(issuer: Issuer) -> float:
    """The seconds of one bare signature."""
    message = os.urandom(700)
    began = time.perf_counter()
    for _ in range(SIGNED):
        issuer.signer.sign(message)
    return (time.perf_counter() - began) / SIGNED


def _resident() -> float:
    """The memory of this process in MiB."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
