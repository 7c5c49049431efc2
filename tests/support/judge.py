"""The checks that every page must pass in Chromium: layout, language, axe-core, script errors.

``crawl`` finds what links lead to; ``walk`` looks at the pages among it; ``look`` judges the one
that a test has open.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from html.parser import HTMLParser
from importlib.resources import files
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urljoin, urlsplit

from playwright.sync_api import BrowserContext, JSHandle, Page, ViewportSize

from tests.support import catalogue

NARROW = ViewportSize(width=390, height=844)
WIDE = ViewportSize(width=1280, height=900)
LARGEST = 100_000
"""Bytes of a page."""
_LOUD = ("error", "warning")
_CANCELLED = "net::ERR_ABORTED"
"""What Chromium says where an address turns out to be a file to keep, or a page asks anew."""
_EACH = 1
"""So many addresses of one kind are followed; more only if asked for."""
_PASSED_BY = re.compile(r"(/portal)?/(logout|preferences|static)\b")
_RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
_AXE = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
_COLOURS = ("color-contrast", "link-in-text-block")
"""The rules of axe-core that ask for colours: the ground changes nothing else."""
_RUN_AXE = """async ([options, where]) => {
    const found = await axe.run(where, {...options, resultTypes: ["violations"]});
    const why = n => (n.any[0] || n.all[0] || n.none[0] || {message: ""}).message;
    const told = n => n.target.join(" ") + ": " + why(n);
    return found.violations.map(v => [v.id, v.help, v.nodes.map(told)]);
}"""
_TEXT_KINDS = """seen => {
    const known = new Set(seen), grounds = new Map(), fresh = [], marks = new Map();
    const ground = e => { if (!e) return "";
        if (!grounds.has(e)) { const s = getComputedStyle(e);
            const own = [s.backgroundColor, s.backgroundImage, s.opacity, s.filter, s.mixBlendMode];
            const bare = own.join() === "rgba(0, 0, 0, 0),none,1,none,normal";
            grounds.set(e, ground(e.parentElement) + (bare ? "" : own.join() + "/")) }
        return grounds.get(e) };
    const kind = e => { const s = getComputedStyle(e), above = getComputedStyle(e.parentElement);
        return [e.localName, e.matches(":disabled"), s.color, above.color, s.textShadow, s.fontSize,
            s.fontWeight, s.textDecorationLine, s.position, ground(e)].join() };
    const says = e => e.matches("input, select, textarea")  // of a single sign axe-core is not sure
        || [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim().length > 1);
    for (const e of document.body.querySelectorAll("*")) {
        if (!e.checkVisibility() || !says(e) || known.has(kind(e))) continue;
        const count = marks.get(kind(e)) || 0;
        if (count < 3) fresh.push(e);
        marks.set(kind(e), count + 1) }
    return [fresh, [...marks.keys()]];
}"""
_PARTS = """() => {
    const name = e => [e.localName, ...e.classList,
        ...e.getAttributeNames().filter(a => /^aria-|^role$|^tabindex$/.test(a))].join(" ");
    const all = [...document.body.querySelectorAll("*")];
    return [...new Set(all.map(e => name(e.parentElement) + " > " + name(e)))];
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
    """Script errors and failed requests on *page* from now on."""
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


Kinds = dict[str, set[str]]
"""The kinds of text of which axe-core has judged the colours, on each ground.

A kind is what decides them: the style of a text, and what is painted below it.
"""


def look(
    page: Page,
    language: str,
    *,
    axe: bool = True,
    colours: bool = True,
    judged: Kinds | None = None,
) -> list[str]:
    """What is wrong with the page that is open, on both grounds and on a narrow screen.

    The colours of each kind of text are judged on three texts, and those of *judged* not again.
    """
    page.set_viewport_size(NARROW)
    found = glance(page, language)
    page.set_viewport_size(WIDE)
    if not axe:
        return found
    found += without_colours(page)
    return found + (of_colours(page, judged) if colours else [])


def glance(page: Page, language: str) -> list[str]:
    """The faults that need no axe-core: layout at the present width, and language.

    A click returns when the next page has begun, which has no body yet: it is waited for.
    """
    page.wait_for_load_state()
    found = [f"in English: {text!r}" for text in left_in_english(page)] if language == "zh" else []
    sticks_out = page.evaluate(_STICKS_OUT)
    return [*found, f"sticks out: {sticks_out}"] if sticks_out else found


def without_colours(page: Page) -> list[str]:
    """What axe-core finds, whatever the colours are.

    The page's policy does not hold for what a test evaluates.
    """
    page.evaluate(_AXE)
    _set_theme(page, "light")
    rules = {name: {"enabled": False} for name in _COLOURS}
    return _axe(page, "light", {"runOnly": {"type": "tag", "values": _RULES}, "rules": rules})


def of_colours(page: Page, judged: Kinds | None = None) -> list[str]:
    """What axe-core, which is there, finds wrong with the colours, on light and on dark ground.

    Three texts of each kind that is not among those *judged* are looked at; these join them.
    """
    found: list[str] = []
    judged = {} if judged is None else judged
    for theme in ("light", "dark"):
        _set_theme(page, theme)
        kinds = judged.setdefault(theme, set())
        fresh = page.evaluate_handle(_TEXT_KINDS, sorted(kinds))
        marks = fresh.evaluate("([, marks]) => marks")
        if marks:
            options = {"runOnly": {"type": "rule", "values": _COLOURS}}
            found += _axe(
                page, theme, options, fresh.evaluate_handle("([found]) => ({include: found})")
            )
        kinds.update(marks)
    return found


def _set_theme(page: Page, theme: str) -> None:
    page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)


def _axe(
    page: Page, theme: str, options: dict[str, Any], where: JSHandle | None = None
) -> list[str]:
    """The faults that axe-core finds in the whole document, or in *where*."""
    where = where or page.evaluate_handle("document")
    told: list[tuple[str, str, list[str]]] = page.evaluate(_RUN_AXE, [options, where])
    return [f"axe, {theme}: {id_} ({help_}): {'; '.join(nodes[:3])}" for id_, help_, nodes in told]


def parts_of(page: Page) -> frozenset[str]:
    """What the page is made of: each kind of element within each other."""
    return frozenset(page.evaluate(_PARTS))


def left_in_english(page: Page) -> list[str]:
    """Texts of a Chinese page that are, or hold, an English one of the catalogue.

    What is short counts where it stands alone: names may be English words.
    """
    texts: list[str] = page.evaluate(_TEXTS)
    return [text for text in texts if _is_english(text)]


@cache
def _is_english(text: str) -> bool:
    parts = {text, *re.split(r"\s*[·，：；（）()]\s*|[,:;]\s+", text)}
    return bool(parts & _KEYS) or bool(_HOLDS_SENTENCE.search(text))


def _keys() -> Iterator[str]:
    """The English of what is not the same in Chinese, cut where values stand in it."""
    for message in catalogue.read_desk("zh"):
        strings = message.string if isinstance(message.string, tuple) else (message.string,)
        for key in message.id if isinstance(message.id, tuple) else (message.id,):
            for part in () if key in strings else _VALUES.split(str(key)):
                yield part.strip(" .,:;()“”")


_KEYS = frozenset(key for key in _keys() if re.search("[A-Za-z]{3}", key))
_SENTENCES = tuple(key for key in _KEYS if key.count(" ") >= 1 and len(key) > 8)
_HOLDS_SENTENCE = re.compile(
    rf"(?<![A-Za-z0-9:])(?:{'|'.join(map(re.escape, _SENTENCES))})(?![A-Za-z0-9:])"
)
"""``customers:erase customers:write`` are two names of permissions, and no sentence."""


class Found(NamedTuple):
    """The reply to a link's address, fetched by plain HTTP."""

    path: str
    is_page: bool
    faults: tuple[str, ...] = ()


def crawl(context: BrowserContext, base: str, starts: Sequence[str]) -> Iterator[Found]:
    """Follow every link of the desk at *base*, a few of each kind of page, and all *starts*."""
    seen: dict[str, set[str]] = {}
    waiting = list(starts)
    while waiting:
        path = waiting.pop(0)
        paths = seen.setdefault(kind_of(path), set())
        enough = len(paths) >= _EACH and path not in starts
        if path in paths or enough or _PASSED_BY.match(path):
            continue
        paths.add(path)
        answer = context.request.get(path, max_redirects=0)
        if answer.status in (302, 303, 307):
            location = answer.headers["location"]
            leads_to = list(_of_here(base, path, [location]))
            lost = not leads_to or (leads_to[0].startswith("/login") and _is_signed_in(context))
            waiting += leads_to
            yield Found(path, False, (f"leads to {location}",) if lost else ())
        elif answer.status != 200:
            yield Found(path, False, (f"status {answer.status}",))
        elif answer.headers.get("content-type", "").startswith("text/html"):
            body = answer.body()
            links = _Links(body.decode("utf-8"))
            waiting += _of_here(base, path, links.hrefs)
            size = len(body)
            yield Found(path, True, (f"{size} bytes",) if size > LARGEST else ())
        else:
            yield Found(path, False)


def walk(
    context: BrowserContext,
    base: str,
    language: str,
    starts: Sequence[str],
    *,
    axe: bool = True,
    judged: Kinds | None = None,
) -> list[Visit]:
    """Look at every page that ``crawl`` finds.

    *axe*: with axe-core, where a page is the first at its path or has a part that none before it
    had; the colours but for those of *judged*, as ``look``.
    """
    page = context.new_page()
    wrong = listen(page)
    at: set[str] = set()
    parts: set[str] = set()
    judged = {} if judged is None else judged
    visits: list[Visit] = []
    for found in crawl(context, base, starts):
        faults = list(found.faults)
        if found.is_page:
            wrong.clear()
            page.goto(found.path, wait_until="load")
            path, made_of = kind_of(urlsplit(found.path).path), parts_of(page)
            fresh = path not in at or not made_of <= parts
            faults += look(page, language, axe=axe and fresh, judged=judged)
            faults += wrong
            at.add(path)
            parts |= made_of
        visits.append(Visit(found.path, tuple(faults)))
    page.close()
    return visits


class _Links(HTMLParser):
    """The addresses that the links of a page lead to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.hrefs: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.hrefs += [value for name, value in attrs if tag == "a" and name == "href" and value]


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


def told(visits: Sequence[Visit | Found]) -> str:
    """All faults, a line each."""
    return "\n".join(f"{visit.path}: {fault}" for visit in visits for fault in visit.faults)


def _is_signed_in(context: BrowserContext) -> bool:
    return any(cookie.get("name") == "hostseal_session" for cookie in context.cookies())
