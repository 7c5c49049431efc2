"""``license-server import`` and ``export``: CSV files in and out."""

from __future__ import annotations

import hashlib
import secrets
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from license_core.paths import unreadable
from license_core.wording import printable
from license_core.write_errors import as_license_error
from license_server.cli.caller import caller
from license_server.cli.license_filters import license_filters, wanted_licenses
from license_server.cli.output import licences, written
from license_server.cli.progress import Progress
from license_server.cli.shared import reading
from license_server.sheets import csv_text
from license_server.sheets.errors import ImportRefusedError

if TYPE_CHECKING:
    from license_server.settings import ServerSettings
    from license_server.sheets.batches import Outcome

_FILE = click.Path(dir_okay=False, path_type=Path)
_REPORT = ("line", "license", "column", "problem", "detail")
_SHOWN = 10
_output = click.option(
    "-o", "--output", required=True, metavar="FILE", help="Where to write it; - : stdout."
)


@click.group("import")
def import_() -> None:
    """Import from a CSV file."""


@import_.command("licenses")
@click.argument("file", type=_FILE)
@click.option("--dry-run", is_flag=True, help="Only check the file; issue nothing.")
@click.option("--skip-wrong", is_flag=True, help="Skip rows with errors and issue the others.")
@click.option("--report", metavar="FILE", help="Write the result of each row to a CSV file.")
@click.option(
    "--encoding",
    type=click.Choice(csv_text.ENCODINGS, case_sensitive=False),
    default="utf-8",
    show_default=True,
    help="Encoding of the file.",
)
@click.option(
    "--job",
    metavar="NAME",
    help="Name under which an interrupted import continues [default: from the file]",
)
@click.pass_obj
def import_licenses(
    settings: ServerSettings,
    file: Path,
    dry_run: bool,
    skip_wrong: bool,
    report: str | None,
    encoding: str,
    job: str | None,
) -> None:
    """Issue a licence for each row of the CSV FILE.

    Nothing is issued unless every row is valid, or --skip-wrong is given. An interrupted import
    continues when run again within a week with the same FILE or --job: no row is issued twice.
    """
    from license_server.operations import data_folder, process
    from license_server.sheets import importer, order_sheet

    database, issuer = data_folder.open_vault(settings)
    now = int(time.time())
    process.settle_garbage()
    database.keep_fewer_pages()
    try:
        with _opened(file) as data:
            total, fingerprint = _size(data)
            name = job or fingerprint
            if dry_run or not skip_wrong:
                lines = order_sheet.read(data, encoding)
                checked = importer.check(database, lines, caller(), now, name)
                right, wrong, noticed, more = _follow(
                    checked, total, "rows checked", report if dry_run else None
                )
                _tell(wrong)
                _tell_before(noticed, more)
                if wrong and not dry_run:
                    _follow(iter([wrong]), 0, "", report)
                if wrong and not skip_wrong:
                    number, first = right + len(wrong), wrong[0].line
                    raise ImportRefusedError(
                        path=str(file), wrong=len(wrong), lines=number, first=first
                    )
                if dry_run:
                    click.echo(f"Valid rows: {right}.", err=True)
                    return
                data.seek(0)
            lines = order_sheet.read(data, encoding)
            done = importer.issue(database, issuer, lines, caller(), now, secrets.token_bytes, name)
            right, wrong, *_ = _follow(done, total, "rows done", report)
            _tell(wrong)
    finally:
        database.close()
    click.echo(f"Issued {licences(right)}.", err=True)


@import_.command("customers")
@click.argument("file", type=_FILE)
@click.option("--dry-run", is_flag=True, help="Only check the file; add nobody.")
@click.option("--skip-wrong", is_flag=True, help="Skip rows with errors and add the others.")
@click.option(
    "--encoding",
    type=click.Choice(csv_text.ENCODINGS, case_sensitive=False),
    default="utf-8",
    show_default=True,
    help="Encoding of the file.",
)
@click.pass_obj
def import_customers(
    settings: ServerSettings, file: Path, dry_run: bool, skip_wrong: bool, encoding: str
) -> None:
    """Add a customer for each row of the CSV FILE that is not there yet.

    Its columns: customer, contact_name, contact_email, language, notes.
    """
    from license_server.operations import data_folder
    from license_server.sheets import customer_import, customer_sheet

    database = data_folder.open_database(settings)
    try:
        with _opened(file) as data:
            lines = customer_sheet.read(data, encoding)
            seen = database.read(lambda connection: customer_import.look(connection, lines))
            for refused in seen.refused[:_SHOWN]:
                for column, error in refused.faults:
                    click.echo(f"line {refused.line.number}, {column}: {error.sentence}", err=True)
            for one in seen.alike[:_SHOWN]:
                told = f"{printable(one.name)} is nearly {printable(one.other)}"
                click.echo(f"[W]: {told}; if it is the same customer, use that name.", err=True)
            if seen.wrong and not skip_wrong:
                first = seen.refused[0].line.number
                rows = seen.new + seen.known + seen.wrong
                raise ImportRefusedError(path=str(file), wrong=seen.wrong, lines=rows, first=first)
            if dry_run:
                click.echo(f"New customers: {seen.new}; already there: {seen.known}.", err=True)
                return
            data.seek(0)
            again, now = customer_sheet.read(data, encoding), int(time.time())
            count = customer_import.add(database, again, caller(), now)
    finally:
        database.close()
    click.echo(f"Added customers: {count}; already there: {seen.known}.", err=True)


def _follow(
    batches: Iterator[list[Outcome]], total: int, what: str, report: str | None
) -> tuple[int, list[Outcome], list[Outcome], int]:
    """Show the progress and write the report.

    How many lines are right, those that are not, the first of those of which something is to be
    known, and how many more there are.
    """
    progress = Progress(total, what)
    right, wrong, noticed, more = 0, list["Outcome"](), list["Outcome"](), 0
    with written(report) if report else nullcontext(lambda _: None) as write:
        write(csv_text.line(_REPORT).encode("utf-8"))
        for batch in batches:
            progress.advance(len(batch))
            wrong += [one for one in batch if one.slug]
            noticed += [one for one in batch if one.notices]
            more += len(noticed[_SHOWN:])
            del noticed[_SHOWN:]
            right += sum(1 for one in batch if not one.slug)
            if report:
                write("".join(map(_report_line, batch)).encode("utf-8"))
    progress.clear()
    return right, wrong, noticed, more


def _report_line(one: Outcome) -> str:
    return csv_text.line((one.line, one.number, one.column, one.slug, one.details))


def _tell(wrong: list[Outcome]) -> None:
    for one in wrong[:_SHOWN]:
        for column, _, detail in one.faults or ():
            click.echo(f"line {one.line}, {column}: {detail}", err=True)
        if not one.faults:
            click.echo(f"line {one.line}: {one.detail}", err=True)


def _tell_before(noticed: list[Outcome], more: int) -> None:
    """Say what to know before it is issued, of the first lines; of so many *more* there is some."""
    for one in noticed:
        click.echo(f"[W]: line {one.line}: {one.details}", err=True)
    if more:
        click.echo(f"[W]: … and {more} more; --report FILE has all.", err=True)


def _size(data: BinaryIO) -> tuple[int, str]:
    """About how many lines there are, and the SHA-256 of it all; it is read from its start then."""
    digest, count = hashlib.sha256(), 0
    while chunk := data.read(1 << 20):
        digest.update(chunk)
        count += chunk.count(b"\n")
    data.seek(0)
    return max(count - 1, 0), digest.hexdigest()


@contextmanager
def _opened(file: Path) -> Iterator[BinaryIO]:
    try:
        stream = file.open("rb")
    except PermissionError as error:
        raise unreadable(str(file), error) from error
    except OSError as error:
        raise as_license_error(error, str(file)) from error
    with stream:
        yield stream


@click.group()
def export() -> None:
    """Export to a CSV file."""


@export.command("licenses")
@_output
@license_filters
@click.pass_obj
def export_licenses(settings: ServerSettings, /, output: str, **given: str | None) -> None:
    """Export licences, newest first."""
    from license_server.sheets import exports

    now = int(time.time())
    with reading(settings) as read:
        wanted = wanted_licenses(read, given)
        _write(output, exports.LICENSES, exports.license_rows(read, wanted, now))


@export.command("customers")
@_output
@click.option("--search", "text", metavar="TEXT", help="Parts of the name, contact, tags or notes.")
@click.option("--tag", metavar="TAG", help="Only those with this tag.")
@click.pass_obj
def export_customers(
    settings: ServerSettings, output: str, text: str | None, tag: str | None
) -> None:
    """Export customers, by name."""
    from license_server.sheets import exports

    with reading(settings) as read:
        _write(output, exports.CUSTOMERS, exports.customer_rows(read, text, caller(), tag=tag))


@export.command("events")
@_output
@click.option("--subject", metavar="NAME", help="What was acted on: a number, a name.")
@click.option("--actor", metavar="NAME", help="Who acted, such as user:ADDRESS.")
@click.option("--action", metavar="NAME", help="What was done, such as license.renewed.")
@click.pass_obj
def export_events(settings: ServerSettings, /, output: str, **given: str | None) -> None:
    """Export the audit log's events, newest first."""
    from license_server.audit.audit_store import EventFilter
    from license_server.sheets import exports

    with reading(settings) as read:
        _write(output, exports.EVENTS, exports.event_rows(read, EventFilter(**given)))  # type: ignore[arg-type]


def _write(output: str, columns: Iterable[str], rows: Iterator[tuple[object, ...]]) -> None:
    with written(output) as write:
        for text in csv_text.write(tuple(columns), rows):
            write(text.encode("utf-8"))
    sys.stdout.flush()
