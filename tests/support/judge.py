"""What is asked of every page, whatever is on it: seen, heard and read in Chromium.

``walk`` finds the pages by their links; ``look`` judges the one that a test has open.
"""

import re
from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import NamedTuple
from urllib.parse import parse_qsl, urljoin, urlsplit

from playwright.sync_api import BrowserContext, Page, ViewportSize

from tests.support import catalogue

THEMES = ("light", "dark")
NARROW = ViewportSize(width=390, height=844)
WIDE = ViewportSize(width=1280, height=900)
LARGEST = 100_000
"""Bytes of a page."""
_LOUD = ("error", "warning")
_CANCELLED = "net::ERR_ABORTED"
"""What Chromium says where an address turns out to be a file to keep, or a page asks anew."""
_EACH = 3
"""So many pages of one kind are looked at, the first of them with axe; more only if asked for."""
_PASSED_BY = re.compile(r"/(logout|preferences|static)\b")
_RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
_AXE = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
_RUN_AXE = """async rules => {
    const found = await axe.run(document, {runOnly: {type: "tag", values: rules}});
    const why = n => (n.any[0] || n.all[0] || n.none[0] || {message: ""}).message;
    const told = n => n.target.join(" ") + ": " + why(n);
    return found.violations.map(v => [v.id, v.help, v.nodes.map(told)]);
}"""
_STICKS_OUT = """() => {
    const width = innerWidth, page = document.scrollingElement;
    if (page.scrollWidth <= width) return null;
    const held = e => { for (let p = e.parentElement; p && p !== document.body; p = p.parentElement)
        if (getComputedStyle(p).overflowX !== "visible") return true; return false };
    const wide = [...document.body.querySelectorAll("*")].filter(e =>
        e.getBoundingClientRect().right > width + 0.5 && !held(e));
    const names = wide.slice(-3).map(e => e.outerHTML.slice(0, 90));
    return page.scrollWidth + " of " + width + ": " + names.join(" | ");
}"""
_TEXTS = """() => {
    const found = [document.title.replace(/ · Hostseal$/, "")], seen = e => e.checkVisibility();
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node; node = walker.nextNode();)
        if (!node.parentElement.closest("code, pre, script, style, [lang=en], [translate=no]")
            && (seen(node.parentElement) || node.parentElement.closest("svg, select, datalist")))
            found.push(node.data);
    for (const element of document.body.querySelectorAll("*"))
        for (const name of ["aria-label", "title", "placeholder", "alt", "aria-description"])
            if (element.hasAttribute(name)) found.push(element.getAttribute(name));
    return found.map(text => text.replace(/\\s+/g, " ").trim()).filter(text => text);
}"""


_VALUES = re.compile(r"%\(\w+\)s|\{[\w!]+\}|<[^>]*>|`[^`]*`")


class Visit(NamedTuple):
    """A page of the walk, and what is wrong with it."""

    path: str
    faults: tuple[str, ...]


def listen(page: Page) -> list[str]:
    """What goes wrong on *page* from now on: errors of scripts, and requests that fail."""
    wrong: list[str] = []

    def hear(what: str, *, if_: bool = True) -> None:
        if if_:
            wrong.append(what)

    page.on("console", lambda m: hear(f"console: {m.text}", if_=m.type in _LOUD))
    page.on("pageerror", lambda error: hear(f"script: {error}"))
    page.on(
        "requestfailed",
        lambda r: hear(f"request: {r.url} {r.failure}", if_=r.failure != _CANCELLED),
    )
    page.on("response", lambda r: hear(f"{r.status}: {r.url}", if_=r.status >= 400))
    return wrong


def look(page: Page, language: str, *, axe: bool = True) -> list[str]:
    """What is wrong with the page that is open, on both grounds and on a narrow screen."""
    page.set_viewport_size(NARROW)
    found = glance(page, language)
    page.set_viewport_size(WIDE)
    return found + (on_both_grounds(page) if axe else [])


def glance(page: Page, language: str) -> list[str]:
    """What is wrong with it at first sight, as wide as it is shown."""
    found = [f"in English: {text!r}" for text in left_in_english(page)] if language == "zh" else []
    sticks_out = page.evaluate(_STICKS_OUT)
    return [*found, f"sticks out: {sticks_out}"] if sticks_out else found


def on_both_grounds(page: Page) -> list[str]:
    """What axe-core finds, first on light ground and then on dark."""
    found = []
    for theme in THEMES:
        page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
        found += [f"axe, {theme}: {fault}" for fault in violations(page)]
    return found


def violations(page: Page) -> list[str]:
    """What axe-core finds. The page's policy does not hold for what a test evaluates."""
    page.evaluate(_AXE)
    told: list[tuple[str, str, list[str]]] = page.evaluate(_RUN_AXE, list(_RULES))
    return [f"{id_} ({help_}): {'; '.join(nodes[:3])}" for id_, help_, nodes in told]


def left_in_english(page: Page) -> list[str]:
    """Texts of a Chinese page that are, or hold, an English one of the catalogue.

    What is short counts where it stands alone: names may be English words.
    """
    texts: list[str] = page.evaluate(_TEXTS)
    return [text for text in texts if _is_english(text)]


def _is_english(text: str) -> bool:
    parts = {text, *re.split(r"\s*[·，：；（）()]\s*|[,:;]\s+", text)}
    return bool(parts & _KEYS) or any(sentence in text for sentence in _SENTENCES)


def _keys() -> Iterator[str]:
    """The English of what is not the same in Chinese, cut where values stand in it."""
    for message in catalogue.read_desk("zh"):
        strings = message.string if isinstance(message.string, tuple) else (message.string,)
        for key in message.id if isinstance(message.id, tuple) else (message.id,):
            for part in () if key in strings else _VALUES.split(str(key)):
                yield part.strip(" .,:;()“”")


_KEYS = frozenset(key for key in _keys() if re.search("[A-Za-z]{3}", key))
_SENTENCES = tuple(key for key in _KEYS if key.count(" ") >= 1 and len(key) > 8)


def walk(context: BrowserContext, base: str, language: str, starts: Sequence[str]) -> list[Visit]:
    """Follow every link of the desk at *base*, a few of each kind of page, and all *starts*."""
    page = context.new_page()
    wrong = listen(page)
    seen: dict[str, set[str]] = {}
    visits: list[Visit] = []
    waiting = list(starts)
    while waiting:
        path = waiting.pop(0)
        kind = kind_of(path)
        paths = seen.setdefault(kind, set())
        asked_for = path in starts
        if path in paths or (len(paths) >= _EACH and not asked_for) or _PASSED_BY.match(path):
            continue
        paths.add(path)
        wrong.clear()
        faults: list[str] = []
        answer = context.request.get(path, max_redirects=0)
        if answer.status in (302, 303, 307):
            leads_to = list(_of_here(base, path, [answer.headers["location"]]))
            if not leads_to or (leads_to[0].startswith("/login") and _is_signed_in(context)):
                faults.append(f"leads to {answer.headers['location']}")
            waiting += leads_to
        elif answer.status != 200:
            faults.append(f"status {answer.status}")
        elif answer.headers.get("content-type", "").startswith("text/html"):
            faults += _page_faults(
                page, path, language, axe=asked_for or len(paths) == 1, size=len(answer.body())
            )
            hrefs: list[str] = page.eval_on_selector_all(
                "a[href]", "links => links.map(a => a.getAttribute('href'))"
            )
            waiting += _of_here(base, path, hrefs)
        visits.append(Visit(path, (*faults, *wrong)))
    page.close()
    return visits


def _page_faults(page: Page, path: str, language: str, *, axe: bool, size: int) -> list[str]:
    page.goto(path, wait_until="load")
    too_large = [f"{size} bytes"] if size > LARGEST else []
    return too_large + look(page, language, axe=axe)


def _of_here(base: str, path: str, hrefs: list[str]) -> Iterator[str]:
    """The paths that *hrefs* lead to, of those at this server."""
    for href in hrefs:
        there, here = urlsplit(urljoin(base + path, href)), urlsplit(base)
        if (there.scheme, there.netloc) == (here.scheme, here.netloc):
            yield there.path + (f"?{there.query}" if there.query else "")


def kind_of(path: str) -> str:
    """*path* without what it names: pages of one kind are made by one template."""
    parts = urlsplit(path)
    steps = (re.sub(r".*[0-9].*|.{25,}", "…", step) for step in parts.path.split("/"))
    names = sorted({name for name, value in parse_qsl(parts.query) if value})
    path = re.sub(r"^/problems/.*", "/problems/…", "/".join(steps))
    return path + (f"?{'&'.join(names)}" if names else "")


def told(visits: Sequence[Visit]) -> str:
    """All faults, a line each."""
    return "\n".join(f"{visit.path}: {fault}" for visit in visits for fault in visit.faults)


def _is_signed_in(context: BrowserContext) -> bool:
    return any(cookie.get("name") == "hostseal_session" for cookie in context.cookies())
