"""Whole processes, against an interpreter that does nothing, and one that imports libraries."""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tests.bench.site import Site
from tests.bench.table import Row
from tests.support import native_client, onefile, server

CLI = Path(__file__).resolve().parents[2] / "cmd" / "cli.py"
BASE = (
    "import click, netifaces\n"
    "from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey\n"
)
COMMANDS = ("verify", "get_host_key", "doctor")
GOALS = {"verify": 1.25, "get_host_key": 1.0, "doctor": 2.5}
BARE_GOALS = {"verify": "≤ 3.0", "get_host_key": "≤ 2.2"}
MEMORY_GOALS = {"verify": "≤ 1.15", "get_host_key": "≤ 1.15", "doctor": "first figure"}
BARE = [sys.executable, "-c", "pass"]
STARTS = {"hostseal.pyz verify": "≤ 4", "native/hostseal verify": "≤ 0.6"}
"""What is compared with a bare interpreter, and its goals."""
SERVER = {"--help": "≤ 10", "product list": "≤ 10"}
"""Commands of the server, and their goals, against a bare interpreter."""


class Cost(NamedTuple):
    """What one process took."""

    seconds: float
    peak_kib: int
    cpu: float
    """Seconds of processor time."""


def measure(site: Site, caches: Path, runs: int) -> list[Row]:
    """*runs* turns of each command and base, one after the other; medians of their ratios."""
    client = [sys.executable, str(CLI), "--conf", str(site.conf), "--keys", str(site.keys)]
    client += ["--root", str(site.host)]
    lines = {name: [*client, name] for name in COMMANDS}
    lines["base"] = [sys.executable, "-c", BASE]
    lines["bare"] = BARE
    spawner = Spawner(caches)
    for line in lines.values():  # compiles what is not compiled yet, and writes the memory
        spawner.run(line)
    costs: dict[str, list[Cost]] = {name: [] for name in lines}
    for _ in range(runs):
        for name, line in lines.items():
            costs[name].append(spawner.run(line))
    spawner.close()
    base, bare = costs.pop("base"), costs.pop("bare")
    rows = []
    for name, found in costs.items():
        times = [cost.seconds / b.seconds for cost, b in zip(found, base, strict=True)]
        peaks = [cost.peak_kib / b.peak_kib for cost, b in zip(found, base, strict=True)]
        median_ms = statistics.median(cost.seconds for cost in found) * 1000
        rows.append(
            Row.of(f"`{name}`, time of a process", times, f"≤ {GOALS[name]}", f"{median_ms:.0f} ms")
        )
        mib = statistics.median(cost.peak_kib for cost in found) / 1024
        rows.append(Row.of(f"`{name}`, peak memory", peaks, MEMORY_GOALS[name], f"{mib:.1f} MiB"))
        if name not in BARE_GOALS:
            continue
        times = [cost.seconds / b.seconds for cost, b in zip(found, bare, strict=True)]
        peaks = [cost.peak_kib / b.peak_kib for cost, b in zip(found, bare, strict=True)]
        of_bare = f"`{name}` against `python -c pass`"
        rows.append(Row.of(f"{of_bare}, time", times, BARE_GOALS[name], f"{median_ms:.0f} ms"))
        rows.append(Row.of(f"{of_bare}, peak memory", peaks, "≤ 14 MiB", f"{mib:.1f} MiB"))
    return rows


def measure_starts(site: Site, caches: Path, runs: int) -> list[Row]:
    """*runs* turns of each of STARTS and of a bare interpreter; medians of their ratios."""
    places = ["--conf", str(site.conf), "--keys", str(site.keys), "--root", str(site.host)]
    programs = {"hostseal.pyz": [sys.executable, str(onefile.kept())]}
    if native_client.is_buildable():
        programs["native/hostseal"] = [str(native_client.kept().plain)]
    spawner = Spawner(caches)
    rows = []
    for name, goal in STARTS.items():
        program, command = name.split()
        if program not in programs:
            continue  # Go is missing
        line = [*programs[program], *places, command]
        spawner.run(line)  # writes the memory
        costs = [(spawner.run(line), spawner.run(BARE)) for _ in range(runs)]
        times = [cost.seconds / bare.seconds for cost, bare in costs]
        median_ms = statistics.median(cost.seconds for cost, _ in costs) * 1000
        mib = statistics.median(cost.peak_kib for cost, _ in costs) / 1024
        note = f"{median_ms:.0f} ms, {mib:.1f} MiB"
        rows.append(Row.of(f"`{name}` against a bare interpreter", times, goal, note))
    spawner.close()
    return rows


def measure_server(folder: Path, caches: Path, runs: int) -> list[Row]:
    """*runs* turns of each command of SERVER and of a bare interpreter; medians of their ratios."""
    data = server.make(folder / "commands" / "server").data
    spawner = Spawner(caches)
    rows = []
    for command, goal in SERVER.items():
        line = [sys.executable, "-m", "license_server", "--data", str(data), *command.split()]
        spawner.run(line)
        costs = [(spawner.run(line), spawner.run(BARE)) for _ in range(runs)]
        times = [cost.seconds / bare.seconds for cost, bare in costs]
        median_ms = statistics.median(cost.seconds for cost, _ in costs) * 1000
        what = f"`license-server {command}` against a bare interpreter"
        rows.append(Row.of(what, times, goal, f"{median_ms:.0f} ms"))
    spawner.close()
    return rows


class Spawner:
    """The small process that starts those that are measured."""

    def __init__(self, caches: Path) -> None:
        # Compiled modules, as an installed client has them, wherever this checkout may be written.
        self._env = {"PATH": os.defpath, "PYTHONPYCACHEPREFIX": str(caches), "LC_ALL": "C.UTF-8"}
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(__file__).with_name("spawner.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, line: list[str], env: Mapping[str, str] | None = None) -> Cost:
        """What the command *line* costs, with more variables in *env*; it must end with 0."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        task = {"line": line, "env": {**(env or {}), **self._env}}
        self._process.stdin.write(json.dumps(task) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if not isinstance(answer, list):
            raise RuntimeError(f"{line} ended with {answer}")
        return Cost(*answer)

    def close(self) -> None:
        """Let the process end."""
        self._process.communicate()
