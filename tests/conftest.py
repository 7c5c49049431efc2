"""Tests speak English, whatever this machine's language is, and ask the same each time."""

import gc
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from license_cli import language as client_language

os.environ["LC_ALL"] = "C.UTF-8"
# Chance is for the long campaigns: a test that fails fails again, however busy the machine is.
settings.register_profile(
    "steady",
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("steady")

# A shell that starts the tests in the background has them ignore these, and so would a guard.
for number, usual in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGQUIT, signal.SIG_DFL),
):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, usual)


@pytest.fixture(autouse=True)
def english_again() -> Iterator[None]:
    """A client that ran in this process in Chinese leaves no Chinese to the tests after it.

    It teaches click, too, which the server's commands use.
    """
    yield
    client_language.speak("en")


@pytest.fixture(autouse=True)
def process_as_before() -> Iterator[None]:
    """A command that ran in this process leaves no setting of it to the tests after it."""
    before = _process()
    yield
    assert _process() == before, "the test changed its process for those after it"


def _process() -> tuple[str, str, bool]:
    """What whoever writes files has, where that is, and whether loggers keep how they write."""
    status = Path("/proc/self/status").read_text("utf-8").splitlines()
    logs = sys.modules.get("structlog")
    is_kept = logs is not None and logs.get_config()["cache_logger_on_first_use"]
    return next(line for line in status if line.startswith("Umask")), str(Path.cwd()), is_kept


gc.disable()  # of what is collected nothing goes, and there is more and more to look through


def pytest_collection_finish() -> None:
    """From here on only what tests make is looked through."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A file's tests stay on one worker and in order, so that what fails fails again.

    What is long has a group of its own already, and begins first.
    """
    items.sort(key=lambda item: item.get_closest_marker("xdist_group") is None)
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.location[0]))
