"""Case by case: whether the key survives, what is warned of before, what is explained after.

The page is made by these tests: ``python -m tests.cli.test_cases`` writes it. What engines really
do in each case is shown in tests/containers/test_cases.py.
"""

import tempfile
from pathlib import Path

import pytest

from license_core.notices import NOTICES
from tests.support.cases import CASES, Case, Seen, see
from tests.support.cli import REPOSITORY

PAGE = REPOSITORY / "docs" / "CASES.md"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_host_changes_are_warned_of_before_and_explained_after(case: Case, tmp_path: Path) -> None:
    seen = see(case, tmp_path)
    if seen.said_before == ["host-unidentifiable"]:
        return  # nothing can be ordered
    warned = [slug for slug in seen.said_before if NOTICES[slug].level == "warning"]
    if case.quiet:
        assert not warned, "a false alarm"
    if case.address_lost:
        assert seen.said_before, "nobody was told beforehand"
        assert not seen.survives
    if not seen.survives and seen.exit_code:
        assert ("change-unknown" in seen.said_after) is case.copyable
        assert seen.said_after


def _licence(seen: Seen) -> str:
    if "host-unidentifiable" in seen.said_before:
        return f"none ({seen.exit_code})"
    return "valid" if seen.exit_code == 0 else f"rejected ({seen.exit_code})"


def page() -> str:
    rows = []
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            seen = see(case, Path(folder))
        words = [
            case.what,
            case.real or "files",
            "yes" if seen.survives else "no",
            " ".join(f"`{slug}`" for slug in seen.said_before) or "nothing",
            _licence(seen),
            " ".join(f"`{slug}`" for slug in seen.said_after) or "nothing",
        ]
        rows.append(f"| {' | '.join(words)} |\n")
    return (
        "# Case by case\n\n"
        "What happens to a licence when its host changes: whether the host key survives, what\n"
        "`get_host_key` warns of before a licence is ordered, and what `verify` says\n"
        "afterwards, with nothing but the licence to go by. `python -m tests.cli.test_cases`\n"
        "writes this page from the tests that prove it. *Shown with* an engine or a network\n"
        "namespace: tests/containers does it for real and gets the same result. *files*: a host's\n"
        "files before and after. *none*: no host key is given out, so that no licence can be\n"
        "ordered. The number in brackets is the exit code; what the slugs mean is\n"
        "in [SPEC section 9](SPEC.md#9-problems).\n\n"
        "| case | shown with | key survives | warned of before | licence | said afterwards |\n"
        "| --- | --- | --- | --- | --- | --- |\n" + "".join(rows)
    )


def test_cases_page_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == page()


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
