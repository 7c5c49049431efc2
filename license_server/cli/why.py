"""``license-server why``: why a product stopped, from what its client printed."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from license_core.errors import FileUnreadableError
from license_core.paths import read
from license_core.wording import DEFAULT_SERVER, printable
from license_server.actor import COMMAND
from license_server.cli.output import say
from license_server.cli.shared import write

if TYPE_CHECKING:  # what other commands need not load
    from sqlalchemy import Connection

    from license_server.licenses.diagnosing import Cause, Diagnosis
    from license_server.settings import ServerSettings

_LARGEST_TEXT = 512 * 1024


@click.command("why")
@click.argument("file", metavar="FILE")
@click.option("--number", metavar="NUMBER", help="The licence that it is about, if you know it.")
@click.pass_obj
def why_(settings: ServerSettings, file: str, number: str | None) -> None:
    """Find out why a product stopped: which licence is meant, what differs, what mends it.

    FILE has what the operator sent: the output of `verify --explain`, `verify --json`, `doctor`,
    the file of `doctor --bundle`, a request, or a mail with these; - reads stdin. Nothing changes.
    """
    from license_server.licenses import diagnosing

    text, now = pasted(file), int(time.time())

    def look(connection: Connection) -> diagnosing.Diagnosis:
        return diagnosing.diagnose(connection, text, COMMAND, now, number)

    for line in _lines(write(settings, look), file):
        say(line)


def _lines(found: Diagnosis, file: str) -> Iterator[str]:
    for reason in found.symptoms.unread:
        yield f"[W]: Not read: {reason}."
    for number in found.unknown:
        yield f"[W]: No licence has the number {printable(number)}."
    if found.license is None:
        for one in found.candidates:
            yield f"[N]: It may be about {one.number} for {printable(one.customer)}."
        if not found.candidates:
            yield "[E]: No licence was found for it."
            verify = f"{found.commands.verify} --json"
            yield f"     Ask for its number, or for the output of `{verify}`."
        else:
            yield f"     Choose one: {DEFAULT_SERVER} why {file} --number NUMBER"
        return
    one = found.license
    where = f", host {printable(one.host_name)}" if one.host_name else ""
    yield f"[N]: {one.number} for {printable(one.customer)} (product {one.product}{where})"
    for cause in found.causes:
        letter = "W" if cause.notice.level == "warning" else "N"
        yield f"[{letter}]: {cause.notice.sentence}"
        yield from (f"     {line}" for line in cause.notice.remedy().splitlines())
        yield from (f"       {line}" for line in _command(found, cause, file))


def _command(found: Diagnosis, cause: Cause, file: str) -> Iterator[str]:
    """The command that mends a cause."""
    if cause.act == "send":
        yield f"{DEFAULT_SERVER} file {cause.number} -o license.dat"
    elif cause.act == "rehost":
        is_there = found.symptoms.request is not None and file != "-"
        host = shlex.quote(f"@{file}" if is_there else found.host_text or "")
        yield f"{DEFAULT_SERVER} rehost {cause.number} --host {host} --reason TEXT -o license.dat"
    elif cause.act == "renew":
        yield f"{DEFAULT_SERVER} renew {cause.number} --days 365 -o license.dat"
    elif cause.act is not None and cause.act != "issue":
        yield f"{DEFAULT_SERVER} {cause.act} {cause.number} --help"


def pasted(file: str) -> str:
    """The text in *file*, or of standard input (-). Raises FileUnreadableError."""
    data = sys.stdin.buffer.read(_LARGEST_TEXT) if file == "-" else read(file, _LARGEST_TEXT)
    if data is None:
        raise FileUnreadableError(path=file, reason="there is no such file")
    return data.decode("utf-8", "replace")
