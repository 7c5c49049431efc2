"""``list``: licences in a terminal, with the filters, columns and words of the desk."""

import csv
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from license_server.cli import license_list, table
from license_server.licenses import vocabulary
from license_server.licenses.license_store import SORTS
from license_server.web.shown_licenses import COLUMNS
from tests.support import server
from tests.support.ledger import NOW, open_ledger
from tests.support.problems import exit_code
from tests.support.shell import command, run

NAMES = ("ACME", "上海云渲科技有限公司", "Ünal & Söhne AG")


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A vendor's data folder: three licences, of three customers, with other last days."""
    made = server.make(tmp_path_factory.mktemp("list") / "server", now=NOW)
    ledger = open_ledger(made)
    for number, name in enumerate(NAMES):
        ledger.issue(number + 1, customer=name, days=None, expires=f"203{number}-12-31")
    ledger.end("revoke", ledger.issue(9, customer="ACME", days=30), "x")
    ledger.site.database.close()
    yield made.data


def rows(data: Path, *arguments: str) -> list[list[str]]:
    """What the command lists, as CSV."""
    done = run(data, "list", "--csv", *arguments)
    assert done.returncode == 0, done.stderr
    return list(csv.reader(io.StringIO(done.stdout)))


def test_list_has_the_filters_of_the_desk_and_the_columns_too() -> None:
    given = {option.name for option in license_list.list_.params}
    assert given >= set(vocabulary.FILTERS) - {"line", "expires_before"}
    assert tuple(COLUMNS) == license_list._NAMES
    assert set(SORTS) <= {"number", *COLUMNS}
    assert tuple(SORTS) == license_list._SORTS


def test_columns_are_aligned_whatever_script_they_are_written_in(listed: Path) -> None:
    done = run(
        listed, "list", "--state", "active", "--sort", "expires_at", "--columns", "customer,state"
    )
    heading, *lines = done.stdout.splitlines()
    assert [text.split()[-1] for text in lines] == ["valid"] * 3
    places = {table.width_of(text[: text.rindex("valid")]) for text in lines}
    assert places == {heading.index("State")}
    assert [name in text for name, text in zip(NAMES, lines, strict=True)] == [True] * 3
    assert done.stderr == "3 licences.\n"


def test_filters_order_and_columns_choose_what_is_listed(listed: Path) -> None:
    assert [row[1] for row in rows(listed, "--sort", "-expires_at", "--state", "valid")[1:]] == [
        *reversed(NAMES)
    ]
    assert len(rows(listed, "--customer", "ACME")) == 1 + 2
    assert len(rows(listed, "--customer", "ACME", "--state", "revoked")) == 1 + 1
    assert len(rows(listed, "--expires-from", "2031/1/1", "--expires-until", "2032-12-31")) == 1 + 2
    assert len(rows(listed, "--search", "云渲")) == 1 + 1
    assert len(rows(listed, "--host-name", "host-2")) == 1 + 1
    heading, *found = rows(listed, "--columns", "state, expires_at", "--product", "darwin")
    assert heading == ["Number", "State", "Last day", "Time zone"]
    assert len(found) == 4


def test_json_lines_have_the_members_of_the_api(listed: Path) -> None:
    done = run(listed, "list", "--json", "--limit", "2", "--sort", "expires_at")
    found = [json.loads(text) for text in done.stdout.splitlines()]
    assert [one["state"] for one in found] == ["revoked", "active"]
    assert found[1]["last_day"] == "2030-12-31"
    assert done.stderr == "2 of 4 licences.\n"


def test_files_and_letters_are_written_to_an_archive(listed: Path, tmp_path: Path) -> None:
    """Of what would be listed."""
    out = tmp_path / "files.zip"
    done = run(listed, "list", "--customer", NAMES[1], "--zip", str(out))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "1 licence.\n")
    (number,) = (row[0] for row in rows(listed, "--customer", NAMES[1])[1:])
    packed = zipfile.ZipFile(out)
    names = ["license.dat", "letter.en.txt", "letter.zh.txt"]
    folder = f"{number}_{NAMES[1]}_host-2"
    assert packed.namelist() == [*(f"{folder}/{name}" for name in names), "licenses.csv"]
    assert number in packed.read(packed.namelist()[0]).decode("utf-8")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--columns", "customer,colour"), "--columns: 'colour' is not one of customer, product"),
        (("--sort", "-colour"), "--sort: 'colour' is not one of number, customer"),
        (("--customer", "Nobody"), "customer: no customer has just this name"),
        (("--expires-from", "soon"), "expires_from: 'soon' is not a date such as"),
    ],
)
def test_what_there_is_not_is_said(listed: Path, arguments: tuple[str, ...], said: str) -> None:
    done = run(listed, "list", *arguments)
    assert (done.returncode, done.stdout) == (exit_code("input-invalid"), "")
    assert said in done.stderr


def test_closed_pipe_is_no_error(listed: Path) -> None:
    command = f"{sys.executable} -m license_server list | head -n 1"
    env = server.environment(listed)
    done = subprocess.run(
        command, shell=True, env=env, cwd=server.REPOSITORY, capture_output=True, text=True
    )
    assert done.stdout.startswith("Number")
    assert "[E]" not in done.stderr
    assert "rror" not in done.stderr


def test_too_many_to_be_sorted_is_said(listed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("license_server.web.shown_licenses.MOST_SORTED", 2)
    code, said = command(listed, "list", "--sort", "customer")
    assert code == 0
    assert "more than 2 licences, too many to be sorted" in said
    assert said.endswith("4 of more than 2 licences.\n")


def test_long_cells_are_cut_at_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    long = "云" * 30
    (whole,) = [*table.lines(["A", "B"], [[long, None]])][1:]
    assert whole == long
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    heading, cut = table.lines(["A", "B"], [[long, "b"]])
    assert cut == f"{'云' * 19}…  b"
    assert table.width_of(heading[: heading.index("B")]) == table.width_of(cut[:-1])


def test_later_rows_make_columns_wider_never_narrower(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "AT_ONCE", 2)
    found = [*table.lines(["A", "B"], [["aaaa", 1], ["a", 2], ["a", 3], ["a" * 9, 4], ["a", 5]])]
    assert [text.index(text[-1]) for text in found[1:3]] == [6, 6]
    assert [len(text) for text in found] == [7, 7, 7, 12, 12, 12]
