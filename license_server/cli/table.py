"""A table for a terminal: columns stand below one another, whatever script they are written in."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from unicodedata import category, east_asian_width

import click

from license_core.wording import printable
from license_server.cli.output import say

AT_ONCE = 500
"""So many rows are aligned at a time; those after them make a column wider, never narrower."""
_WIDEST = 40
"""So many places a cell has at a terminal."""
_GAP = "  "


def lines(heading: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """The lines of a table; None is an empty cell. At a terminal, long cells are cut."""
    most = _WIDEST if sys.stdout.isatty() else None
    rest = iter(rows)
    some = [tuple(heading), *islice(rest, AT_ONCE)]
    widths = [0] * len(heading)
    while some:
        texts = [tuple(_text(cell, most) for cell in row) for row in some]
        columns = zip(widths, zip(*texts, strict=True), strict=True)
        widths = [max(width, *map(width_of, column)) for width, column in columns]
        for row in texts:
            told = (text + " " * (w - width_of(text)) for text, w in zip(row, widths, strict=True))
            yield _GAP.join(told).rstrip()
        some = list(islice(rest, AT_ONCE))


def put(heading: Sequence[str], rows: Iterable[Sequence[object]], nothing: str) -> None:
    """Print the table of *rows* under its *heading*; where there are none, say *nothing* of them.

    That is said on stderr, so that a list that is empty is empty for a program.
    """
    rest = iter(rows)
    first = next(rest, None)
    if first is None:
        click.echo(nothing, err=True)
        return
    for line in lines(heading, chain([first], rest)):
        say(line)


def width_of(text: str) -> int:
    """How many places of a terminal *text* takes: a Chinese character has two."""
    return sum(_width(character) for character in text)


def _width(character: str) -> int:
    if category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if east_asian_width(character) in ("W", "F") else 1


def _text(cell: object, most: int | None) -> str:
    text = "" if cell is None else printable(str(cell))
    if most is None or width_of(text) <= most:
        return text
    kept, left = "", most - 1
    for character in text:
        left -= _width(character)
        if left < 0:
            break
        kept += character
    return f"{kept}…"
