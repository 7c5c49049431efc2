"""The command line as a whole: help, remedies, closed streams, usage errors."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from license_server.cli import main
from license_server.settings import ServerSettings
from tests.support import server
from tests.support.problems import exit_code
from tests.support.server import LINE
from tests.support.shell import command, run

ISSUE = ("issue", "--customer", "ACME", "--product", "darwin", "--host", LINE, "--days", "30")


def test_every_option_and_command_has_a_description() -> None:
    def parameters(command: click.Command) -> Iterator[click.Parameter]:
        assert command.help, command.name
        yield from command.params
        for one in getattr(command, "commands", {}).values():
            yield from parameters(one)

    for parameter in parameters(main.cli):
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name


@pytest.mark.parametrize("words", ["revocations shards", "keys reissue 0 -o"])
def test_folder_without_a_name_is_no_folder(words: str, data: Path) -> None:
    done = run(data, *words.split(), "")
    assert done.returncode == exit_code("usage")
    assert "It is empty" in done.stderr


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["product", "add", "--help"], []])
def test_pages_that_cannot_be_written_are_told_as_such(words: list[str], data: Path) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "license_server", *words],
            env=server.environment(data),
            cwd=server.REPOSITORY,
            stdout=full,
            stderr=subprocess.PIPE,
        )
    assert done.returncode == exit_code("output-failed")
    assert done.stderr.startswith(b"[E]: Cannot write to standard output: ")


def test_remedies_name_the_command_that_was_typed(data: Path, tmp_path: Path) -> None:
    script = Path(sys.executable).with_name("license-server")
    env = server.environment(data)
    del env["LICENSE_SERVER_DATA"]

    def said(command: str, *arguments: str, path: str = "/usr/bin") -> str:
        done = subprocess.run(
            [command, *arguments],
            env=env | {"PATH": path},
            cwd=script.parent.parent,
            capture_output=True,
            text=True,
        )
        assert done.returncode != 0
        return done.stderr

    here = f"bin/{script.name}"
    folder = ("--data", str(data))
    assert f"`{here} --data {data} token list`" in said(here, *folder, "token", "revoke", "nope")
    nobody = said(here, *folder, "user", "passwd", "nobody@example.com")
    assert f"`{here} --data {data} user add nobody@example.com --role ROLE`" in nobody
    assert f"`{here} --data {data} serve`" in said(here, *folder, "init")
    in_path = said(str(script), *folder, "issue", path=str(script.parent))
    assert f"`license-server --data {data} issue --help`" in in_path
    module = said(sys.executable, "-m", "license_server", "token", "create")
    assert f"`{sys.executable} -m license_server token create --help`" in module


def closing(data: Path, redirection: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """``license-server`` started by somebody who has closed a stream."""
    line = ["sh", "-c", f'exec "$@" {redirection}', "sh", sys.executable, "-m", "license_server"]
    environment = server.environment(data)
    return subprocess.run(
        [*line, *arguments], env=environment, cwd=server.REPOSITORY, capture_output=True, text=True
    )


@pytest.mark.parametrize(
    ("redirection", "arguments", "slug"),
    [
        ("<&-", [*ISSUE, "-o", "-", "--host", "-"], "input-invalid"),
        (">&-", [*ISSUE, "-o", "-"], "output-failed"),
        (">&-", ["token", "list"], None),
        (">&- 2>&-", ["token", "list"], None),
    ],
)
def test_closed_streams_are_handled_and_issue_nothing(
    data: Path, redirection: str, arguments: list[str], slug: str | None
) -> None:
    done = closing(data, redirection, *arguments)
    assert done.returncode == (exit_code(slug) if slug else 0), done.stderr
    assert "does not know" not in done.stderr
    stored = sqlite3.connect(data / "hostseal.db").execute("select count(*) from licenses")
    assert stored.fetchone() == (0,)


@pytest.mark.parametrize(
    "arguments", [["token", "revoke"], ["token", "create"], ["file", "-o", "-"]]
)
def test_non_utf8_names_are_rejected_cleanly(data: Path, arguments: list[str]) -> None:
    done = run(data, *arguments, os.fsdecode(b"\xff"))
    assert done.returncode in (
        exit_code("usage"),
        exit_code("input-invalid"),
        exit_code("not-found"),
    )
    assert "does not know" not in done.stderr


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["issue"], ["serve", "--port", "x"], ["token", "create"]]
)
def test_usage_errors_point_to_help(tmp_path: Path, arguments: list[str]) -> None:
    done = run(tmp_path / "server", *arguments)
    assert done.returncode == exit_code("usage")
    assert "--help" in done.stderr


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("TIME_ZONE", "Mars", "it is not a time zone such as Asia/Shanghai or UTC"),
        ("TIME_ZONE", "../zoneinfo/UTC", "it is not a time zone such as Asia/Shanghai or UTC"),
        ("OPENID_ROLES", "{licensing: issuer}", "it is not JSON"),
        ("SESSION_HOURS", "0", "Input should be greater than or equal to 1"),
        ("SESSION_HOURS", "9" * 30, "Input should be less than or equal to"),
        ("CHECKPOINT_MINUTES", "9" * 30, "Input should be less than or equal to"),
        ("METRICS_FROM", "10.0.0.300", "'10.0.0.300' does not appear to be an IPv4"),
    ],
)
def test_wrong_setting_is_refused_by_its_name(
    tmp_path: Path, name: str, value: str, reason: str
) -> None:
    code, said = command(tmp_path, "fsck", **{f"LICENSE_SERVER_{name}": value})
    assert code == exit_code("input-invalid")
    assert f"[E]: LICENSE_SERVER_{name}: {reason}" in said


@pytest.mark.parametrize("value", ["Asia/Shanghai", " Asia/Shanghai\r", '"Asia/Shanghai"'])
def test_time_zone_may_be_typed_with_blanks_and_quotes(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("LICENSE_SERVER_TIME_ZONE", value)
    assert ServerSettings.read().time_zone == "Asia/Shanghai"


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("TIMEZONE", "UTC", "Did you mean LICENSE_SERVER_TIME_ZONE?"),
        ("DATABSE", "x", "Did you mean LICENSE_SERVER_DATABASE?"),
        ("passphrase_flie", "x", "Did you mean LICENSE_SERVER_PASSPHRASE_FILE?"),
        ("WORKERS", "4", "docs/RUNNING.md lists the settings."),
        ("time_zone", "UTC", ""),
        # What Kubernetes gives every pod beside a service `license-server`.
        ("SERVICE_HOST", "10.96.0.7", ""),
        ("SERVICE_PORT_HTTP", "8080", ""),
        ("PORT", "tcp://10.96.0.7:8080", ""),
        ("PORT_8080_TCP_ADDR", "10.96.0.7", ""),
    ],
)
def test_misspelt_setting_is_reported_and_the_nearest_is_named(
    tmp_path: Path, name: str, value: str, told: str
) -> None:
    _, said = command(tmp_path, "fsck", **{f"LICENSE_SERVER_{name}": value})
    assert (f"LICENSE_SERVER_{name} is not a setting; it is ignored." in said) is bool(told)
    assert told in said


def test_postgresql_url_without_its_driver_names_the_extra_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    url = "postgresql://hostseal:secret@db/hostseal"
    code, said = command(tmp_path, "init", LICENSE_SERVER_DATABASE=url)
    assert code == exit_code("input-invalid")
    assert "pip install 'hostseal[postgresql]'" in said
    assert "secret" not in said
