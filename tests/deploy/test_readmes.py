"""The READMEs of deploy/: they lead to a first licence in as many commands as they say."""

import re

import pytest

from tests.support import page_commands
from tests.support.proxies import DEPLOY


@pytest.mark.parametrize("page", page_commands.PAGES)
def test_server_is_set_up_with_a_vendor_and_an_administrator_who_is_invited(page: str) -> None:
    for block in page_commands.blocks(page):
        for words in map(page_commands.words, page_commands.lines(block)):
            runs_here = words[:1] in (["license-server"], ["docker"])
            if runs_here and "init" in words and "compose" not in words:
                assert {"--invite", "--vendor", "--admin"} <= set(words)


def test_commands_to_the_first_licence_are_as_many_as_the_table_says() -> None:
    table = (DEPLOY / "README.md").read_text("utf-8")
    told = dict(re.findall(r"\[(compose|deb|helm)/\]\(.*?\| (\d) \|", table))
    for name, number in told.items():
        page = f"deploy/{name}/README.md"
        first = next(block for block in page_commands.blocks(page) if "init" in block)
        assert len(first.splitlines()) == int(number) <= 5
    assert set(told) == {"compose", "deb", "helm"}
