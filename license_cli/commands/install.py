"""``install``: a licence takes the place of the installed one, if it holds here."""

import os
import sys

import click

from license_cli import files, memory, render
from license_cli.app import Refused
from license_cli.session import Session
from license_core.armor import MAX_FILE
from license_core.errors import FileTooLargeError, FileUnreadableError, Notice, UsageError
from license_core.installed import check_file
from license_core.place import read
from license_core.reason import Reason
from license_core.verify import Report


@click.command("install", short_help="Check a licence and install it.")
@click.argument("source")
@click.option(
    "--token-file",
    metavar="FILE",
    help="Where SOURCE is a URL: file with its bearer token [LICENSE_TOKEN].",
)
@click.pass_obj
def command(session: Session, source: str, token_file: str | None) -> None:
    """Check SOURCE (a file, - for standard input, or a URL) and install it as license.dat.

    A file that does not hold on this host is refused, and the installed one stays as it is.
    """
    data = _read_source(source, token_file)
    facts = session.read_facts()
    before, _ = session.place.read_memory(facts)
    checked = check_file(data, session.place, facts, session.now)
    # A memory that is missing is made by this very command.
    notices = tuple(n for n in checked.report.notices if n.slug != "memory-missing")
    report = checked.report._replace(notices=notices)
    if not report.ok:
        raise Refused(report)
    kept = files.replace(session.place.license, data, keep_former=True)
    unkept = memory.keep(session.place, before, checked.memory, facts)
    _tell(session, report, kept, [unkept] if unkept else [])


def _tell(session: Session, report: Report, kept: str | None, more: list[Notice]) -> None:
    notices = [*report.notices, *more]
    if session.as_json:
        answer = render.report_json(report, session.cli)
        answer["notices"] = [render.notice_json(notice, session.cli) for notice in notices]
        render.say_json(answer | {"installed": session.place.license, "former": kept})
        return
    if report.license is not None:
        render.say(render.holds_line(report.license, session.now))
    render.say(render.note("Installed as {path}.", path=session.place.license))
    if kept:
        render.say(render.note("The former licence was kept as {path}.", path=kept))
    for notice in notices:
        render.remark(render.notice_lines(notice, session.cli))


def _read_source(source: str, token_file: str | None) -> bytes:
    if source == "-":
        if sys.stdin is None:
            raise UsageError(reason="Standard input is closed, so no licence can be read from it.")
        data = sys.stdin.buffer.read(MAX_FILE + 1)
        if len(data) > MAX_FILE:
            raise FileTooLargeError(path=Reason("standard input"), size=len(data), cap=MAX_FILE)
        return data
    if source.lower().startswith(("https://", "http://")):
        from license_cli import client  # the HTTP library costs more than all the rest

        return client.fetch(source, _token(token_file))
    found = read(source, MAX_FILE)
    if found is None:
        raise FileUnreadableError(path=source, reason="there is no such file")
    return found


def _token(token_file: str | None) -> str | None:
    if token_file is None:
        return os.environ.get("LICENSE_TOKEN")
    found = read(token_file, MAX_FILE)
    if found is None:
        raise FileUnreadableError(path=token_file, reason="there is no such file")
    return found.decode("ascii", "replace").strip()
