"""Whole processes, against an interpreter that only imports what a check cannot do without."""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from tests.bench.site import Site
from tests.bench.table import Row

CLI = Path(__file__).resolve().parents[2] / "cmd" / "cli.py"
BASE = (
    "import click, netifaces\n"
    "from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey\n"
)
COMMANDS = ("verify", "get_host_key")
GOALS = {"verify": 1.25, "get_host_key": 1.0}
MEMORY_GOAL = 1.15


class Cost(NamedTuple):
    """What one process took."""

    seconds: float
    peak_kib: int


def measure(site: Site, caches: Path, runs: int) -> list[Row]:
    """*runs* turns of base, verify, get_host_key, one after the other; medians of their ratios."""
    client = [sys.executable, str(CLI), "--conf", str(site.conf), "--keys", str(site.keys)]
    client += ["--root", str(site.host)]
    lines = {name: [*client, name] for name in COMMANDS}
    lines["base"] = [sys.executable, "-c", BASE]
    for line in lines.values():  # compiles what is not compiled yet, and writes the memory
        _run(line, caches)
    costs: dict[str, list[Cost]] = {name: [] for name in lines}
    for _ in range(runs):
        for name, line in lines.items():
            costs[name].append(_run(line, caches))
    base = costs.pop("base")
    rows = []
    for name, found in costs.items():
        times = [cost.seconds / b.seconds for cost, b in zip(found, base, strict=True)]
        peaks = [cost.peak_kib / b.peak_kib for cost, b in zip(found, base, strict=True)]
        median_ms = statistics.median(cost.seconds for cost in found) * 1000
        rows.append(
            Row.of(f"`{name}`, time of a process", times, f"≤ {GOALS[name]}", f"{median_ms:.0f} ms")
        )
        mib = statistics.median(cost.peak_kib for cost in found) / 1024
        rows.append(Row.of(f"`{name}`, peak memory", peaks, f"≤ {MEMORY_GOAL}", f"{mib:.1f} MiB"))
    return rows


def _run(line: list[str], caches: Path) -> Cost:
    # Compiled modules, as an installed client has them, wherever this checkout may be written.
    environment = {"PATH": os.defpath, "PYTHONPYCACHEPREFIX": str(caches), "LC_ALL": "C.UTF-8"}
    started = time.perf_counter()
    process = subprocess.Popen(
        line,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{line} ended with {process.returncode}")
    return Cost(seconds, usage.ru_maxrss)
