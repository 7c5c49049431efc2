"""Translates click's own texts: help pages and usage errors.

Imported only where that language is not English.
"""

from __future__ import annotations

import copy
import inspect

import click

from license_cli.language import tr
from license_cli.wrap import width, wrapped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


class Formatter(click.HelpFormatter):
    """Wraps by columns, not by characters: click takes a Chinese sentence for one long word."""

    def write_text(self, text: str) -> None:
        """Paragraphs."""
        columns = self.width - self.current_indent
        super().write_text("\n\n".join(_as_it_is(part, columns) for part in text.split("\n\n")))

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        """Options or commands, each with its explanation beside it."""
        rows = list(rows)
        first = min(max(width(term) for term, _ in rows), col_max) + col_spacing
        columns = self.width - first - self.current_indent
        told = [(term, _as_it_is(text, columns)) for term, text in rows]
        super().write_dl(told, col_max, col_spacing)


def _as_it_is(text: str, columns: int) -> str:
    """*text* in lines that click leaves alone, as the mark at its head says."""
    return "\n".join(("\b", *wrapped(" ".join(text.split()), columns)))


def spoken(command: click.Command) -> click.Command:
    """A copy of *command* whose help is in the language of this process."""
    told = copy.copy(command)
    told.help = command.help and tr(inspect.cleandoc(command.help))
    told.short_help = command.short_help and tr(command.short_help)
    vars(told)["_help_option"] = None  # click keeps it in the language of its first use
    told.params = [
        _spoken_option(parameter) if isinstance(parameter, click.Option) else parameter
        for parameter in command.params
    ]
    return told


def _spoken_option(option: click.Option) -> click.Option:
    """A copy of *option* whose help is in the language of this process."""
    told = copy.copy(option)
    told.help = option.help and tr(option.help)
    return told
