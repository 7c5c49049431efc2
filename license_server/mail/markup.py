"""HTML as a text: what a person would see of it, with the words that stand for its pictures.

Nothing is run, fetched or kept of it: no script, style, link or form. Each character is looked at
a bounded number of times, whatever is left open.
"""

import re
from html import unescape

_MARK = re.compile("[\"'>]")
_NAME = re.compile(r"(/?)([A-Za-z][A-Za-z0-9:]{0,20})")
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});?")
_BLANKS = re.compile(r"[ \t\r\n\f]+")
_ALT = re.compile(r"(?is)\balt\s*=\s*(?:\"([^\"]{0,2000})\"|'([^']{0,2000})'|([^\s\"'>]{1,200}))")
_HIDDEN = re.compile(r"(?is)\bstyle\s*=\s*(?:\"[^\"]{0,500}?|'[^']{0,500}?)display\s*:\s*none")
_IS_HIDDEN = re.compile(r"(?is)\shidden(?=[\s=>/]|$)(?!\s*=\s*[\"']?until)")
_MOST_QUOTES = 200
"""A tag with more quotation marks is none that a program wrote."""
_LONGEST_LOOK = 4096
"""So many characters of a tag are looked at for what it says."""
_UNSEEN = {"script", "style", "head", "template", "object", "iframe", "noframes", "svg", "select"}
_INLINE = {
    *("a", "abbr", "b", "big", "bdi", "bdo", "cite", "code", "del", "em", "font", "i", "ins"),
    *("kbd", "mark", "nobr", "o:p", "q", "s", "samp", "small", "span", "strike", "strong", "sub"),
    *("sup", "tt", "u", "var", "wbr", "label", "time", "st1", "noscript"),
}
_CELLS = {"td", "th"}
_VOID = {"br", "img", "hr", "wbr", "input", "meta", "link", "col", "area", "base", "source"}
_DEEPEST = 9


class _Page:
    """The text of a page, as it grows."""

    def __init__(self, last_comment: int) -> None:
        self.last_comment = last_comment
        """Where the last comment of the page ends."""
        self._lines: list[str] = []
        self._line: list[str] = []
        self._depth = 0
        self._unseen = ""
        self._within = 0
        self.is_kept = 0
        """In how many elements blanks are kept."""

    def say(self, text: str) -> None:
        if self._unseen or not text:
            return
        if not self.is_kept:
            self._line.append(_BLANKS.sub(" ", text))
            return
        first, *others = text.replace("\r\n", "\n").split("\n")
        self._line.append(first)
        for one in others:
            self.end_line()
            self._line.append(one)

    def end_line(self) -> None:
        text = "".join(self._line)
        text = text if self.is_kept else text.strip(" ")
        if text or (self._lines and self._lines[-1].strip("> ")):
            self._lines.append("> " * min(self._depth, _DEEPEST) + text)
        self._line = []

    def open(self, name: str, tag: str) -> None:
        if self._unseen:
            self._within += name == self._unseen
            return
        is_hidden = _HIDDEN.search(tag) or _IS_HIDDEN.search(tag)
        if name in _UNSEEN or (is_hidden and name not in _VOID):
            self._unseen, self._within = ("" if tag.endswith("/") else name), 1
        elif name == "img":
            found = None if is_hidden else _ALT.search(tag)
            alt = found and (found[1] or found[2] or found[3])
            self.say(f" {_unescaped(alt)} " if alt else "")
        elif name in _CELLS:
            self._line.append("\t" if self._line else "")
        elif name not in _INLINE:
            self.end_line()
            self._depth += name == "blockquote"
            self.is_kept += name in ("pre", "textarea", "xmp", "listing")

    def close(self, name: str) -> None:
        if self._unseen:
            self._within -= name == self._unseen
            self._unseen = self._unseen if self._within else ""
        elif name not in _INLINE and name not in _CELLS:
            self.end_line()
            self._depth = max(0, self._depth - (name == "blockquote"))
            self.is_kept = max(0, self.is_kept - (name in ("pre", "textarea", "xmp", "listing")))

    def text(self) -> str:
        self.end_line()
        return "\n".join(self._lines).strip("\n")


def shown(html: str) -> str:
    """The text that a page shows."""
    page, at = _Page(html.rfind("-->")), 0
    last = html.rfind(">")
    while at < len(html):
        start = html.find("<", at, last + 1)
        if start < 0:
            break
        page.say(_unescaped(html[at:start]))
        at = _after(html, start, last, page)
    page.say(_unescaped(html[at:]))
    return page.text()


def _after(html: str, start: int, last: int, page: _Page) -> int:
    """Where what begins at *start* ends, once the *page* knows of it."""
    if html.startswith("<!--", start):
        end = html.find("-->", start + 4) if start < page.last_comment else -1
        # A comment that is left open ends with its tag, as browsers have it; and the rest is text.
        return end + 3 if end >= 0 else html.find(">", start) + 1
    if html.startswith(("<!", "<?"), start):
        return html.find(">", start) + 1
    name = _NAME.match(html, start + 1)
    if name is None:
        page.say("<")
        return start + 1
    end = _end(html, name.end(), last)
    of = name[2].lower()
    if name[1]:
        page.close(of)
        return end + 1
    page.open(of, html[name.end() : min(end, name.end() + _LONGEST_LOOK)])
    if of in ("script", "style"):
        closing = re.compile(rf"(?i)</{of}\b").search(html, end + 1)
        return closing.start() if closing else len(html)
    return end + 1


def _end(html: str, at: int, last: int) -> int:
    """Where the tag ends: at the first > outside quotation marks; at the first of all, else."""
    first = html.find(">", at)
    start = at
    for _ in range(_MOST_QUOTES):
        mark = _MARK.search(html, start, last + 1)
        if mark is None:
            return first
        if mark[0] == ">":
            return mark.start()
        is_value = html[max(at, mark.start() - 20) : mark.start()].rstrip()[-1:] == "="
        end = html.find(mark[0], mark.end(), last + 1) if is_value else mark.start()
        if end < 0:
            return first
        start = end + 1
    return first


def _unescaped(text: str) -> str:
    if "&" not in text:
        return text
    return _ENTITY.sub(lambda entity: unescape(entity[0]), text)
