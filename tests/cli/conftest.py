"""A world for each test."""

import time
from pathlib import Path

import pytest

from tests.support import guards
from tests.support.cli import World


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
