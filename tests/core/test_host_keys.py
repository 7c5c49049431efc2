"""Keys that were given out: what was right stays right (SPEC section 3.7 has what did not)."""

from pathlib import Path

import pytest

from license_core import hostkey
from license_core.probe import read_facts
from tests.support.cases import CASES
from tests.support.cli import REPOSITORY
from tests.vectors.ours import FOLDER, Vector

LISTED = [
    line.split("\t")
    for line in (REPOSITORY / "tests/contract/host_keys.txt").read_text("utf-8").splitlines()
    if not line.startswith("#")
]


@pytest.mark.parametrize("row", [r for r in LISTED if r[0] == "vector"], ids=lambda row: row[1])
def test_key_of_a_vector_is_what_it_was(row: list[str]) -> None:
    _, name, profile, expected = row
    lines = Vector(FOLDER / name).lines
    assert (lines["profile"], lines["expect"]) == (profile, expected)


def test_keys_of_the_cases_are_what_they_were(tmp_path: Path) -> None:
    cases = {case.what: case for case in CASES}
    changed = []
    for number, (what, when, expected) in enumerate(r[1:] for r in LISTED if r[0] == "case"):
        case, root = cases[what], tmp_path / str(number)
        case.before(root)
        if when == "after":
            case.after(root)
        key = hostkey.derive(read_facts(str(root), case.env), case.profile).key
        if f"key {key}" != expected:
            changed.append((what, when))
    assert changed == []


def test_list_has_every_vector_and_case_of_its_day() -> None:
    assert (len(LISTED), len({row[1] for row in LISTED})) == (91, 53)
