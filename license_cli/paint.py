"""Colour for terminals only (https://no-color.org)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import IO

    Brush = Callable[[str, str], str]
    """From a text and a style to the text in that style."""

_STYLES = {"red": "31", "yellow": "33", "green": "32", "bold": "1"}  # SGR, ECMA-48 section 8.3.117
_MARKS = {"[E]": "red", "[W]": "yellow"}


def plain(text: str, style: str) -> str:  # noqa: ARG001
    """*text* as it is."""
    return text


def brush(stream: IO[str], environ: Mapping[str, str]) -> Brush:
    """What to paint with on *stream*: nothing, unless a person with a colour terminal reads it."""
    refused = environ.get("NO_COLOR") or environ.get("TERM", "dumb") == "dumb"
    return plain if refused or not stream.isatty() else _coloured


def mark(line: str, brush: Brush) -> str:
    """*line* with the ``[E]`` or ``[W]`` that it may begin with in its colour."""
    style = _MARKS.get(line[:3])
    return brush(line[:3], style) + line[3:] if style else line


def _coloured(text: str, style: str) -> str:
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if text else text
