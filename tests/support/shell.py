"""Runs ``license-server`` in the test's process."""

import subprocess
from pathlib import Path

from tests.support import server
from tests.support.server import PASSPHRASE


def command(data: Path, *arguments: str, **env: str | None) -> tuple[int, str]:
    """``license-server`` in this process: its exit code and what it said on standard error."""
    given: dict[str, str | None] = {"LICENSE_SERVER_PASSPHRASE": server.PASSPHRASE}
    done = server.at_once("--data", str(data), *arguments, env=given | env)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def run(data: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    done = server.at_once(*arguments, env=server.environment(data) | env)
    assert "Traceback" not in done.stderr + done.stdout
    assert PASSPHRASE not in done.stderr + done.stdout
    return done
