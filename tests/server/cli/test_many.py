"""``many``: an action on all licences that filters find."""

import csv
import re
import zipfile
from pathlib import Path

from tests.support.problems import exit_code
from tests.support.shell import run

ISSUE = ("issue", "--product", "darwin", "--days", "30", "-o", "-")
OF_ACME = ("--customer", "ACME", "--state", "valid")


def numbers(data: Path, *filters: str) -> list[str]:
    """The numbers of the licences that filters find."""
    told = run(data, "list", *filters, "--csv", "--columns", "expires_at")
    return re.findall(r"^HS-\S{13}", told.stdout, re.MULTILINE)


def issued(data: Path, *customers: str) -> None:
    """Each a licence for a host of its own."""
    assert run(data, "product", "add", "darwin").returncode == 0
    for place, customer in enumerate(customers):
        host = f'["{place:040x}", "box-{place}"]'
        done = run(data, *ISSUE, "--customer", customer, "--host", host)
        assert done.returncode == 0, done.stderr


def test_all_that_filters_find_are_renewed_each_once(data: Path, tmp_path: Path) -> None:
    issued(data, "ACME", "ACME", "Other")
    before, report = numbers(data, *OF_ACME), tmp_path / "report.csv"
    renew = ("many", "renew", *OF_ACME, "--days", "90")
    looked = run(data, *renew, "--dry-run")
    assert (looked.returncode, looked.stdout) == (0, "renew, possible: 2\n"), looked.stderr
    asked = run(data, *renew)
    assert asked.returncode == exit_code("usage")
    assert "Renew 2 licences? Without a terminal" in asked.stderr
    assert numbers(data, *OF_ACME) == before

    files = tmp_path / "files.zip"
    done = run(data, *renew, "--yes", "--report", str(report), "--zip", str(files))
    assert (done.returncode, done.stdout) == (0, "renew, done: 2\n"), done.stderr
    after = numbers(data, *OF_ACME)
    assert len(after) == 2
    assert not {*before} & {*after}
    rows = list(csv.DictReader(report.read_text("utf-8").splitlines()))
    assert {row["license"] for row in rows} == {*before}
    assert {row["new_license"] for row in rows} == {*after}
    packed = zipfile.ZipFile(files).namelist()
    assert {name[:16] for name in packed if name.endswith("/letter.en.txt")} == {*after}

    job = re.search(r"many continue (\S+)", done.stderr)
    assert job, done.stderr
    again = run(data, "many", "continue", job[1], "--yes")
    assert (again.returncode, again.stdout) == (0, "renew, done: 2\n"), again.stderr
    assert numbers(data, *OF_ACME) == after


def test_what_is_refused_does_not_stop_the_others(data: Path) -> None:
    issued(data, "ACME", "ACME")
    first, second = numbers(data, *OF_ACME)
    assert run(data, "suspend", first, "--reason", "late").returncode == 0
    done = run(data, "many", "suspend", "--customer", "ACME", "--reason", "late", "--yes")
    assert done.stdout == "suspend, done: 1; refused: 1\n", done.stderr
    assert f"[W]: {first}: " in done.stderr
    assert numbers(data, "--state", "suspended") == [first, second]


def test_which_licences_must_be_said(data: Path) -> None:
    told = run(data, "many", "revoke", "--reason", "all of them", "--yes")
    assert told.returncode == exit_code("usage")
    assert "give at least one filter" in told.stderr
    nobody = run(data, "many", "revoke", "--host-name", "box", "--reason", "x", "--yes")
    assert nobody.returncode == exit_code("not-found")
    assert "licence that the filters find" in nobody.stderr
    unknown = run(data, "many", "continue", "nothing", "--yes")
    assert unknown.returncode == exit_code("not-found")
