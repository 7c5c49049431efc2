"""docs/SPEC.md and the code say the same."""

import inspect
import re
from pathlib import Path

from license_core.notices import NOTICES
from license_core.problems import PROBLEMS
from license_server.http.problem_types import ROWS, STATUS
from license_server.licenses import notices
from tests.support.problems import error_kinds
from tests.vectors import example, generate, record_example

REPOSITORY = Path(__file__).resolve().parents[2]
SPEC = (REPOSITORY / "docs" / "SPEC.md").read_text("utf-8")
KINDS = error_kinds()
REMARKS = NOTICES | notices.NOTICES


def test_every_core_problem_has_an_error_class_in_the_core() -> None:
    of_core = {k.__name__ for k in KINDS.values() if k.__module__.startswith("license_core.")}
    assert of_core == PROBLEMS.keys()


def test_server_table_has_every_error_of_core_and_server() -> None:
    assert {slug: kind.row for slug, kind in KINDS.items()} == ROWS


def test_every_error_that_can_reach_http_has_a_status() -> None:
    assert STATUS.keys() == KINDS.keys()


def test_problem_table_in_the_spec_matches_the_code() -> None:
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| (\d+) \| (\d+) \| (.+) \|$", SPEC, re.MULTILINE)
    told = [(slug, int(code), int(status), title) for slug, code, status, title in rows]
    assert told == [(s, ROWS[s].exit_code, STATUS[s], ROWS[s].title) for s in STATUS]
    assert len(told) == len(ROWS)


def test_notice_table_in_the_spec_matches_the_code() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (warning|note|detail) \|$", SPEC, re.MULTILINE)
    assert rows == [(slug, row.level) for slug, row in REMARKS.items()]


def test_slugs_and_exit_codes_are_unique_and_none_of_a_shell() -> None:
    slugs = [*KINDS, *NOTICES, *notices.NOTICES]
    codes = [kind.row.exit_code for kind in KINDS.values()]
    assert len(set(slugs)) == len(slugs)
    assert len(set(codes)) == len(codes)
    assert all(1 <= code <= 125 or 160 <= code <= 255 for code in codes)
    assert [slug for slug, kind in KINDS.items() if kind.row.exit_code == 2] == ["usage"]


def test_every_sentence_and_remedy_can_be_filled_with_its_facts() -> None:
    for name, kind in KINDS.items():
        facts = dict.fromkeys(inspect.get_annotations(kind), 1)
        if "details" in facts:
            facts["details"] = ()  # type: ignore[assignment]
        error = kind(**facts)
        assert "{" not in error.sentence + error.remedy("cli"), name
        assert error.sentence.endswith((".", "1")), name
        assert error.remedy("cli"), name


def test_every_spec_section_cited_in_code_exists() -> None:
    headings = set(re.findall(r"^#{2,3} (\d+(?:\.\d+)?)", SPEC, re.MULTILINE))
    cited = {
        number
        for folder in ("license_core", "license_cli", "license_server")
        for path in (REPOSITORY / folder).rglob("*.py")
        for number in re.findall(r"SPEC section (\d+(?:\.\d+)?)", path.read_text("utf-8"))
    }
    assert cited
    assert cited <= headings


def test_every_spec_section_named_by_a_vector_exists() -> None:
    headings = set(re.findall(r"^#{2,3} (\d+(?:\.\d+)?)", SPEC, re.MULTILINE))
    files = generate.all_files().values()
    named = {
        m[1].decode() for data in files if (m := re.search(rb"^spec: (.+)$", data, re.MULTILINE))
    }
    assert named <= headings


def test_worked_examples_in_the_spec_are_up_to_date() -> None:
    assert example.section().rstrip() in SPEC
    assert record_example.section().rstrip() in SPEC


def test_audit_fault_table_in_the_spec_matches_the_code() -> None:
    told: set[str] = set()
    for name in (
        *("audit/verify", "operations/fsck"),
        *("operations/kinds_check", "operations/mailbox_check", "operations/reminders_check"),
    ):
        source = (REPOSITORY / "license_server" / f"{name}.py").read_text("utf-8")
        told |= set(
            re.findall(
                r'"((?:chain|checkpoint|delivery|event|given|keyset|kind|license|line|mail|mailbox|plan|portal|reply'
                r'|reminder|request|row|signature|value)-[a-z]+)"',
                source,
            )
        )
    listed = SPEC.partition("### 11.3")[2]
    assert told == set(re.findall(r"^\| `([a-z-]+)` \|", listed, re.MULTILINE))
