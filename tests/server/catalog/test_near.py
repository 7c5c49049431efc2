"""Which names of products people might take for one another."""

import pytest

from license_server.catalog.near import near


@pytest.mark.parametrize(
    "typed", ["Darwin", "DARWIN", "dar-win", "dawrin", "darwn", "darwinn", "darvin"]
)
def test_typing_errors_are_near(typed: str) -> None:
    assert near(typed, ["other", "darwin"]) == ["darwin"]


@pytest.mark.parametrize(
    ("typed", "there"),
    [
        ("darwin2", "darwin3"),
        ("darwin2", "darwin"),
        ("seal", "sell-it"),
        ("abc", "abd"),
        ("x", "y"),
    ],
)
def test_other_names_are_not(typed: str, there: str) -> None:
    assert near(typed, [there]) == []


def test_the_name_itself_is_not_near() -> None:
    assert near("darwin", ["darwin"]) == []
