"""``make serve``: a server to try out."""

import os
import socket
import subprocess
import sys
from pathlib import Path

from license_server.http.errors import AddressInUseError
from tests.support.cli import REPOSITORY


def test_taken_port_is_reported_before_the_log_in_hint(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "examples/try_server.py", tmp_path / ".vendor"],
            env={"PATH": os.environ["PATH"], "PORT": str(port)},
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
        )
    assert done.returncode == AddressInUseError.row.exit_code
    assert f"[E]: Port {port} is taken." in done.stderr
    assert " make serve`" in done.stderr
    assert "Log in as" not in done.stdout
