"""Plans, trials and stop-gaps in the shell."""

import re
from pathlib import Path

import pytest

from tests.support.cli_tables import rows
from tests.support.problems import exit_code
from tests.support.server import LINE, OTHER_LINE
from tests.support.shell import command, run


@pytest.fixture
def shop(data: Path) -> Path:
    """A vendor whose product has a trial."""
    command(data, "product", "add", "darwin")
    command(data, "plan", "add", "darwin", "Trial", "--trial", "--days", "30", "--limit", "gpus=1")
    return data


def number_in(said: str) -> str:
    found = re.search(r"HS-[0-9]{4}-[0-9A-Z]{8}", said)
    assert found, said
    return found[0]


def test_plan_is_listed_changed_and_archived(shop: Path) -> None:
    done = run(shop, "plan", "change", "darwin", "Trial", "--days", "14", "--clear", "limits")
    assert done.returncode == 0, done.stderr
    trial = {"NAME": "Trial", "TERMS": '{"days":14}', "KIND": "trial", "STATE": ""}
    assert rows(run(shop, "plan", "list", "darwin").stdout) == [trial]
    assert run(shop, "plan", "archive", "darwin", "Trial").returncode == 0
    archived = rows(run(shop, "plan", "list", "darwin").stdout)
    assert archived == [trial | {"STATE": "archived"}]
    assert run(shop, "plan", "unarchive", "darwin", "Trial").returncode == 0
    refused = run(shop, "plan", "change", "darwin", "Gold", "--days", "1")
    assert refused.returncode == exit_code("not-found")


def test_plan_called_nearly_as_another_takes_a_yes(shop: Path) -> None:
    assert run(shop, "plan", "add", "darwin", "trial").returncode != 0
    assert run(shop, "plan", "add", "darwin", "trial", "--yes").returncode == 0
    again = run(shop, "plan", "add", "darwin", "Trial", "--yes")
    assert again.returncode == exit_code("name-taken")


def test_dry_run_shows_the_plan_and_its_values(shop: Path) -> None:
    line = ("issue", "--customer", "ACME", "--product", "darwin", "--host", LINE)
    said = run(shop, *line, "--plan", "trial", "--dry-run").stdout
    assert re.search(r"Limits +gpus=1\n", said)
    assert re.search(r"Plan +Trial \(trial\)\n", said)


def test_second_trial_takes_override_and_a_reason(shop: Path, tmp_path: Path) -> None:
    line = ("issue", "--customer", "ACME", "--product", "darwin", "--plan", "Trial")
    first = run(shop, *line, "--host", LINE, "-o", "-")
    assert first.returncode == 0, first.stderr
    second = (*line, "--host", OTHER_LINE, "-o", str(tmp_path / "license.dat"))
    refused = run(shop, *second)
    assert refused.returncode == exit_code("trial-used")
    assert number_in(first.stderr) in refused.stderr
    assert run(shop, *second, "--override").returncode == exit_code("input-invalid")
    made = run(shop, *second, "--override", "--reason", "asked by sales")
    assert made.returncode == 0, made.stderr
    assert "It is an exception." in made.stderr
    rows = run(shop, "export", "licenses", "--kind", "trial", "-o", "-").stdout.splitlines()
    assert len(rows) == 3


def test_many_are_renewed_with_another_plan(shop: Path) -> None:
    """With its term; `--plan` says which licences."""
    command(shop, "plan", "add", "darwin", "Pro", "--days", "365", "--limit", "gpus=8")
    line = ("issue", "--customer", "ACME", "--product", "darwin", "--plan", "Trial")
    assert run(shop, *line, "--host", LINE, "-o", "-").returncode == 0
    done = run(shop, "many", "renew", "--plan", "Trial", "--new-plan", "pro", "--yes")
    assert (done.returncode, done.stdout) == (0, "renew, done: 1\n"), done.stderr
    listed = run(shop, "list", "--state", "valid", "--columns", "plan,limits", "--csv").stdout
    assert listed.splitlines()[1].endswith(",Pro,gpus=8")


def test_stop_gap_is_written_and_the_licence_stays(shop: Path, tmp_path: Path) -> None:
    line = ("issue", "--customer", "ACME", "--product", "darwin", "--days", "90")
    first = number_in(run(shop, *line, "--host", LINE, "-o", "-").stderr)
    out = str(tmp_path / "license.dat")
    same = run(shop, "stop-gap", first, "-o", out)
    assert same.returncode == exit_code("license-state")
    gap = run(shop, "stop-gap", first, "--host", OTHER_LINE, "-o", out)
    assert gap.returncode == 0, gap.stderr
    again = run(shop, "stop-gap", first, "--host", OTHER_LINE, "-o", out)
    assert again.returncode == exit_code("stop-gap-used")
    told = run(shop, "history", number_in(gap.stderr)).stdout
    assert "license.stop-gap" in told
    assert run(shop, "fsck").returncode == 0
