"""``token`` and ``user``: created, listed, revoked."""

import subprocess
import sys
from pathlib import Path

from tests.support import server
from tests.support.problems import exit_code
from tests.support.shell import run


def test_token_create_fails_when_the_token_cannot_be_printed(data: Path) -> None:
    line = [sys.executable, "-m", "license_server", "token", "create", "ci"]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            line,
            env=server.environment(data),
            cwd=server.REPOSITORY,
            stdout=full,
            stderr=subprocess.PIPE,
        )
    assert done.returncode == exit_code("output-failed")
    assert b"Exception" not in done.stderr


def test_tokens_are_created_listed_and_revoked(data: Path) -> None:
    made = run(data, "token", "create", "ci").stdout.strip()
    listed = run(data, "token", "list").stdout
    assert "ci" in listed
    assert made.split("_", 2)[2] not in listed
    assert made.split("_", 2)[2].encode() not in (data / "hostseal.db").read_bytes()
    assert run(data, "token", "create", "ci").returncode == exit_code("name-taken")
    assert run(data, "token", "revoke", "ci").returncode == 0
    assert run(data, "token", "revoke", "ci").returncode == exit_code("not-found")


def test_users_are_added_and_given_passwords(data: Path) -> None:
    given = {"LICENSE_SERVER_ADMIN_PASSWORD": "another password"}
    assert run(data, "user", "add", "Second@Example.com", **given).returncode == 0
    again = run(data, "user", "add", "second@example.com", **given)
    assert again.returncode == exit_code("input-invalid")
    assert run(data, "user", "passwd", "second@example.com", **given).returncode == 0
    nobody = run(data, "user", "passwd", "nobody@example.com", **given)
    assert nobody.returncode == exit_code("not-found")
