"""The READMEs of deploy/: what they name is there, and what they type is what the tests run."""

import re
from pathlib import Path

import pytest

from tests.support.proxies import DEPLOY
from tests.support.server import REPOSITORY

PAGES = sorted(DEPLOY.glob("**/README.md"))
TARGETS = set(
    re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text("utf-8"), re.MULTILINE)
)


def blocks(text: str) -> list[str]:
    """The commands of a page, one a line."""
    found = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return "".join(found).replace("\\\n", " ").splitlines()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_page_names_targets_and_options_that_there_are(page: Path) -> None:
    text = page.read_text("utf-8")
    for target in re.findall(r"\bmake ([a-z-]+)", text):
        assert target in TARGETS
    for line in blocks(text):
        if "license-server init" in line or "hostseal-server:0.1.0 init" in line:
            assert "--invite" in line
            assert "--vendor" in line
            assert "--admin" in line


def test_commands_to_the_first_licence_are_as_many_as_the_table_says() -> None:
    table = (DEPLOY / "README.md").read_text("utf-8")
    told = dict(re.findall(r"\[(compose|deb|helm)/\]\(.*?\| (\d) \|", table))
    for name, number in told.items():
        text = (DEPLOY / name / "README.md").read_text("utf-8")
        first = next(
            lines
            for lines in re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
            if "init" in lines
        )
        assert len(first.splitlines()) == int(number) <= 5
    assert set(told) == {"compose", "deb", "helm"}
