"""Counts what a task at the desk takes: clicks and page loads, as Chromium itself sees them.

To add a task, write a function into a module of ``tests/browser/tasks`` (any module there is
found)::

    @task(5, "approve five", goal=3)
    def approve_five(player: Player) -> None:
        made = [player.post("licenses", …) for …]  # what was there before: not counted
        page = player.begin("/proposals")          # from here on all is counted
        page.get_by_role("button", name="Approve all").click()
        page.get_by_text("Five licences were issued.").wait_for()  # that it came of it

The number is its place in the table. Then ``python -m tests.browser.test_tasks`` plays all of them
and writes the table of docs/DESK.md; ``python -m tests.browser.test_tasks approve`` plays those
with the word in their names and prints what they take. A test holds each row.

What is a click: a press of the mouse, Enter, and Space on what is not a text. Typing and pasting
are none, nor are Tab and keys that lead somewhere on the page. Choosing from a list with the mouse
(``select_option``) is two. ``fill`` and ``focus`` are not a way around: where a field was reached
by neither mouse nor key nor by itself (``autofocus``), its first letter costs the click that would
have led there.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, NamedTuple

import httpx
from playwright.sync_api import Browser, BrowserContext, Page

from tests.support import judge
from tests.support.chromium import new_context, sign_in
from tests.support.furnished import Furnished
from tests.support.server import Running

_LISTEN = """(() => {
  let moved = false, keyed = false, reached = null;
  const isText = (e) => e.matches("textarea, input:not([type=checkbox]):not([type=radio])");
  const count = (clicks) => { for (; clicks > 0; clicks -= 1) hostsealClick(); };
  const listen = (kind, act) => addEventListener(kind, (e) => { if (e.isTrusted) act(e); }, true);
  listen("pointerdown", () => { moved = true; keyed = false; count(1); });
  listen("keydown", ({ key, target }) => {
    moved = keyed = true;
    if (key === "Enter" && !target.matches("textarea")) count(1);
    if (key === " " && !isText(target)) count(1);
  });
  listen("focusin", ({ target }) => { if (moved || target.autofocus) reached = target; });
  listen("input", ({ target }) => {
    if (target.matches("select")) { if (!keyed) count(2); return; }
    if (isText(target) && reached !== target) { count(1); reached = target; }
  });
})()"""


class Count(NamedTuple):
    """What a task took."""

    clicks: int
    loads: int
    """Pages that were loaded; a reply that only leads on is none."""


class Player:
    """Somebody with a task, signed in as an administrator, in English, at a wide screen."""

    def __init__(self, context: BrowserContext, running: Running, furnished: Furnished) -> None:
        self.running, self.furnished = running, furnished
        self._clicks = self._loads = 0
        context.expose_function("hostsealClick", self._clicked)
        context.add_init_script(_LISTEN)
        context.on("page", lambda page: page.on("domcontentloaded", self._loaded))
        self.page: Page = context.new_page()
        sign_in(self.page, running)
        self.page.locator("nav").first.wait_for()

    def _clicked(self) -> None:
        self._clicks += 1

    def _loaded(self, _: object) -> None:
        self._loads += 1

    def post(self, path: str, **members: Any) -> Any:
        """Have something there before the task: what the API answers to *members*."""
        url = f"{self.running.url}/api/v1/{path}"
        reply = httpx.post(url, json=members, headers=self.running.bearer, timeout=60)
        assert reply.is_success, reply.text
        return reply.json()

    def begin(self, path: str = "/") -> Page:
        """The page at which the task begins: what was done until now is not counted."""
        self.page.goto(path)
        self._hear()
        self._clicks = self._loads = 0
        return self.page

    @property
    def count(self) -> Count:
        """What it took since it began."""
        self._hear()
        return Count(self._clicks, self._loads)

    def type(self, text: str) -> None:
        """Type into the field that has the focus, once one has it: a new page gives it late."""
        self.page.locator("input:focus, textarea:focus").wait_for()
        self.page.keyboard.insert_text(text)

    def find(self, typed: str) -> None:
        """Find anything, by the keyboard alone."""
        self.page.wait_for_load_state()
        self.page.keyboard.press("/")
        self.type(typed)
        self.page.keyboard.press("Enter")
        self.page.get_by_role("heading", name="Find").wait_for()

    def _hear(self) -> None:
        """Have been told of all that happened until now."""
        self.page.evaluate("0")


class Task(NamedTuple):
    """A task as people name it."""

    place: int
    """In the table."""
    what: str
    goal: int
    """No more clicks than that."""
    play: Callable[[Player], None]

    @property
    def name(self) -> str:
        """Of its function."""
        return self.play.__name__

    def row(self, count: Count) -> str:
        """Its row of the table."""
        return f"| {self.what} | {count.clicks} | {self.goal} | {count.loads} |"


HEAD = "| task | clicks | goal | page loads |\n| --- | ---: | ---: | ---: |"
_KNOWN: dict[str, Task] = {}


def task(place: int, what: str, *, goal: int) -> Callable[[Callable[[Player], None]], Task]:
    """Make a task of a function that plays it."""

    def made(play: Callable[[Player], None]) -> Task:
        known = Task(place, what, goal, play)
        _KNOWN[known.name] = known
        return known

    return made


def found(folder: ModuleType) -> list[Task]:
    """The tasks of the modules in *folder*, in the order of the table."""
    for module in pkgutil.iter_modules(folder.__path__, f"{folder.__name__}."):
        importlib.import_module(module.name)
    return sorted(_KNOWN.values(), key=lambda one: (one.place, one.what))


@contextmanager
def player(browser: Browser, running: Running, furnished: Furnished) -> Iterator[Player]:
    """Somebody with a browser of their own, who may read and write its clipboard."""
    context = new_context(
        browser,
        base_url=running.url,
        viewport=judge.WIDE,
        reduced_motion="reduce",
        locale="en-GB",
        permissions=["clipboard-read", "clipboard-write"],
    )
    yield Player(context, running, furnished)
    context.close()
