"""``import licenses`` of a CSV file, against importers that sign and store and check nothing.

Each is a process of its own; what a run of one line takes is subtracted.
"""

import json
import random
import sys
from pathlib import Path

from license_server.sheets import csv_text
from tests.bench.processes import Cost, Spawner
from tests.bench.table import Row
from tests.support import server
from tests.support.postgres import new_database

LINES, TURNS = 20_000, 3
MANY = 100_000
"""With so many lines the memory is measured, against that with LINES."""
COLUMNS = ("customer", "product", "host", "days", "edition", "features", "limits")
_WAYS = {"orm": ("plain ORM", "≥ 1.5"), "core": ("plain Core", "≥ 0.9")}


def measure(folder: Path, lines: int = LINES, many: int = MANY) -> list[Row]:
    """Both databases; ratios of licences a second, and the memory."""
    spawner = Spawner(folder / "caches")
    rows = [
        row
        for kind in ("SQLite", "PostgreSQL")
        for row in _measure(spawner, folder / f"bulk-{kind}", kind, lines, many)
    ]
    spawner.close()
    return rows


def make_sheet(file: Path, lines: int, seed: int = 1) -> None:
    """Orders of a thousand customers."""
    chosen = random.Random(seed)
    with file.open("w", encoding="utf-8", newline="") as stream:
        stream.write(csv_text.line(COLUMNS))
        for _ in range(lines):
            customer = f"Customer {chosen.randint(1, 1000)} 有限公司"
            host = json.dumps([f"{chosen.getrandbits(160):040x}", f"node{chosen.randint(1, 999)}"])
            product = f"product-{chosen.randint(1, 3)}"
            fields = (customer, product, host, 365, "pro", "export train", "gpus=4")
            stream.write(csv_text.line(fields))


def _measure(spawner: Spawner, folder: Path, kind: str, lines: int, many: int) -> list[Row]:
    folder.mkdir()
    is_sqlite = kind == "SQLite"
    url = None if is_sqlite else new_database()
    plain = f"sqlite:///{folder}/plain.db" if is_sqlite else _driven(new_database())
    server.make(folder / "server", url)
    env = server.environment(folder / "server", url)
    del env["PYTHONDONTWRITEBYTECODE"]  # the first run compiles what the others find
    commands = {"ours": [sys.executable, "-m", "license_server", "import", "licenses"]}
    importer = [sys.executable, "-m", "tests.bench.plain_import", plain]

    def run(name: str, file: Path) -> Cost:
        line = [*commands["ours"], str(file)] if name == "ours" else [*importer, str(file), name]
        return spawner.run(line, env)

    def each(name: str, count: int, seed: int) -> Cost:
        """What a line takes."""
        few, file = folder / f"few-{name}-{seed}.csv", folder / f"{name}-{seed}.csv"
        make_sheet(few, 1, seed + 1_000)
        make_sheet(file, count, seed)
        start, whole = run(name, few), run(name, file)
        seconds = (whole.seconds - start.seconds) / count
        return Cost(seconds, whole.peak_kib, (whole.cpu - start.cpu) / count)

    found = [{name: each(name, lines, seed) for name in ("ours", *_WAYS)} for seed in range(TURNS)]
    rows = []
    for name, (called, goal) in _WAYS.items():
        ratios = [turn[name].seconds / turn["ours"].seconds for turn in found]
        ours, its = (sorted(turn[who].cpu for turn in found)[1] * 1e6 for who in ("ours", name))
        rate = 1 / sorted(turn["ours"].seconds for turn in found)[1]
        note = f"{rate:,.0f} a second; {ours:.0f} µs of its processor a line against {its:.0f}"
        what = f"import of {lines:,} licences from CSV against {called}, {kind}"
        rows.append(Row.of(what, ratios, goal, note))
    large = each("ours", many, TURNS)
    peaks = [large.peak_kib / turn["ours"].peak_kib for turn in found]
    note = f"{large.peak_kib / 1024:.0f} MiB with {many:,} lines"
    return [*rows, Row.of(f"its peak memory, {kind}", peaks, "flat", note)]


def _driven(url: str) -> str:
    """The *url* of a database, with the driver that is installed."""
    return url.replace("postgresql://", "postgresql+psycopg://", 1)
