"""Runs ``license-server`` in the test's process."""

import subprocess
from pathlib import Path

from click.testing import CliRunner

from license_server.cli import main
from tests.support import server
from tests.support.server import PASSPHRASE


def command(data: Path, *arguments: str, **env: str | None) -> tuple[int, str]:
    """``license-server`` in this process: its exit code and what it said on standard error."""
    given: dict[str, str | None] = {"LICENSE_SERVER_PASSPHRASE": server.PASSPHRASE}
    with CliRunner().isolation(env=given | env) as streams:
        code = main.main(["--data", str(data), *arguments])
        said = streams[1].getvalue().decode()
    assert "Traceback" not in said
    return code, said


def run(data: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    done = server.at_once(*arguments, env=server.environment(data) | env)
    assert "Traceback" not in done.stderr + done.stdout
    assert PASSPHRASE not in done.stderr + done.stdout
    return done
