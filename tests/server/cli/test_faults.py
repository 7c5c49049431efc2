"""A command reports every error of its options at once."""

from itertools import combinations
from pathlib import Path

import pytest

from tests.support import server
from tests.support.server import LINE
from tests.support.shell import command
from tests.support.wrong_values import OPTIONS

RIGHT = {
    "customer": ("--customer", "ACME"),
    "product": ("--product", "darwin"),
    "host": ("--host", LINE),
    "days": ("--days", "30"),
}
SAID = {
    "customer": "control characters",
    "product": "'a b' is not a valid name",
    "host": "40 hexadecimal digits",
    "time_zone": "'Nowhere/At_all' is not a known time zone",
    "days": "0 is not between 1 and 36500",
    "edition": "'c d' is not a valid name",
    "features": "'-' is not a valid name",
    "limits": "'gpus' is not of the form gpus=4",
    "match": "'loose' is not one of exact, anchored",
    "notify_days": "notify_days: -1 is not between",
    "grace_days": "grace_days: -1 is not between",
    "maintenance_until": "'soon' is not a date",
    "replaces": "HS-2026-ZZZZZZZZ",
}


@pytest.fixture(scope="module")
def vendor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A server that nothing is issued by."""
    return server.make(tmp_path_factory.mktemp("faults") / "server").data


def issue(data: Path, *wrong: str) -> tuple[int, list[str]]:
    """The exit code of ``issue`` with those options wrong, and the sentences that it says."""
    options = RIGHT | {name: OPTIONS[name] for name in wrong}
    arguments = [argument for pair in options.values() for argument in pair]
    code, said = command(data, "issue", *arguments, "-o", "-")
    return code, [line for line in said.splitlines() if line.startswith("[E]: ")]


def check(data: Path, *wrong: str) -> None:
    code, sentences = issue(data, *wrong)
    assert len(sentences) == len(wrong), sentences
    for name in wrong:
        assert any(SAID[name] in sentence for sentence in sentences), sentences
    assert code == issue(data, next(n for n in SAID if SAID[n] in sentences[0]))[0]


def test_each_wrong_option_is_reported(vendor: Path) -> None:
    for name in OPTIONS:
        check(vendor, name)


def test_any_two_wrong_options_are_reported_together(vendor: Path) -> None:
    for pair in combinations(OPTIONS, 2):
        check(vendor, *pair)


def test_all_wrong_options_are_reported_together(vendor: Path) -> None:
    check(vendor, *OPTIONS)


def test_three_wrong_options_exit_with_the_code_of_the_first_sentence(
    vendor: Path,
) -> None:
    alone = issue(vendor, "host")
    code, sentences = issue(vendor, "host", "limits", "edition")
    assert (code, len(sentences)) == (issue(vendor, "limits")[0], 3)
    assert code != alone[0]


def test_renew_of_an_unknown_licence_reports_only_that(vendor: Path) -> None:
    code, said = command(vendor, "renew", "HS-2026-ZZZZZZZZ", "--days", "0", "-o", "-")
    assert (code, said.count("[E]: ")) == (issue(vendor, "replaces")[0], 1)


def test_missing_request_file_is_reported_with_other_wrong_options(vendor: Path) -> None:
    given = ("--host", "@not-there", "--limit", "gpus", "--customer", "ACME", "--product", "a b")
    code, said = command(vendor, "issue", *given, "--days", "3", "-o", "-")
    assert said.count("[E]: ") == 3
    assert "there is no such file" in said
    assert code == command(vendor, "issue", *given[:2], *given[4:6], "--product", "x", "-o", "-")[0]


def test_wrong_option_is_reported_without_a_server(tmp_path: Path) -> None:
    given = ("--limit", "gpus", "--customer", "ACME", "--product", "x", "--host", LINE)
    _, said = command(tmp_path, "issue", *given, "--days", "3", "-o", "-")
    assert said.count("[E]: ") == 1
    assert "'gpus' is not of the form gpus=4" in said


def test_import_reports_every_error_of_a_row(vendor: Path, tmp_path: Path) -> None:
    file, report = tmp_path / "orders.csv", tmp_path / "report.csv"
    file.write_text("customer,product,host,days\nACME,a b,hello,0\n")
    arguments = ("import", "licenses", str(file), "--dry-run", "--report", str(report))
    _, said = command(vendor, *arguments)
    for column in ("product", "host", "days"):
        assert f"line 2, {column}: " in said
    (line,) = report.read_text().splitlines()[1:]
    for name in ("product", "host", "days"):
        assert SAID[name] in line
