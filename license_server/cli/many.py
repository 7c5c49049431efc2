"""``license-server many``: an action on all licences that filters find, as one job.

Which licences they are is written down first; so a job that was interrupted goes on with the same
ones, and does nothing twice.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from license_core.wording import printable
from license_server.catalog.faults import Faults
from license_server.cli.caller import caller
from license_server.cli.license_filters import license_filters, wanted_licenses
from license_server.cli.licenses import MEMBERS, WHY, members_of
from license_server.cli.output import licences, say, written
from license_server.cli.progress import Progress
from license_server.cli.shared import confirmed, usage_error
from license_server.licenses.acts import MANY, PLAN, Act
from license_server.licenses.vocabulary import FILTERS
from license_server.sheets import csv_text

if TYPE_CHECKING:  # what other commands need not load
    from sqlalchemy import Connection

    from license_server.settings import ServerSettings
    from license_server.site import Site

_SHOWN = 10
_OFFERED = (
    *("days", "expires", "perpetual", "time_zone", "continue_from"),
    *("notify_days", "grace_days", "contract"),
)
"""The members of an order that mean the same for each licence."""
_HOW = ("yes", "dry_run", "report", "archive")
_yes = click.option("--yes", is_flag=True, help="Do not ask.")
_dry_run = click.option("--dry-run", is_flag=True, help="Only show what would be done.")
_report = click.option(
    "--report", metavar="FILE", help="Write what became of each licence to a CSV file."
)
_new_plan = click.option(
    "--new-plan", metavar="NAME", help="A plan of its product; other options override it."
)
_zip = click.option(
    "--zip", "archive", metavar="FILE", help="Write the new files and letters to a ZIP archive."
)


class _Tally(NamedTuple):
    """How many licences of a job are how far."""

    possible: int = 0
    done: int = 0
    proposed: int = 0
    refused: int = 0


@click.group()
def many() -> None:
    """Renew, suspend, reinstate or revoke all licences that filters find, up to 5,000."""


def _command(act: Act) -> click.Command:
    """The command that does *act* to many licences."""

    def do(settings: ServerSettings, /, **given: Any) -> None:
        how = {name: given.pop(name) for name in _HOW if name in given}
        chosen_by = {name: given.pop(name) for name in FILTERS if name in given}
        if PLAN in act.may_change:
            given[PLAN] = given.pop("new_plan")
        with _site(settings) as site:
            _run(site, _frozen(site, act, chosen_by, given), **how)

    reason = click.option("--reason", required=act.needs_reason, metavar="TEXT", help=WHY)
    options = [MEMBERS[name] for name in _OFFERED if name in act.may_change]
    options += [_new_plan] if PLAN in act.may_change else []
    command = click.pass_obj(do)
    after = [_dry_run, _yes, _report, *([_zip] if act.issues else [])]
    for option in reversed([*options, reason, *after]):
        command = option(command)
    return click.command(
        act.name, help=f"{act.words.verb.capitalize()} all that the filters find."
    )(license_filters(command))


for _act in MANY:
    many.add_command(_command(_act))


@many.command("continue")
@click.argument("job")
@_dry_run
@_yes
@_report
@_zip
@click.pass_obj
def continue_(settings: ServerSettings, /, job: str, **how: Any) -> None:
    """Go on with the JOB of these commands that was interrupted, within a week."""
    with _site(settings) as site:
        _run(site, job, **how)


@contextmanager
def _site(settings: ServerSettings) -> Iterator[Site]:
    from license_server.operations import data_folder
    from license_server.site import Site

    database, issuer = data_folder.open_vault(settings)
    try:
        yield Site(settings, database, issuer, lambda: int(time.time()), secrets.token_bytes)
    finally:
        database.close()


def _frozen(
    site: Site, act: Act, chosen_by: Mapping[str, str | None], given: dict[str, Any]
) -> str:
    """The id of the job of *act* on the licences that the filters find now.

    Raises InputInvalidError, UsageError.
    """
    from license_server.sheets import chosen, uploads

    if not any(chosen_by.values()):
        raise usage_error("Say which licences: give at least one filter.")
    wanted, now, faults = wanted_licenses(site.database.read, chosen_by), site.clock(), Faults()
    members = members_of(given, faults)
    faults.check()
    mark = secrets.token_hex(8)

    def freeze(connection: Connection) -> bytes:
        numbers = chosen.found_by(connection, wanted, now)
        return chosen.freeze(connection, act, members, numbers, caller(), now, mark).content()

    content = site.database.read(freeze)
    return site.database.write(lambda c: uploads.keep(c, content, caller(), now, act.name))


def _run(
    site: Site,
    job: str,
    *,
    yes: bool,
    dry_run: bool,
    report: str | None,
    archive: str | None = None,
) -> None:
    """Show what would become of a job's licences, ask, and do it.

    Raises NotFoundError, UsageError, click.Abort, or what keeps a batch from being stored.
    """
    from license_server.sheets import importer, results, uploads

    picked = site.database.read(lambda connection: uploads.chosen_of(connection, job, caller()))
    act, now = picked.act, site.clock()
    seen = _Tally()
    for line, one in results.outcomes(site, job, caller(), now):
        if one.slug is not None and seen.refused < _SHOWN:
            click.echo(f"[W]: {printable(line.subject or '')}: {one.details}", err=True)
        waits = any(notice.slug == "needs-approval" for notice in one.notices)
        seen = _further(seen, one.slug, one.number, waits or one.proposal)
    told = _told(seen, act)
    if seen.possible + seen.proposed == 0 or dry_run:
        _write_report(site, job, report)
        say(told)
        return
    if not yes:
        click.echo(told, err=True)
    confirmed(f"{act.words.verb.capitalize()} {licences(seen.possible + seen.proposed)}?", yes=yes)
    click.echo(f"Job {job}; if it is interrupted: license-server many continue {job}", err=True)
    progress, done = Progress(len(picked.rows), "licences done"), _Tally()
    lines, name = picked.lines(), uploads.job_name(job)
    for batch in importer.issue(
        site.database, site.issuer, lines, caller(), now, site.random, name
    ):
        progress.advance(len(batch))
        for one in batch:
            done = _further(done, one.slug, one.number, one.proposal)
    progress.clear()
    _write_report(site, job, report)
    if act.issues:
        _write_archive(site, job, archive)
    say(_told(done, act))


def _further(tally: _Tally, slug: str | None, number: str | None, waits: object) -> _Tally:
    """*tally* with one licence more."""
    if slug is not None:
        return tally._replace(refused=tally.refused + 1)
    if number is not None:
        return tally._replace(done=tally.done + 1)
    if waits:
        return tally._replace(proposed=tally.proposed + 1)
    return tally._replace(possible=tally.possible + 1)


def _told(tally: _Tally, act: Act) -> str:
    counts = (
        (f"{act.name}, possible", tally.possible),
        (f"{act.name}, done", tally.done),
        ("to be approved by a second person", tally.proposed),
        ("refused", tally.refused),
    )
    return "; ".join(f"{what}: {count}" for what, count in counts if count)


def _write_report(site: Site, job: str, report: str | None) -> None:
    from license_server.sheets import results

    if report is not None:
        rows = results.report(site, results.outcomes(site, job, caller(), site.clock()), caller())
        with written(report) as write:
            for text in csv_text.write(results.REPORT, rows):
                write(text.encode("utf-8"))


def _write_archive(site: Site, job: str, archive: str | None) -> None:
    """Write the files of what was issued, with letters."""
    from license_server.sheets import results
    from license_server.web import delivery

    if archive is not None:
        found = results.outcomes(site, job, caller(), site.clock())
        numbers = (one.number for _, one in found if one.number)
        with written(archive) as write:
            for piece in delivery.archive_of(site.database.read, numbers, caller()):
                write(piece)
