"""The operator's pages: every command runs, and both languages have the same ones."""

import re
import shlex
import subprocess

import pytest

from tests.support.cli import REPOSITORY, World, code, started
from tests.support.vendor import keyset

PAGES = ("OPERATOR.md", "OPERATOR.zh.md")
CLIENT = ["python", "cmd/cli.py"]


def commands(page: str) -> list[list[str]]:
    text = (REPOSITORY / "docs" / page).read_text("utf-8")
    return [shlex.split(line) for line in re.findall(r"^ {4}(\S.*)$", text, re.MULTILINE)]


def test_both_operator_pages_have_the_same_commands_and_chapters() -> None:
    english, chinese = (commands(page) for page in PAGES)
    assert english == chinese
    chapters = [
        re.findall(r"^## (\d)", (REPOSITORY / "docs" / page).read_text("utf-8"), re.MULTILINE)
        for page in PAGES
    ]
    assert chapters == [list("12345678")] * 2


@pytest.mark.parametrize("page", PAGES)
def test_every_command_on_the_operator_page_runs(present: World, page: str) -> None:
    (present.folder / "license.dat").write_bytes(present.file())
    (present.folder / "keyset.txt").write_bytes(keyset(present, 4))
    ran = 0
    for words in commands(page):
        if words[:2] != CLIENT:
            # The platform's own: tests/examples runs them.
            assert (REPOSITORY / "examples" / "darwin-platform" / words[1]).exists()
            continue
        agreed = ["--yes"] if words[2] == "return" else []  # else it would ask
        done = subprocess.run(
            [*started(words[2]), *present.options(), *words[2:], *agreed],
            cwd=present.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        # The first look at the host comes before there is a licence.
        missing = {code("license-missing")} if words[2] == "doctor" and not ran else set()
        assert done.returncode in {0, *missing}, (words, done.stderr)
        ran += 1
    assert ran == 13
    assert (present.folder / "support.json").exists()
