"""``license-server check``: one page on how the server stands, and what to mend."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from license_core import strictjson
from license_core.wording import printable
from license_server.cli.output import say
from license_server.cli.running import CALL, INVALID
from license_server.operations.errors import CheckFailedError

if TYPE_CHECKING:  # what other commands need not load
    from license_server.operations.checkup.examine import Examined
    from license_server.operations.checkup.finding import Finding
    from license_server.settings import ServerSettings

_COLUMNS = 80
_TITLE = 14
_PIECES = re.compile(r"(?:`[^`]*`|[^\s`])+")
"""What stays on one line: a word, or what is between back quotes."""
_MARKS = {"error": "E", "warning": "W"}


@click.command()
@click.option("--offline", is_flag=True, help="Ask no other machine: no mail server, no token.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_context
def check(ctx: click.Context, offline: bool, as_json: bool) -> None:
    """Check settings, files, keys, clock, database, mail and backups, and say what to mend.

    Changes nothing. Exits with 0 if nothing must be mended, else with 160; warnings alone are 0.
    """
    from license_server.operations.checkup import of_clock
    from license_server.operations.checkup.examine import examine
    from license_server.operations.checkup.subject import MOUNTS, Subject

    settings: ServerSettings = ctx.obj
    mounts = Path(MOUNTS)
    subject = Subject(
        settings,
        int(time.time()),
        os.environ,
        mounts.read_text("utf-8", "replace") if mounts.exists() else "",
        str(ctx.meta[CALL]),
        asks=not offline,
        synchronised=of_clock.synchronised(),
        invalid=tuple(ctx.meta[INVALID]),
    )
    examined = examine(subject)
    if as_json:
        say(strictjson.dumps(_as_json(examined)))
    else:
        for line in _page(examined):
            say(printable(line))
    if examined.errors:
        raise CheckFailedError(count=examined.errors)


def _as_json(examined: Examined) -> dict[str, Any]:
    exit_code = CheckFailedError.row.exit_code if examined.errors else 0
    return {
        "examined_at": examined.at,
        "exit_code": exit_code,
        "sections": [{"title": one.title, "lines": one.lines} for one in examined.sections],
        "findings": [one._asdict() for one in examined.findings],
    }


def _page(examined: Examined) -> Iterator[str]:
    """How it stands, then why, then what to do about it."""
    findings = examined.findings
    yield from _section("Result", [_result(findings)])
    for section in examined.sections:
        yield ""
        yield from _section(section.title, section.lines or ["unknown"])
    if findings:
        yield ""
        yield "What to do"
    for number, (level, remedy) in enumerate(alike := _by_remedy(findings), 1):
        if number > 1:
            yield ""
        told = [line for text in alike[level, remedy] for line in _wrapped(text, _COLUMNS - 9)]
        yield f"{number:2}. [{_MARKS[level]}]: {told[0]}"
        yield from (f"{'':9}{line}" for line in told[1:])
        yield from _remedy(remedy)


def _by_remedy(findings: list[Finding]) -> dict[tuple[str, str], list[str]]:
    """The sentences that one remedy is for, in the order in which they were found."""
    alike: dict[tuple[str, str], list[str]] = {}
    for one in findings:
        alike.setdefault((one.level, one.remedy), []).append(one.sentence)
    return alike


def _result(findings: list[Finding]) -> str:
    if not findings:
        return "All is well; nothing to do."
    errors = sum(one.level == "error" for one in findings)
    warnings = len(findings) - errors
    told = [
        f"{count} {word}" if count == 1 else f"{count} {word}s"
        for count, word in ((errors, "error"), (warnings, "warning"))
        if count
    ]
    return f"{', '.join(told)}. See the end for what to do."


def _section(title: str, lines: list[str]) -> Iterator[str]:
    for number, text in enumerate(lines):
        for at, line in enumerate(_wrapped(text, _COLUMNS - _TITLE)):
            yield f"{title if number == at == 0 else '':{_TITLE}}{line}"


def _remedy(text: str) -> Iterator[str]:
    for line in text.splitlines():
        # What is indented is to be pasted: it stays whole.
        if line.startswith("  "):
            yield f"{'':6}{line}"
        else:
            yield from (f"{'':6}{one}" for one in _wrapped(line, _COLUMNS - 6))


def _wrapped(text: str, columns: int) -> list[str]:
    lines = [""]
    for piece in _PIECES.findall(text):
        joined = f"{lines[-1]} {piece}".lstrip()
        if len(joined) <= columns or not lines[-1]:
            lines[-1] = joined
        else:
            lines.append(piece)
    return lines
