"""The shell shows what an action would do before it is done, and asks who is at the terminal."""

import re
import sqlite3
import sys
from pathlib import Path

import pytest

from tests.support import server, terminal
from tests.support.problems import exit_code
from tests.support.server import LINE, REPOSITORY
from tests.support.shell import run

ORDER = ("issue", "--customer", "ACME", "--product", "darwin", "--days", "30", "--host", LINE)
OTHER_LINE = LINE.replace("5591", "6602")


def issued(data: Path, *arguments: str) -> str:
    """The number of the licence that a command issues."""
    done = run(data, *arguments, "-o", "-")
    assert done.returncode == 0, done.stderr
    found = re.search(r"HS-[0-9]{4}-[0-9A-Z]{8}", done.stderr)
    assert found
    return found[0]


def at_terminal(data: Path, answer: bytes, *arguments: str) -> tuple[int, str]:
    """A command of the server at a terminal, where somebody types *answer*."""
    line = [sys.executable, "-m", "license_server", *arguments]
    return terminal.answered(line, answer, server.environment(data), REPOSITORY)


def numbers(data: Path) -> list[str]:
    rows = sqlite3.connect(data / "hostseal.db").execute("select number from licenses order by id")
    return [number for (number,) in rows]


def test_who_says_no_at_the_preview_issues_nothing(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "license.dat"
    code, said = at_terminal(data, b"n\n", *ORDER, "--limit", "gpus=4", "-o", str(out))
    assert (code, out.exists(), numbers(data)) == (130, False, []), said
    assert re.search(r"Customer +ACME\r\n", said)
    assert re.search(r"Limits +gpus=4\r\n", said)
    assert said.index("first licence for ACME") < said.index("Issue it? [y/N]")


def test_who_says_yes_at_the_preview_gets_the_file_and_reads_each_notice_once(
    data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "license.dat"
    first = issued(data, *ORDER, "--feature", "export")
    line = ("change", first, "--feature", "train", "-o", str(out))
    code, said = at_terminal(data, b"y\n", *line)
    assert (code, out.exists()) == (0, True), said
    assert re.search(r"Features +export → train\r\n", said)
    assert said.count("grants less") == 1
    assert said.index("grants less") < said.index("Issue it?")


def test_yes_asks_nothing(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "license.dat"
    code, said = at_terminal(data, b"", *ORDER, "--yes", "-o", str(out))
    assert (code, out.exists()) == (0, True), said
    assert "[y/N]" not in said


@pytest.mark.parametrize(
    ("act", "differs"),
    [
        (("renew", "--days", "400"), r"Last day +[\d-]+ \(UTC\) → [\d-]+ \(UTC\)\n"),
        (("rehost", "--reason", "x", "--host", OTHER_LINE), r"Host key +(\w{40}) → (?!\1)\w{40}\n"),
        (("change", "--limit", "gpus=2"), r"Limits +none → gpus=2\n"),
    ],
    ids=["renew", "rehost", "change"],
)
def test_dry_run_says_what_differs_and_issues_nothing(
    data: Path, act: tuple[str, ...], differs: str
) -> None:
    first = issued(data, *ORDER)
    name, *options = act
    done = run(data, name, first, *options, "--dry-run", LICENSE_SERVER_PASSPHRASE="")
    assert done.returncode == 0, done.stderr
    assert re.search(differs, done.stdout), done.stdout
    assert re.search(r"Customer +ACME\n", done.stdout)
    assert numbers(data) == [first]


def test_dry_run_ends_as_the_command_would_where_it_is_refused(data: Path) -> None:
    run(data, "product", "add", "darwin", "--longest-days", "10")
    done = run(data, *ORDER, "--dry-run")
    assert done.returncode == exit_code("term-too-long"), done.stderr
    assert "Customer" in done.stdout


def test_without_output_the_command_says_what_is_missing(data: Path) -> None:
    done = run(data, *ORDER)
    assert done.returncode == exit_code("usage")
    assert "Missing option '-o' / '--output'" in done.stderr
    assert "issue --help`" in done.stderr
    assert numbers(data) == []


@pytest.mark.parametrize("command", ["file", "history", "renew"])
def test_commands_know_a_licence_by_the_last_part_of_its_number(data: Path, command: str) -> None:
    number = issued(data, *ORDER)
    options = {"file": ("-o", "-"), "history": (), "renew": ("--days", "9", "--yes", "-o", "-")}
    for typed in (number[8:], number[8:].lower()):
        done = run(data, command, typed, *options[command])
        if command == "renew" and typed.islower():  # it is replaced by now
            assert done.returncode == exit_code("license-state"), done.stderr
            continue
        assert done.returncode == 0, done.stderr
        assert number in done.stdout + done.stderr or command != "history"
    nobody = run(data, command, "ZZZZZZZZ", *options[command])
    assert nobody.returncode == exit_code("not-found"), nobody.stderr


def test_a_new_user_has_the_role_that_somebody_chose(data: Path) -> None:
    done = run(data, "user", "add", "b@example.com", LICENSE_SERVER_ADMIN_PASSWORD="a password")
    assert done.returncode == exit_code("usage")
    assert "Missing option '--role'. Choose from: administrator, issuer," in done.stderr


def test_a_new_token_says_what_it_may_do_and_until_when(data: Path) -> None:
    done = run(data, "token", "create", "ci")
    assert "ci may licenses:issue, licenses:read; for all products; with no expiry" in done.stderr
    options = ("--scope", "licenses:read", "--product", "darwin", "--days", "3")
    assert re.search(
        r"portal may licenses:read; for darwin; until \S+ \S+ UTC",
        run(data, "token", "create", "portal", *options).stderr,
    )


def test_what_would_be_asked_is_told_where_nobody_can_answer(data: Path) -> None:
    assert run(data, "product", "add", "darwin").returncode == 0
    told = run(data, "product", "add", "dawrin")
    assert told.returncode == exit_code("usage"), told.stderr
    assert "darwin has nearly the same name. Add dawrin too? Without a terminal" in told.stderr
    assert "product add --help" in told.stderr
    assert run(data, "product", "add", "dawrin", "--yes").returncode == 0
