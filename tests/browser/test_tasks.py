"""What tasks at the desk take, in clicks and page loads: the table of docs/DESK.md.

``python -m tests.browser.test_tasks`` plays all and writes the table; with words, it plays the
tasks whose names contain one of them, and prints their rows.
"""

import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser import tasks
from tests.support.cli import REPOSITORY
from tests.support.furnished import Furnished, furnished_server
from tests.support.server import Running
from tests.support.tasks import HEAD, Count, Task, found, player

PAGE = REPOSITORY / "docs" / "DESK.md"
TASKS = found(tasks)
pytestmark = [pytest.mark.xdist_group("tasks"), pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, Furnished]]:
    with furnished_server(tmp_path_factory.mktemp("desk"), int(time.time())) as there:
        yield there


def taken(one: Task, browser: Browser, there: tuple[Running, Furnished]) -> Count:
    """What a task takes."""
    with player(browser, *there) as somebody:
        one.play(somebody)
        return somebody.count


@pytest.mark.parametrize("one", TASKS, ids=lambda one: one.name)
def test_task_takes_the_clicks_that_the_desk_page_says(
    one: Task, chromium: Browser, furnished: tuple[Running, Furnished]
) -> None:
    count = taken(one, chromium, furnished)
    assert count.clicks <= one.goal
    assert one.row(count) in PAGE.read_text("utf-8").splitlines()


def test_desk_page_has_a_row_for_each_task_and_no_other() -> None:
    rows = [row for row in PAGE.read_text("utf-8").partition(HEAD)[2].splitlines() if row]
    told = [row.split(" | ")[0].removeprefix("| ") for row in rows if row.startswith("| ")]
    assert told == [one.what for one in TASKS]


def test_field_that_nothing_led_to_costs_a_click(
    chromium: Browser, furnished: tuple[Running, Furnished]
) -> None:
    with player(chromium, *furnished) as somebody:
        page = somebody.begin("/licenses")
        page.get_by_label("Search").first.fill("acme")
        assert somebody.count == Count(1, 0)
        page.keyboard.press("Enter")
        page.wait_for_url("**q=acme*")
        assert somebody.count == Count(2, 1)


def main(words: list[str]) -> None:
    """Play the tasks with these *words* in their names, else all; then write the table."""
    wanted = [one for one in TASKS if not words or any(word in one.name for word in words)]
    rows = []
    with (
        tempfile.TemporaryDirectory() as folder,
        furnished_server(Path(folder), int(time.time())) as there,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for one in wanted:
            rows.append(one.row(taken(one, browser, there)))
            print(rows[-1])
        browser.close()
    if not words:
        text = PAGE.read_text("utf-8")
        table = "\n".join([HEAD, *rows]) + "\n"
        found_table = re.escape(HEAD) + r"\n(?:\|.*\n)*"
        PAGE.write_text(re.sub(found_table, lambda _: table, text), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
