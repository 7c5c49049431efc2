"""Tests speak English, whatever this machine's language is, and ask the same each time."""

import gc
import os
import signal
from collections.abc import Iterator

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
