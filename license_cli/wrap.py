"""Wraps text to a terminal's width; a Chinese character takes two columns."""

from __future__ import annotations

# What must stay together: text in back quotes, a word, a wide character; and marks that close it.
_WIDE = "\u2e80-\u9fff\uff01-\uff5e"
_CLOSING = "\u3001\u3002\uff0c\uff1a\uff1b\uff09\u201d"
_PIECES = rf"(?:`[^`]*`|[{_WIDE}]|[^\s`{_WIDE}]+)(?:`[^`]*`|[^\s`{_WIDE}]|[{_CLOSING}])*\s*"

_INDENT, _LEAST = 5, 20


def width(text: str) -> int:
    """The columns that *text* takes in a terminal: a Chinese character takes two."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(c) else 2 if east_asian_width(c) in ("W", "F") else 1 for c in text)


def padded(text: str, columns: int) -> str:
    """*text* followed by blanks up to *columns*."""
    return text + " " * (columns - width(text))


def wrapped(text: str, columns: int) -> list[str]:
    """*text* in lines of at most *columns*; what is in back quotes is not broken.

    Chinese may be broken between any two characters, but not before a closing mark.
    """
    import re  # what only asks how wide a text is starts without it

    lines = [""]
    for piece in re.findall(_PIECES, text):
        if width(lines[-1] + piece.rstrip()) <= columns or not lines[-1]:
            lines[-1] += piece
        else:
            lines.append(piece)
    return [line.strip() for line in lines]


def message(line: str, columns: int) -> list[str]:
    """A line of a message (``[E]: …``, or one indented below it), for a terminal so wide.

    What is indented further is to be pasted: it stays whole.
    """
    import re

    head, text = line[:_INDENT], line[_INDENT:]
    if text[:1] in ("", " ") or not (head.isspace() or re.fullmatch(r"\[[ENW ]\]: ", head)):
        return [line]
    first, *rest = wrapped(text, max(columns - _INDENT, _LEAST))
    return [head + first, *(" " * _INDENT + more for more in rest)]
