"""Text in lines of a terminal, where a Chinese character takes two columns."""

import re

from license_cli.render import width

# What must stay together: text in back quotes, a word, a wide character; and marks that close it.
_WIDE = "\u2e80-\u9fff\uff01-\uff5e"
_CLOSING = "\u3001\u3002\uff0c\uff1a\uff1b\uff09\u201d"
_PIECES = re.compile(
    rf"(?:`[^`]*`|[{_WIDE}]|[^\s`{_WIDE}]+)(?:`[^`]*`|[^\s`{_WIDE}]|[{_CLOSING}])*\s*"
)


def wrapped(text: str, columns: int) -> list[str]:
    """*text* in lines of at most *columns*; what is in back quotes is not broken.

    Chinese may be broken between any two characters, but not before a closing mark.
    """
    lines = [""]
    for piece in _PIECES.findall(text):
        if width(lines[-1] + piece.rstrip()) <= columns or not lines[-1]:
            lines[-1] += piece
        else:
            lines.append(piece)
    return [line.strip() for line in lines]
