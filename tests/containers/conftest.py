"""One Docker and one podman for the session, and a clean one for each test."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.support.chromium import launched
from tests.support.cli import World
from tests.support.containers import docker, podman
from tests.support.containers.engine import Engine, EngineUnavailableError
from tests.support.machine import Machine, started
from tests.support.need import need


@pytest.fixture(scope="session")
def session_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Docker; where there is none, skips with what to install, and fails if CI=true.

    Whoever uses it belongs on one worker: `pytestmark = pytest.mark.xdist_group("docker")`.
    """
    home = tmp_path_factory.mktemp("docker")
    yield from _running("Docker", docker.missing_here(), docker.running_docker, home)


@pytest.fixture
def engine(session_engine: Engine) -> Iterator[Engine]:
    """The session's Docker, emptied of the test's containers, networks and images afterwards."""
    yield session_engine
    session_engine.clear()


@pytest.fixture(scope="session")
def session_podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """podman, as `session_engine` is Docker."""
    home = tmp_path_factory.mktemp("podman")
    yield from _running("podman", podman.missing_here(), podman.running_podman, home)


@pytest.fixture
def podman_engine(session_podman: Engine) -> Iterator[Engine]:
    """The session's podman, emptied of the test's containers, networks and images afterwards."""
    yield session_podman
    session_podman.clear()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


def _running(
    name: str,
    missing: str | None,
    start: Callable[[Path], AbstractContextManager[Engine]],
    home: Path,
) -> Iterator[Engine]:
    if missing is not None:
        need(name, missing)
    with ExitStack() as stack:
        try:
            engine = stack.enter_context(start(home))
        except EngineUnavailableError as error:
            need(name, f"{error}; it needs root that may mount and make network namespaces")
        yield engine


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A vendor, and the product's folders."""
    return World(tmp_path / "real", now=int(time.time()))


@pytest.fixture
def machine(world: World) -> Iterator[Machine]:
    """A bare machine with nothing but loopback; skips where none can be made."""
    with ExitStack() as stack:
        yield started(stack, world)
