"""A world for each test."""

import time
from collections import Counter
from pathlib import Path

import pytest

from tests.support import guards, pythons
from tests.support.cli import ELSEWHERE, NATIVE, OTHER, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def present(tmp_path: Path) -> World:
    """A world of today, for commands that run as processes."""
    return World(tmp_path, int(time.time()))


@pytest.fixture
def client(tmp_path: Path) -> guards.Client:
    return guards.Client(tmp_path)


@pytest.fixture
def watch() -> guards.Start:
    return guards.watch


_OF_THIS_PYTHON = ("a failure put", "functions of the client", "packages, and other Pythons")
"""How a reason begins for which a test is of the Python that runs it, whatever it is told."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Pass over what is of Python alone, or of this Python, where the tests are for another."""
    lacks_fetcher = OTHER and pythons.library(OTHER, "httpx") is None
    for item in items if NATIVE or OTHER else ():
        mark = item.get_closest_marker("python_only")
        why = mark.args[0] if mark else _of_a_command(item) if NATIVE else ""
        is_here = why.startswith(_OF_THIS_PYTHON) or (lacks_fetcher and why.startswith("fetching"))
        if why and (NATIVE or is_here):
            item.add_marker(pytest.mark.skip(f"of {'this ' if OTHER else ''}Python alone: {why}"))


def _of_a_command(item: pytest.Item) -> str:
    """That a test is given a command which the client without Python has not got; else empty."""
    call = getattr(item, "callspec", None)
    for value in call.params.values() if call else ():
        words = value if isinstance(value, list) else [value]
        for command in ELSEWHERE:
            if command in words:
                return f"{command}, which that client has not got"
    return ""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print which tests were passed over for another Python, or for none, and why."""
    told: Counter[tuple[str, str]] = Counter()
    for report in terminalreporter.stats.get("skipped", []):
        _, found, why = str(report.longrepr).partition(" Python alone: ")
        if found:
            told[report.nodeid.partition("[")[0], why.rstrip("')")] += 1
    if told:
        terminalreporter.section(f"tests of {'this Python' if OTHER else 'Python'} alone", "-")
        for (name, why), count in sorted(told.items()):
            terminalreporter.write_line(f"{name} ({count}): {why}")
        terminalreporter.write_line(f"{sum(told.values())} in all")
