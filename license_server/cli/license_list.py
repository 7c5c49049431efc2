"""``license-server list``: licences in a terminal, with the filters and columns of the desk."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

import click

from license_core.reason import Reason
from license_server.cli import table
from license_server.cli.caller import caller
from license_server.cli.license_filters import license_filters, wanted_licenses
from license_server.cli.output import say, written
from license_server.cli.shared import reading
from license_server.db.errors import InputInvalidError
from license_server.sheets import csv_text

if TYPE_CHECKING:
    from license_server.db.sorted_rows import Count, Sorting
    from license_server.licenses.license_store import StoredLicense
    from license_server.settings import ServerSettings

_NAMES = (
    *("customer", "product", "host", "host_key", "contract", "plan", "edition", "features"),
    *("limits", "issued_at", "issued_by", "expires_at", "grace_until", "state"),
)
"""Those of shown_licenses.COLUMNS, which is not there yet when help is asked for."""
_SORTS = (
    *("number", "customer", "product", "host", "contract", "plan", "issued_at", "issued_by"),
    *("expires_at", "state"),
)
"""Those of license_store.SORTS, likewise."""


@click.command("list")
@license_filters
@click.option(
    "--columns",
    metavar="NAMES",
    help=f"Columns beside the number, separated by commas: {', '.join(_NAMES)}. "
    "[default: customer, product, host, issued_at, expires_at, state]",
)
@click.option(
    "--sort",
    metavar="NAME",
    help=f"Sort by {', '.join(_SORTS)}; -NAME: the other way round. [default: newest first]",
)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="At most so many.")
@click.option("--csv", "form", flag_value="csv", help="As CSV, with the same columns.")
@click.option(
    "--json", "form", flag_value="json", help="As JSON lines, with the members of the API."
)
@click.option(
    "--zip", "archive", metavar="FILE", help="Write their files and letters to a ZIP archive."
)
@click.pass_obj
def list_(
    settings: ServerSettings,
    /,
    columns: str | None,
    sort: str | None,
    limit: int | None,
    form: str | None,
    archive: str | None,
    **given: str | None,
) -> None:
    """List licences, and say how many there are.

    With the filters of the desk. `export licenses` has all columns, under names for programs.
    """
    from license_server.api import license_responses, responses
    from license_server.web import delivery, list_shape, shown_licenses
    from license_server.web.reader import Reader

    now, order = int(time.time()), _sorting(sort)
    chosen = _columns(columns) or shown_licenses.LISTING.standard
    with reading(settings) as read:
        wanted = wanted_licenses(read, given)
        source = shown_licenses.source(wanted, now)
        counted = read(source.counted)
        if order is not None and not counted.whole:
            told = f"There are more than {counted.least:,} licences, too many to be sorted: the "
            click.echo(f"[W]: {told}newest come first. Narrow the filters.", err=True)
        shown = _Counted(islice(list_shape.whole(read, source, order), limit))
        if archive is not None:
            numbers = (one.number for one in shown)
            with written(archive) as write:
                for piece in delivery.archive_of(read, numbers, caller()):
                    write(piece)
        elif form == "json":
            for one in shown:
                say(responses.to_json(license_responses.License.of(one, now, caller())))
        else:
            reader = Reader("en", settings.time_zone, "auto")
            heading = shown_licenses.heading(chosen, reader)
            rows = (shown_licenses.cells(one, chosen, now, reader) for one in shown)
            if form == "csv":
                for line in csv_text.write(heading, rows):
                    say(line.rstrip("\r\n"))
            else:
                for line in table.lines(heading, rows):
                    say(line)
        click.echo(_total(shown.count, counted), err=True)


class _Counted(Iterator["StoredLicense"]):
    """Licences that go by, and how many did."""

    def __init__(self, rows: Iterator[StoredLicense]) -> None:
        self._rows, self.count = rows, 0

    def __next__(self) -> StoredLicense:
        one = next(self._rows)
        self.count += 1
        return one


def _total(shown: int, counted: Count) -> str:
    """How many licences were listed, and how many there are."""
    many = max(shown, counted.least)
    noun = "licence" if many == 1 else "licences"
    if shown < counted.least or not counted.whole:
        return f"{shown:,} of {'' if counted.whole else 'more than '}{counted.least:,} {noun}."
    return f"{shown:,} {noun}."


def _columns(text: str | None) -> tuple[str, ...]:
    """The columns that were named, in that order. Raises InputInvalidError."""
    named = tuple(dict.fromkeys(one.strip() for one in (text or "").split(",") if one.strip()))
    for name in named:
        if name not in _NAMES:
            raise _refused("--columns", name, _NAMES)
    return named


def _sorting(text: str | None) -> Sorting | None:
    """By what to sort. Raises InputInvalidError."""
    from license_server.db.sorted_rows import Sorting

    if text is None:
        return None
    by = text.removeprefix("-")
    if by not in _SORTS:
        raise _refused("--sort", by, _SORTS)
    return Sorting(by, text.startswith("-"))


def _refused(field: str, value: str, allowed: tuple[str, ...]) -> InputInvalidError:
    reason = Reason("{value!r} is not one of {allowed}", value=value, allowed=", ".join(allowed))
    return InputInvalidError(field=field, reason=reason)
