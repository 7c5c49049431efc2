"""The page of doctor: at most 80 columns, but for commands to paste."""

import re
from collections.abc import Iterator
from typing import Any

from license_cli import render
from license_cli.render import padded, width
from license_cli.voice import tr
from license_core.errors import LicenseError, Notice, printable, utc
from license_core.verify import Report

_COLUMNS = 80
# What must stay together: text in back quotes, a word, a wide character; and marks that close it.
_WIDE = "\u2e80-\u9fff\uff01-\uff5e"
_CLOSING = "\u3001\u3002\uff0c\uff1a\uff1b\uff09\u201d"
_PIECES = re.compile(
    rf"(?:`[^`]*`|[{_WIDE}]|[^\s`{_WIDE}]+)(?:`[^`]*`|[^\s`{_WIDE}]|[{_CLOSING}])*\s*"
)
_MET = {True: "ok", False: "SHORT", None: "?"}
_CLOCK = {
    "in order": "in order; the latest instant that this host has seen is {}",
    "set back": "SET BACK: this host has already seen {}",
    "no memory": "no check has been remembered yet, so a clock set back would not be noticed",
}


def lines(
    answer: dict[str, Any], found: tuple[Notice, ...], report: Report, cli: str
) -> Iterator[str]:
    """The lines of the page."""
    yield from _host(answer)
    yield ""
    yield from _network(answer["network"])
    yield ""
    clock = answer["clock"]
    words = tr(_CLOCK[clock["state"]]).format(utc(clock["seen_at"] or 0))
    yield from _titled(tr("Clock"), f"{utc(answer['examined_at'])}: {words}")
    yield ""
    yield from _licence(report)
    if answer["machine"]:
        yield ""
        yield from _machine(answer["machine"])
    yield ""
    yield from _to_do(found, report, cli)


def _host(answer: dict[str, Any]) -> Iterator[str]:
    key, problem = answer["host_key"], answer["host_problem"]
    yield f"{padded(tr('Host key'), 12)}{key or tr('NONE')}  ({answer['profile']})"
    if problem:
        yield from _wrapped(problem["sentence"], " " * 12)
    for part in answer["components"]:
        value = printable(part["value"]) if part["value"] else tr("(none)")
        value = tr(value) if value == "(not shown)" else value
        yield f"  {part['name']:<14}{padded(value, 24)}{tr(part['lasting'])}"
        yield from _wrapped(tr(part["why"]).format(place=part["place"]), " " * 16)


def _network(network: dict[str, Any]) -> Iterator[str]:
    engine = network["engine"] or tr("no container")
    gateway = network["gateway"]
    told = tr(", gateway {address}").format(address=gateway) if gateway else ""
    yield f"{padded(tr('Network'), 12)}{network['mode']} ({engine}){told}"
    for interface in network["interfaces"]:
        if interface["address"]:
            chosen = tr("  <- speaks for this host") if interface["chosen"] else ""
            yield f"  {printable(interface['name']):<14}{interface['address']}{chosen}"
    bare = [printable(i["name"]) for i in network["interfaces"] if not i["address"]]
    if bare:
        text = tr("without an address: {names}").format(names=", ".join(bare))
        yield from _wrapped(text, "  ")


def _licence(report: Report) -> Iterator[str]:
    if report.ok and report.license is not None:
        words = render.holds_line(report.license, report.now).removeprefix("[N]: ")
        yield from _titled(tr("Licence"), words)
        return
    for number, error in enumerate(report.problems):
        title = tr("Licence") if number == 0 else ""
        yield from _titled(title, f"{error.say(tr)} ({error.slug}, exit {error.exit_code})")


def _machine(wants: list[dict[str, Any]]) -> Iterator[str]:
    title = tr("wanted (conf/requirements.toml), and what there is")
    yield f"{padded(tr('Machine'), 12)}{title}"
    for want in wants:
        wanted, present = (
            padded(tr(want[name]), 12) if want[name].isalpha() else f"{want[name]:<12}"
            for name in ("wanted", "present")
        )
        yield f"  {want['name']:<14}{wanted}{present}{tr(_MET[want['met']])}"


def _to_do(found: tuple[Notice, ...], report: Report, cli: str) -> Iterator[str]:
    told: list[LicenseError | Notice] = []
    for error in report.problems:
        details: tuple[Notice, ...] = error.facts.get("details", ())
        told += [*details, error]
    told += [notice for notice in report.notices if notice.level == "warning"]
    told += found
    todo = dict.fromkeys((one.say(tr), one.remedy(cli, tr)) for one in told)
    if not todo:
        yield tr("Nothing is to be done.")
        return
    yield tr("What to do")
    for number, (sentence, remedy) in enumerate(todo, 1):
        first, *rest = _wrapped(sentence, "", before=4)
        if number > 1:
            yield ""
        yield f" {number}. {first}"
        yield from (f"    {line}" for line in rest)
        pasted = False
        for line in remedy.splitlines():
            # A command or file stays as it is, however long, so that it can be pasted.
            pasted = line.startswith("  ") or (line.endswith(":") and line[:1].islower())
            yield from [f"      {line}"] if pasted else _wrapped(line, " " * 6)


def _titled(title: str, text: str) -> Iterator[str]:
    first, *rest = _wrapped(text, "", before=12)
    yield f"{padded(title, 12)}{first}"
    yield from (f"{'':<12}{line}" for line in rest)


def _wrapped(text: str, indent: str, before: int = 0) -> list[str]:
    """*text* in lines, for a place *before* columns in; what is in back quotes is not broken.

    Chinese may be broken between any two characters, but not before a closing mark.
    """
    columns = _COLUMNS - before - len(indent)
    lines = [""]
    for piece in _PIECES.findall(text):
        if width(lines[-1] + piece.rstrip()) <= columns or not lines[-1]:
            lines[-1] += piece
        else:
            lines.append(piece)
    return [indent + line.strip() for line in lines]
