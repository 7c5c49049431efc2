"""Every relative link in README, CONTRIBUTING and docs resolves, with its anchor."""

import re
from pathlib import Path

import pytest

from tests.support.cli import REPOSITORY

PAGES = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")])
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")


def links(page: Path) -> list[str]:
    """The targets of a page's links, without those to the web."""
    text = CODE.sub("", FENCE.sub("", page.read_text("utf-8")))
    return [target for target in LINK.findall(text) if "://" not in target]


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    text = FENCE.sub("", page.read_text("utf-8"))
    found: list[str] = []
    for heading in re.findall(r"^#{1,6} (.+?)\s*$", text, re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        found.append(slug)
    return {
        f"{slug}-{n}" if (n := found[:at].count(slug)) else slug for at, slug in enumerate(found)
    }


def resolves(page: Path, target: str) -> bool:
    """Whether the *target* of a link on a page is a file or folder here, with that heading."""
    path, _, anchor = target.partition("#")
    goal = (page.parent / path).resolve() if path else page
    if not goal.is_relative_to(REPOSITORY) or not goal.exists():
        return False
    return not anchor or anchor in anchors(goal)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_relative_link_resolves(page: Path) -> None:
    broken = [target for target in links(page) if not resolves(page, target)]
    assert not broken


def test_every_page_in_docs_is_linked_from_the_readme() -> None:
    linked = {target.partition("#")[0] for target in links(REPOSITORY / "README.md")}
    pages = {f"docs/{page.name}" for page in (REPOSITORY / "docs").glob("*.md")}
    assert pages <= linked


def test_no_page_ends_in_an_empty_heading() -> None:
    for page in PAGES:
        last = page.read_text("utf-8").rstrip().splitlines()[-1]
        assert not last.startswith("#"), page


@pytest.mark.parametrize(
    "page", sorted((REPOSITORY / "docs" / "adr").glob("*.md")), ids=lambda p: p.stem
)
def test_every_adr_has_a_number_a_date_and_a_status(page: Path) -> None:
    title, blank, status, *_ = page.read_text("utf-8").splitlines()
    assert title.startswith(f"# {int(page.stem[:4])}. ")
    assert blank == ""
    assert re.fullmatch(r"Date: \d{4}-\d\d-\d\d\. Status: (accepted|superseded)(; .+)?\.", status)
