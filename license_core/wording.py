"""How the facts of an error or a notice are put into words, in any language.

What a file or a request said is shown with its control characters escaped, so that a hostile
value cannot move the cursor of the terminal it is shown in, nor pass for another.
"""

from __future__ import annotations

import time

from license_core.reason import Count, Reason, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Self

    from license_core.notices import Remark
    from license_core.problem import Problem

    Translate = Callable[[str], str]
    """From an English text to the same in another language; ``str`` for English."""

DEFAULT_CLI = "python cmd/cli.py"
DEFAULT_SERVER = "license-server"
BLANK = frozenset("\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters and symbols that nobody sees: two names that differ only in them look the same."""
_SELECTORS = frozenset("\u034f\u180b\u180c\u180d\u180f").union(map(chr, range(0xFE00, 0xFE10)))
_MORE_SELECTORS = range(0xE0100, 0xE01F0)


def printable(text: str) -> str:
    r"""*text* on one line, with nothing in it that is not seen or passes for something else.

    Written as ``\uXXXX`` or ``\UXXXXXXXX`` are control and format characters, letters that are
    blank, marks with nothing before them to sit on, and the blanks of a text that has nothing else;
    and a backslash before ``u`` or ``U``, so that each such text was one character. What comes out
    must not go in again.
    """
    if text.isascii() and text.isprintable() and "\\" not in text and not text.isspace():
        return text
    is_blank = not any(map(_is_seen, text.replace(" ", "")))
    shown: list[str] = []
    sits = False  # whether there is something that a mark can sit on
    for at, character in enumerate(text):
        if character == "\\":
            hides = text[at + 1 : at + 2] in ("u", "U")
        elif character == " ":
            hides = is_blank
        else:
            hides = not _is_seen(character) or (not sits and _is_mark(character))
        sits = not hides and character != " "
        shown.append(_escape(character) if hides else character)
    return "".join(shown)


def is_selector(character: str) -> bool:
    """Whether it only says how the character before it is to look, and is not seen itself."""
    return character in _SELECTORS or ord(character) in _MORE_SELECTORS


def _is_seen(character: str) -> bool:
    return character.isprintable() and character not in BLANK and not is_selector(character)


def _is_mark(character: str) -> bool:
    """Whether it only changes the character before it."""
    if character < "\u0300" or character.isalnum():
        return False
    from unicodedata import category  # few texts begin so

    return category(character) in ("Mn", "Me")


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def utc(instant: int) -> str:
    """An instant in seconds, as ``2026-11-23 16:00:00 UTC``."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(instant))


# Facts that are words themselves, and not names or numbers.
_WORDS = frozenset({"reason", "what", "found"})
_MOST_SHOWN = 4096
"""Of a fact so many characters are put into words: as many as a path may have."""


def _spoken(facts: dict[str, Any], translate: Translate) -> dict[str, str | Count]:
    """The facts as words for a template; ``…_at`` are instants in seconds."""
    return {name: _word(name, value, translate) for name, value in facts.items()}


def _word(name: str, value: Any, translate: Translate) -> str | Count:
    if value is None:
        return translate("unknown")
    if name.endswith("_at") and isinstance(value, int):
        return utc(value)
    if type(value) is int:
        return Count(value)
    if isinstance(value, Reason) or (name in _WORDS and isinstance(value, str)):
        value = say(value, translate)
    text = str(value)
    return printable(text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…")


_NOTHING: Mapping[str, Any] = {}


class Worded:
    """Facts, and the row of the tables that has the words for them."""

    facts: dict[str, Any]
    advice: tuple[str, ...] | None = None
    """The remedies for the host at hand, in place of that of the row: names in remedies.py."""
    more: Mapping[str, Any] = _NOTHING
    """Facts that only the advice is filled with."""
    cause: Worded | None = None
    """What it comes of, and whose remedy is its own."""

    def advised(self, advice: tuple[str, ...] | None, **more: Any) -> Self:
        """Itself, with *advice*: None for the remedy of its row, an empty one for none at all."""
        self.advice, self.more = advice, more
        return self

    def because(self, cause: Worded) -> Self:
        """Itself, with the remedy of its *cause*."""
        self.cause = cause
        return self

    @property
    def row(self) -> Problem | Remark:
        """Its row."""
        raise NotImplementedError

    @property
    def sentence(self) -> str:
        """What there is to say of these facts, in one line of English."""
        return self.say()

    def say(self, translate: Translate = str) -> str:
        """What there is to say of these facts, in one line."""
        return translate(self.row.sentence).format_map(_spoken(self.facts, translate))

    def remedy(
        self, cli: str = DEFAULT_CLI, translate: Translate = str, server: str = DEFAULT_SERVER
    ) -> str:
        """What to do about it; *cli* and *server* are how these are called here."""
        if self.cause is not None:
            return self.cause.remedy(cli, translate, server)
        facts = {**_spoken({**self.facts, **self.more}, translate), "cli": cli, "server": server}
        return "\n".join(translate(text).format_map(facts) for text in self._remedies())

    def _remedies(self) -> tuple[str, ...]:
        if self.advice is None:
            return (self.row.remedy,)
        from license_core.remedies import REMEDIES

        return tuple(REMEDIES[name] for name in self.advice)
