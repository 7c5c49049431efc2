"""A QR code in a terminal: half blocks, or blanks in reverse video where there is no UTF-8."""

from __future__ import annotations

import os
import sys

from license_cli import render
from license_core import qr
from license_core.errors import UsageError
from license_core.reason import Reason
from license_core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_MARGINS = (4, 2)
"""Modules around the code: as many as the standard says, or as cameras need."""
_HALVES = {"00": " ", "01": "\u2584", "10": "\u2580", "11": "\u2588"}
_OTHER = str.maketrans("01", "10")
_REVERSE, _PLAIN = "\x1b[7m", "\x1b[0m"
_UNRESERVED = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-._~")
_FORM = "/licenses/new"
_COLUMNS, _ROWS = 80, 24
"""Of a terminal that does not say how large it is."""


class Screen(NamedTuple):
    """What a code is shown on."""

    columns: int
    """0: it is no terminal, and as wide and high as need be."""
    rows: int
    has_blocks: bool
    """Whether it shows half blocks, each one column wide."""
    obeys: bool
    """Whether it knows reverse video."""

    @classmethod
    def here(cls) -> Screen:
        """That of standard output."""
        stream = sys.stdout
        has_blocks = (stream.encoding or "").lower().replace("_", "-") in ("utf-8", "utf8")
        if not stream.isatty():
            return cls(0, 0, has_blocks, obeys=False)
        size = os.get_terminal_size(stream.fileno())
        obeys = os.environ.get("TERM", "dumb") not in ("dumb", "")
        return cls(size.columns or _COLUMNS, size.lines or _ROWS, has_blocks, obeys)

    def needed(self, modules: int, margin: int) -> tuple[int, int]:
        """The columns and lines of a code of so many modules a side."""
        side = modules + 2 * margin
        return (side, (side + 1) // 2) if self.has_blocks else (2 * side, side)

    def has_room(self, columns: int, rows: int) -> bool:
        """Whether there are so many columns, and lines besides that of the prompt."""
        return self.columns == 0 or (columns <= self.columns and rows < self.rows)


def link(url: str, text: str) -> str:
    """The address of the form at *url*, filled in with *text*: no server sees what is behind ``#``.

    Raises UsageError.
    """
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    is_plain = not any(sign in url for sign in '#"<>\\^`{|}') and url.isascii()
    if scheme.lower() not in ("https", "http") or not host or not is_plain or " " in url:
        reason = "{url} is no address such as https://desk.example.com"
        raise UsageError(reason=Reason(reason, url=url))
    form = f"/{path}" if slash and path else _FORM
    return f"{scheme}://{host}{form}#host={_quoted(text)}"


def show(texts: Sequence[str], *, inverse: bool) -> None:
    """Show the first of *texts* whose code this terminal has room for; the last is the shortest.

    That is the host key line, which is said as it is where there is no room for any code.
    """
    screen = Screen.here()
    for text in texts:
        square = _square(text)
        for margin in _MARGINS:
            if square is not None and screen.has_room(*screen.needed(len(square), margin)):
                _draw(square, margin, screen, inverse)
                if text != texts[0]:
                    _say_shorter(texts[0], screen)
                return
    square = _square(texts[-1])
    if square is None:  # a hostname of hundreds of characters
        render.say(texts[-1])
        _say_shorter(texts[-1], screen)
        return
    columns, rows = screen.needed(len(square), _MARGINS[-1])
    if columns <= screen.columns:
        _draw(square, _MARGINS[-1], screen, inverse)
        text = (
            "The QR code takes {rows} lines, and this terminal has {height}: make its window "
            "larger or its font smaller."
        )
        render.remark([render.note(text, rows=rows, height=screen.rows)])
        return
    render.say(texts[-1])
    text = (
        "A QR code takes {columns} columns here, and this terminal has {width}: make its window "
        "larger or its font smaller. This is the host key line."
    )
    render.remark([render.note(text, columns=columns, width=screen.columns)])


def _square(text: str) -> list[str] | None:
    try:
        return qr.encode(text)
    except qr.TooLongError:
        return None


def _say_shorter(whole: str, screen: Screen) -> None:
    """Say why the host key line stands for the *whole*."""
    square = _square(whole)
    if square is None:
        text = "All of it is too long for a QR code: this is the host key line."
        render.remark([render.note(text)])
        return
    columns, rows = screen.needed(len(square), _MARGINS[-1])
    text = (
        "All of it takes {columns} columns and {rows} lines as a QR code, and this terminal has "
        "{width} and {height}: this is the host key line."
    )
    facts = {"columns": columns, "rows": rows, "width": screen.columns, "height": screen.rows}
    render.remark([render.note(text, **facts)])


def _draw(square: list[str], margin: int, screen: Screen, inverse: bool) -> None:
    render.say_page("\n".join(_lines(square, margin, screen, inverse)))


def _lines(square: list[str], margin: int, screen: Screen, inverse: bool) -> list[str]:
    """The lines of a picture; what is lit is light, as on a dark terminal, or *inverse* dark."""
    side = len(square) + 2 * margin
    above = ["0" * side] * margin
    rows = [*above, *(f"{'0' * margin}{row}{'0' * margin}" for row in square), *above]
    if not inverse:
        rows = [row.translate(_OTHER) for row in rows]
    if not screen.has_blocks:
        return [_in_cells(row, screen.obeys) for row in rows]
    if side % 2:
        rows.append("0" * side)
    return [
        "".join(_HALVES[upper + lower] for upper, lower in zip(*pair)).rstrip()
        for pair in zip(rows[::2], rows[1::2])
    ]


def _in_cells(row: str, obeys: bool) -> str:
    """A row in cells of two columns, which are about as wide as high."""
    lit, unlit = (f"{_REVERSE}  {_PLAIN}", "  ") if obeys else ("##", "  ")
    return (
        "".join(lit if one == "1" else unlit for one in row).replace(_PLAIN + _REVERSE, "").rstrip()
    )


def _quoted(text: str) -> str:
    """*text* as a part of an address."""
    return "".join(
        sign if sign in _UNRESERVED else "".join(f"%{byte:02X}" for byte in sign.encode("utf-8"))
        for sign in text
    )
