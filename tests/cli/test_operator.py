"""The operator's pages: every command runs, and both languages have the same ones."""

import re
import shlex
import subprocess

import pytest

from tests.support.cli import REPOSITORY, World, code, started
from tests.support.loopback import answering
from tests.support.vendor import keyset, revocations

PAGES = ("OPERATOR.md", "OPERATOR.zh.md")
CLIENT = ["python", "cmd/cli.py"]
VENDOR = "https://licences.example.com"


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
    with answering(200, revocations(present, 1), "text/plain") as vendor:
        given = [[word.replace(VENDOR, vendor) for word in words] for words in commands(page)]
        ran = run_all(present, given)
    assert ran == 14
    assert (present.folder / "support.json").exists()


def run_all(present: World, given: list[list[str]]) -> int:
    """Run what is *given*; how many of these commands are the client's."""
    ran = 0
    for words in given:
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
    return ran
