"""One Docker engine for the session, and a clean one for each test."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from typing import NoReturn

import pytest

from tests.containers.engine import Engine, EngineUnavailableError, missing_here, running_engine


@pytest.fixture(scope="session")
def session_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The engine; where there is none, skips with what to install, and fails if CI=true.

    Whoever uses it belongs on one worker: `pytestmark = pytest.mark.xdist_group("docker")`.
    """
    reason = missing_here()
    if reason is not None:
        _cannot_run(reason)
    with ExitStack() as stack:
        try:
            engine = stack.enter_context(running_engine(tmp_path_factory.mktemp("docker")))
        except EngineUnavailableError as error:
            _cannot_run(f"{error}; it needs root that may mount and make network namespaces")
        yield engine


@pytest.fixture
def engine(session_engine: Engine) -> Iterator[Engine]:
    """The session's engine, emptied of the test's containers, networks and images afterwards."""
    yield session_engine
    session_engine.clear()


def _cannot_run(reason: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
