"""No file of up to 1 MiB costs the client more than a second, or 64 MB."""

import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from license_core.problems import PROBLEMS
from tests.support import hosts
from tests.support.cli import CLI, PROGRAM, World, code
from tests.support.hostile_files import HostileFile, chosen, special
from tests.support.measured import Cost, Runner

COUNT = 500
SECONDS = 20
"""Of processor time that a process may have before it is killed."""
TIMES = 8
"""How much more than a good file a hostile one may cost: less than a second where it costs 0.12."""
PEAK = 64 * 1024
"""In KiB."""
EVERY = 4
"""Of the special files one in so many is read in the suite."""
CODES = {row.exit_code for row in PROBLEMS.values() if row.slug != "internal-error"} | {0}
MEMORY_EXHAUSTED = code("memory-exhausted")


@pytest.fixture
def machine(tmp_path: Path) -> World:
    """A host that is a bare machine: all signs of a container are looked for."""
    world = World(tmp_path / "machine")
    hosts.container(world.host, container_id=None)
    return furnished(world)


@pytest.fixture
def container(tmp_path: Path) -> World:
    return furnished(World(tmp_path / "container"))


def furnished(world: World) -> World:
    hosts.evidence(world.host)
    world.put()
    return world


@contextmanager
def standing(world: World, file: HostileFile) -> Iterator[list[str]]:
    """With the file in its place: the arguments of a command that reads it."""
    path = world.folder / file.path
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.read_bytes() if path.exists() else None
    path.write_bytes(file.data)
    try:
        arguments = [str(path) if word == file.path else word for word in file.command]
        yield [*world.options(), *arguments]
    finally:
        path.unlink()
        if before is not None:
            path.write_bytes(before)


LIMITED = """
import contextlib, json, os, resource, sys
sys.path.insert(0, sys.argv[1])
resource.setrlimit(resource.RLIMIT_CPU, (60, 61))  # two are needed
from license_cli import app
from license_cli.commands import doctor, install, verify
from license_core import details, intake, parcel, revocation_check, roots, update
import csv, email, email.parser, html, tomllib
for line in sys.stdin:
    words = json.loads(line)
    with open("/proc/self/statm") as file:
        size = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + (64 << 20), resource.RLIM_INFINITY))
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        with contextlib.redirect_stderr(nowhere):
            code = app.main(words, 1800000001, os.path.dirname(words[1]))
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    print(code, flush=True)
"""
"""Commands in one process, each with 64 MiB more than what it had before."""


@pytest.mark.python_only("functions of the client in Python")
def test_some_hostile_files_end_in_a_problem_within_64_mib(container: World) -> None:
    reader = subprocess.Popen(
        [sys.executable, "-c", LIMITED, str(CLI.parents[1])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert reader.stdin is not None
    assert reader.stdout is not None
    wrong = []
    for file in list(special(container))[::EVERY]:
        with standing(container, file) as words:
            reader.stdin.write(json.dumps(words) + "\n")
            reader.stdin.flush()
            ended = int(reader.stdout.readline())
        if ended not in CODES - {MEMORY_EXHAUSTED}:
            wrong.append((ended, file.path, file.kind))
    reader.communicate()
    assert wrong == []


@pytest.mark.torture
def test_500_hostile_files_cost_less_than_a_second_and_64_mb(
    container: World, machine: World
) -> None:
    found: list[tuple[Cost, HostileFile]] = []
    with Runner(SECONDS) as runner:
        plain = [run(runner, [*container.options(), "verify"]) for _ in range(5)]
        seconds = statistics.median(one.seconds for one in plain)
        for file in chosen(container, COUNT):
            for world in (container, machine) if "proc/self/" in file.path else (container,):
                with standing(world, file) as words:
                    cost = run(runner, words)
                    for _ in range(3):  # others use this machine, too
                        if cost.seconds > TIMES * seconds:
                            cost = min(cost, run(runner, words), key=lambda one: one.seconds)
                found.append((cost, file))
    print(f"\na good file: {_told(plain[0]._replace(seconds=seconds))}")
    for what in ("seconds", "peak"):
        print(f"the ten with most {what} of {len(found)}:")
        for cost, file in sorted(found, key=lambda one: -getattr(one[0], what))[:10]:
            print(f"{_told(cost)}: {file.path}, {file.kind}")
    assert [
        (*cost, file.path, file.kind)
        for cost, file in found
        if cost.exit_code not in CODES or cost.seconds > TIMES * seconds or cost.peak > PEAK
    ] == []


def run(runner: Runner, words: list[str]) -> Cost:
    return runner.run(*PROGRAM, *words)


def _told(cost: Cost) -> str:
    return f"{cost.seconds:.2f} s, {cost.peak / 1024:.0f} MiB"
