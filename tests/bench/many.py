"""Acts on many licences (``many renew``, ``keys reissue``), against importing as many.

Each is a process of its own; what a renewal of one licence takes is subtracted, by processor time.
"""

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

from license_server.sheets import csv_text
from tests.bench.processes import Cost, Spawner
from tests.bench.table import Row
from tests.support import server
from tests.support.postgres import new_database

COUNT, TURNS = 5_000, 3
"""So many licences may be chosen at once."""
COLUMNS = ("customer", "product", "host", "days", "edition", "features")


def measure(folder: Path, count: int = COUNT) -> list[Row]:
    """Both databases; ratios of processor time a licence."""
    spawner = Spawner(folder / "caches")
    rows = [
        row
        for kind in ("SQLite", "PostgreSQL")
        for row in _measure(spawner, folder / f"many-{kind}", kind, count)
    ]
    spawner.close()
    return rows


def _measure(spawner: Spawner, folder: Path, kind: str, count: int) -> list[Row]:
    folder.mkdir()
    url = None if kind == "SQLite" else new_database()
    server.make(folder / "server", url)
    env = server.environment(folder / "server", url)
    del env["PYTHONDONTWRITEBYTECODE"]  # the first run compiles what the others find
    command = [sys.executable, "-m", "license_server"]

    def run(*words: str) -> Cost:
        return spawner.run([*command, *words], env)

    def told(*words: str) -> str:
        done = subprocess.run([*command, *words], env=env, capture_output=True, check=True)
        return done.stdout.decode()

    def renewed(product: str) -> Cost:
        return run("many", "renew", "--product", product, "--days", "90", "--yes")

    found: dict[str, list[Cost]] = {"import": [], "renewal": [], "reissue": []}
    for turn in range(TURNS):
        one, many = (folder / f"{name}-{turn}.csv" for name in ("one", "many"))
        _make_sheet(one, f"one-{turn}", 1)
        _make_sheet(many, f"many-{turn}", count)
        run("import", "licenses", str(one))
        start = renewed(f"one-{turn}")
        whole = {
            "import": run("import", "licenses", str(many)),
            "renewal": renewed(f"many-{turn}"),
        }
        kid = re.findall(r"^(\S{43})  active", told("keys", "list"), re.MULTILINE)[-1]
        told("keys", "leaked", kid, "--yes")
        out = folder / f"out-{turn}"
        whole["reissue"] = run("keys", "reissue", kid, "-o", str(out))
        with (out / "licenses.csv").open(encoding="utf-8", newline="") as stream:
            again = sum(1 for _ in csv.DictReader(stream))
        for name, cost in whole.items():
            each = again if name == "reissue" else count
            cpu = (cost.cpu - start.cpu) / each
            seconds = (cost.seconds - start.seconds) / each
            found[name].append(Cost(seconds, cost.peak_kib, cpu))
    rows = []
    for name in ("renewal", "reissue"):
        ratios = [
            one.cpu / base.cpu for one, base in zip(found[name], found["import"], strict=True)
        ]
        ours, base = (sorted(one.cpu for one in found[of])[1] * 1e6 for of in (name, "import"))
        peak = max(one.peak_kib for one in found[name]) / 1024
        note = f"{ours:.0f} µs of its processor a licence against {base:.0f}; {peak:.0f} MiB"
        with_files = ", with files and letters" if name == "reissue" else ""
        what = f"{name} of {count:,} licences{with_files}, against importing them, {kind}"
        rows.append(Row.of(what, ratios, "first figure", note))
    return rows


def _make_sheet(file: Path, product: str, lines: int) -> None:
    """Orders of ninety customers, for a host each."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        stream.write(csv_text.line(COLUMNS))
        for n in range(lines):
            host = json.dumps([f"{n:040x}", f"box-{n}"])
            fields = (f"Fleet {n % 90}", product, host, 300, "pro", "export train")
            stream.write(csv_text.line(fields))
