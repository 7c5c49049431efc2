"""``serve``: what it needs, and addresses it cannot use."""

import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from license_server.operations import data_folder, schema
from tests.support import server, softhsm
from tests.support.problems import exit_code
from tests.support.server import LINE
from tests.support.shell import run

ISSUE = ("issue", "--customer", "ACME", "--product", "darwin", "--host", LINE, "--days", "30")


def _no_server(data: Path) -> None:
    (data / "root.pub.pem").unlink()


def _older(data: Path) -> None:
    with sqlite3.connect(data / "hostseal.db") as connection:
        connection.execute("update alembic_version set version_num = '9999'")


def _no_database(data: Path) -> None:
    (data / "hostseal.db").write_bytes(b"this is no database" * 100)


def _no_signing_key(data: Path) -> None:
    (data / "keys" / "signing.key.pem").unlink()


def _open_signing_key(data: Path) -> None:
    (data / "keys" / "signing.key.pem").write_text("no key\n")


def _other_root(data: Path) -> None:
    other = server.make(data.with_name("other")).root_pub_pem
    (data / "root.pub.pem").write_bytes(other.read_bytes())


def _broken_root(data: Path) -> None:
    (data / "root.pub.pem").write_text("no key\n")


@pytest.mark.parametrize(
    ("damage", "slug"),
    [
        (_no_server, "not-initialised"),
        (_older, "schema-newer"),
        (_no_database, "database-unavailable"),
        pytest.param(_no_signing_key, "signer-unavailable", marks=softhsm.about_key_files),
        pytest.param(_open_signing_key, "signer-unavailable", marks=softhsm.about_key_files),
        (_other_root, "signer-unavailable"),
        (_broken_root, "trusted-key-invalid"),
    ],
)
def test_serve_reports_what_is_missing_from_a_damaged_server(
    data: Path, damage: Callable[[Path], None], slug: str
) -> None:
    damage(data)
    done = run(data, "serve", "--port", "0")
    assert done.returncode == exit_code(slug), done.stderr
    assert done.stderr.startswith("[E]: ")


def test_issue_works_without_the_private_root_key(data: Path) -> None:
    (data / "keys" / "root.key.pem").unlink()
    assert run(data, *ISSUE, "-o", "-").returncode == 0


def test_serve_upgrades_its_database_first_where_it_is_told_to(data: Path) -> None:
    database = data_folder.open_database(server.settings(data))
    database.write(lambda c: schema.downgrade(c, "0020"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = ("--port", str(taken.getsockname()[1]))
        assert run(data, "serve", *port).returncode == exit_code("schema-outdated")
        assert run(data, "serve", "--upgrade", *port).returncode == exit_code("address-in-use")
    assert database.read(schema.found) == schema.current()
    database.close()


def test_serve_reports_a_port_in_use(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run(data, "serve", "--port", str(taken.getsockname()[1]))
    assert done.returncode == exit_code("address-in-use")


@pytest.mark.parametrize("host", ["no such host", "192.0.2.1", os.fsdecode(b"\xff")])
def test_serve_reports_a_foreign_host_address_as_such(data: Path, host: str) -> None:
    done = run(data, "serve", "--host", host, "--port", "0")
    assert done.returncode == exit_code("input-invalid"), done.stderr
    assert "[E]: --host: " in done.stderr
    assert "port" not in done.stderr


def test_serve_exits_cleanly_when_its_url_cannot_be_printed(data: Path) -> None:
    line = [sys.executable, "-m", "license_server", "serve", "--port", "0"]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            line,
            env=server.environment(data),
            cwd=server.REPOSITORY,
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=120,
        )
    assert done.returncode == exit_code("output-failed")
    assert done.stderr.startswith(b"[E]: Cannot write to standard output"), done.stderr
