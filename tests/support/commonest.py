"""The commonest tests of the client, for whatever else runs it: another Python, or none.

All of them are run by ``make test-client OTHER=3.8`` and ``make test-native``.
"""

import os
import subprocess
import sys

from tests.support.cli import REPOSITORY

TESTS = (
    "test_verify.py",
    "test_show.py",
    "test_request.py",
    "test_get_host_key.py::test_pin_declares_the_present_address_only_and_the_environment_counts_before",
    "test_made_anew.py::test_site_adds_a_machine_once_and_refuses_what_is_no_machine_id",
    "test_install.py::test_installed_files_keep_owner_and_mode_under_any_umask",
    "test_guard.py::test_guard_exits_with_the_exit_code_of_the_program",
    "test_process.py::test_verify_succeeds_with_all_streams_closed",
)


def run(**environment: str) -> "subprocess.CompletedProcess[str]":
    """Run them for what *environment* names."""
    line = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not torture"]
    return subprocess.run(
        [*line, *(f"tests/cli/{name}" for name in TESTS)],
        cwd=REPOSITORY,
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )
