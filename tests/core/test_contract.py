"""What programs read: slugs, exit codes and JSON shapes match the lists in tests/contract."""

import json
from pathlib import Path

from license_core.notices import NOTICES
from license_server.http.problem_types import ROWS, STATUS
from license_server.licenses import notices
from tests.support import contract
from tests.support.server import REPOSITORY

CONTRACT = REPOSITORY / "tests" / "contract"


def listed(name: str) -> list[str]:
    return (CONTRACT / name).read_text("ascii").splitlines()


def test_every_problem_keeps_its_slug_exit_code_and_http_status() -> None:
    rows = [f"{slug} {row.exit_code} {STATUS[slug]}" for slug, row in ROWS.items()]
    assert sorted(rows) == listed("problems.txt")


def test_every_notice_keeps_its_slug_and_level() -> None:
    rows = [f"{slug} {row.level}" for slug, row in (NOTICES | notices.NOTICES).items()]
    assert sorted(rows) == listed("notices.txt")


def test_json_answers_of_the_commands_keep_their_shape(tmp_path: Path) -> None:
    found = json.dumps(contract.answers(tmp_path), indent=1, sort_keys=True, ensure_ascii=False)
    assert found.splitlines() == (CONTRACT / "commands.json").read_text("utf-8").splitlines()
