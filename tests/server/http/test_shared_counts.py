"""What several processes count together is cleared away, however they end."""

import subprocess
import sys
from pathlib import Path

from tests.support.waiting import until

COUNTS = """
import os, sys
from license_server.http import shared_counts
with shared_counts.counting_together():
    print(os.environ["PROMETHEUS_MULTIPROC_DIR"], flush=True)
    if sys.argv[1] == "forks" and os.fork() == 0:
        os.close(1)
        sys.stdin.read()
        os._exit(0)
    if sys.argv[1] != "ends":
        os.kill(os.getpid(), 9)
"""


def counted(how: str, **more: int) -> Path:
    """The folder in which a process counted that then *how* ended."""
    line = [sys.executable, "-c", COUNTS, how]
    return Path(subprocess.run(line, stdout=subprocess.PIPE, text=True, **more).stdout.strip())  # type: ignore[call-overload]


def test_what_a_killed_process_counted_is_cleared_when_another_begins() -> None:
    left = counted("is killed")
    assert left.is_dir()
    assert not counted("ends").exists()
    assert not left.exists()


def test_what_a_process_counts_whose_parent_was_killed_stays_until_it_ends() -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as held:
        assert held.stdout is not None
        left = counted("forks", stdin=held.stdout.fileno())
        counted("ends")
        assert left.is_dir()
        assert held.stdin is not None
        held.stdin.close()
    until(lambda: counted("ends") and not left.exists())
