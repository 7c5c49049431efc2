"""What doctor found, as a page of at most 80 columns, but for what is to be pasted, or as JSON."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from license_cli import render
from license_cli.render import padded, width
from license_cli.voice import tr
from license_core import diagnosis, stability
from license_core.diagnosis import Want
from license_core.errors import LicenseError, Notice, printable, utc
from license_core.facts import HostFacts
from license_core.guard import Memory
from license_core.hostkey import HostKey
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


class Examined(NamedTuple):
    """A host, as doctor found it."""

    key: HostKey | LicenseError
    """The host key, or why there is none."""
    profile: str
    facts: HostFacts
    memory: Memory | None
    report: Report
    wanted: tuple[Want, ...]
    hazards: tuple[Notice, ...]
    """What would change the key."""
    shortages: tuple[Notice, ...]
    """What the machine lacks."""


def as_json(found: Examined, cli: str) -> dict[str, Any]:
    """The page for support and scripts."""
    facts, key = found.facts, found.key
    problem = render.error_json(key, cli) if isinstance(key, LicenseError) else None
    return {
        "examined_at": found.report.now,
        "profile": found.profile,
        "host_key": None if isinstance(key, LicenseError) else key.key,
        "host_problem": problem,
        "components": [part._asdict() for part in diagnosis.parts(facts, found.profile)],
        "network": {
            "mode": stability.network_mode(facts),
            "engine": facts.engine,
            "gateway": facts.gateway,
            "pinned_ip": facts.pinned_ip,
            "interfaces": [
                {"name": name, "address": address or None, "chosen": address == facts.ip}
                for name, address in facts.interfaces
            ],
        },
        "clock": {
            "state": diagnosis.clock(found.memory, found.report.now),
            "seen_at": _seen(found),
        },
        "license": render.report_json(found.report, cli),
        "machine": [want._asdict() for want in found.wanted],
        "findings": [
            render.notice_json(notice, cli) for notice in (*found.hazards, *found.shortages)
        ],
    }


def _seen(found: Examined) -> int | None:
    return found.memory.seen_at if found.memory and found.memory.authentic else None


def lines(found: Examined, cli: str) -> Iterator[str]:
    """The lines of the page."""
    sections = (
        _host(found),
        _network(found.facts),
        _clock(found),
        _licence(found.report),
        _machine(found.wanted),
    )
    for section in sections:
        told = list(section)
        yield from [*told, ""] if told else []
    yield from _to_do(found, cli)


def _host(found: Examined) -> Iterator[str]:
    key = tr("NONE") if isinstance(found.key, LicenseError) else found.key.key
    yield f"{padded(tr('Host key'), 12)}{key}  ({found.profile})"
    if isinstance(found.key, LicenseError):
        yield from _wrapped(found.key.say(tr), " " * 12)
    for part in diagnosis.parts(found.facts, found.profile):
        value = tr("(none)") if part.value is None else printable(part.value)
        value = tr("(not shown)") if part.value == diagnosis.HIDDEN else value
        yield f"  {part.name:<14}{padded(value, 24)}{tr(part.lasting)}"
        yield from _wrapped(tr(part.why).format(place=part.place), " " * 16)


def _network(facts: HostFacts) -> Iterator[str]:
    engine = facts.engine or tr("no container")
    told = tr(", gateway {address}").format(address=facts.gateway) if facts.gateway else ""
    yield f"{padded(tr('Network'), 12)}{stability.network_mode(facts)} ({engine}){told}"
    for name, address in facts.interfaces:
        if address:
            chosen = tr("  <- speaks for this host") if address == facts.ip else ""
            yield f"  {printable(name):<14}{address}{chosen}"
    bare = [printable(name) for name, address in facts.interfaces if not address]
    if bare:
        yield from _wrapped(tr("without an address: {names}").format(names=", ".join(bare)), "  ")


def _clock(found: Examined) -> Iterator[str]:
    words = tr(_CLOCK[diagnosis.clock(found.memory, found.report.now)])
    told = words.format(utc(_seen(found) or 0))
    yield from _titled(tr("Clock"), f"{utc(found.report.now)}: {told}")


def _licence(report: Report) -> Iterator[str]:
    if report.ok and report.license is not None:
        words = render.holds_line(report.license, report.now).removeprefix("[N]: ")
        yield from _titled(tr("Licence"), words)
    for number, error in enumerate(report.problems):
        title = tr("Licence") if number == 0 else ""
        yield from _titled(title, f"{error.say(tr)} ({error.slug}, exit {error.exit_code})")


def _machine(wanted: tuple[Want, ...]) -> Iterator[str]:
    if wanted:
        title = tr("wanted (conf/requirements.toml), and what there is")
        yield f"{padded(tr('Machine'), 12)}{title}"
    for want in wanted:
        if want.name == "port":
            name, asked = f"port {want.wanted}", tr("free")
            present = tr("free") if want.met else tr("taken")
        else:
            name, asked = want.name, f"{want.wanted}{want.unit}"
            known = want.present is not None
            present = f"{round(want.present or 0, 1):g}{want.unit}" if known else tr("unknown")
        yield f"  {name:<14}{padded(asked, 12)}{padded(present, 12)}{tr(_MET[want.met])}"


def _to_do(found: Examined, cli: str) -> Iterator[str]:
    """What to mend, in the order in which it should be: the key, then a licence for that key."""
    told: list[LicenseError | Notice] = []
    if isinstance(found.key, LicenseError):
        told.append(found.key)
    told += found.hazards
    for error in found.report.problems:
        details: tuple[Notice, ...] = error.facts.get("details", ())
        told += [*details, error]
    told += [notice for notice in found.report.notices if notice.level == "warning"]
    told += found.shortages
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
        for line in remedy.splitlines():
            # What is indented is to be pasted, and stays as it is, however long.
            yield from [f"      {line}"] if line.startswith("  ") else _wrapped(line, " " * 6)


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
