"""Lays out doctor's findings as a page of 80 columns, or as JSON."""

from __future__ import annotations

import re

from license_cli import paint, render
from license_cli.language import tr
from license_cli.paint import plain
from license_cli.wrap import padded, width, wrapped
from license_core import diagnosis, pin, stability
from license_core.diagnosis import Want
from license_core.errors import LicenseError, Notice
from license_core.evidence import Trait
from license_core.facts import HostFacts
from license_core.hostkey import HostKey
from license_core.memory import Memory
from license_core.reason import say
from license_core.record import NamedTuple
from license_core.routes import Route
from license_core.verify import Report
from license_core.wording import printable, utc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from license_cli.paint import Brush

    _Section = tuple[str, list["_Row"]]

_COLUMNS = 80
_MET = {True: "ok", False: "LOW", None: "unknown"}
_PORT = {True: "free", False: "TAKEN", None: "unknown"}
_MET_STYLES = {True: "green", False: "yellow", None: ""}
_MODES = {
    "bare": "not a container",
    "none": "{engine}, no network",
    "host": "{engine}, host network",
    "user-defined": "{engine}, user-defined network",
    "default-bridge": "{engine}, default network",
    "pod": "{engine}, pod network",
    "unknown": "a container, of an engine that Hostseal does not know",
}
_CLOCK = {
    "in order": "OK; the latest time seen on this host is {}",
    "set back": "SET BACK; this host has already seen {}",
    "leapt": "LEAPT; the latest time seen on this host is {}",
    "no memory": "no earlier check on record, so a clock that was set back would go unnoticed",
}


class Examined(NamedTuple):
    """A host, as doctor found it."""

    key: HostKey | LicenseError
    """The host key, or why there is none."""
    profile: str
    facts: HostFacts
    traits: tuple[Trait, ...]
    routes: tuple[Route, ...]
    memory: Memory | None
    report: Report
    wanted: tuple[Want, ...]
    hazards: tuple[Notice, ...]
    """What would change the key."""
    shortages: tuple[Notice, ...]
    """What the machine lacks."""
    unread: LicenseError | None = None
    """Why nothing is known of what the product requires."""
    pinned_by: str = pin.PINNED_IP
    """What declares the address, where something does: the variable, or a file."""

    @property
    def errors(self) -> tuple[LicenseError, ...]:
        """What is an error on the page, the first one first; a licence is for a key."""
        key = (self.key,) if isinstance(self.key, LicenseError) else ()
        unread = () if self.unread is None else (self.unread,)
        return (*key, *self.report.problems, *unread)

    @property
    def exit_code(self) -> int:
        """That of the first error; 0: there is none."""
        return self.errors[0].exit_code if self.errors else 0


def as_json(found: Examined, cli: str) -> dict[str, Any]:
    """The page for support and scripts."""
    facts, key = found.facts, found.key
    problem = render.error_json(key, cli) if isinstance(key, LicenseError) else None
    return {
        "examined_at": found.report.now,
        "exit_code": found.exit_code,
        "profile": found.profile,
        "host_key": None if isinstance(key, LicenseError) else key.key,
        "host_problem": problem,
        "components": [part._asdict() for part in diagnosis.parts(facts, found.profile)],
        "evidence": [trait._asdict() for trait in found.traits],
        "network": {
            "mode": stability.network_mode(facts),
            "engine": facts.engine,
            "gateway": facts.gateway,
            "routes": [route._asdict() for route in found.routes],
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
        "machine": [want.as_json() for want in found.wanted],
        "machine_problem": found.unread and render.error_json(found.unread, cli),
        "findings": [
            render.notice_json(notice, cli) for notice in (*found.hazards, *found.shortages)
        ],
    }


def _seen(found: Examined) -> int | None:
    return found.memory.seen_at if found.memory and found.memory.authentic else None


def lines(found: Examined, cli: str, brush: Brush = plain) -> Iterator[str]:
    """The lines of the page: how it stands, then why, then what to do about it."""
    todo = _to_do(found, cli)
    sections = (
        _result(todo),
        _host(found),
        _licence(found.report),
        _trust(found.report),
        _clock(found),
        _network(found),
        _machine(found.wanted),
        _evidence(found.traits),
    )
    for title, rows in sections:
        for number, row in enumerate(rows):
            if number == 0:
                yield f"{_painted(title, 12, 'bold', brush)}{row.painted(brush)}".rstrip()
            else:
                yield row.painted(brush)
        yield from [""] if rows else []
    yield from _told(todo, brush)


class _Row(NamedTuple):
    """A line of a section: a label, a verdict, and what there is to say."""

    text: str
    label: str | None = None
    """None: the first line of a section, or one that goes on below another."""
    verdict: str = ""
    style: str = ""

    def painted(self, brush: Brush) -> str:
        """The line."""
        if self.label is None:
            return brush(self.text, self.style) if self.style else self.text
        verdict = _painted(self.verdict, 14, self.style, brush)
        return f"  {padded(self.label, 14)}{verdict}{self.text}".rstrip()


_TEXT = " " * 30
"""Where the text of a row begins."""


def _painted(text: str, columns: int, style: str, brush: Brush) -> str:
    """*text* in a style, and blanks beside it without."""
    return (brush(text, style) if style else text) + " " * (columns - width(text))


def _rows(label: str, verdict: str, texts: Iterable[str], style: str = "") -> list[_Row]:
    """A row for *texts*, each on lines of its own."""
    told = [line for text in texts for line in _wrapped(text, "", before=len(_TEXT))]
    first = _Row(told[0], label, verdict, style)
    return [first, *(_Row(f"{_TEXT}{line}") for line in told[1:])]


def _titled(title: str, text: str, style: str = "") -> _Section:
    first, *rest = _wrapped(text, "", before=12)
    return title, [_Row(first, style=style), *(_Row(f"{'':<12}{line}") for line in rest)]


def _result(todo: list[_Item]) -> _Section:
    errors, warnings = (sum(item.mark == mark for item in todo) for mark in ("E", "W"))
    if not todo:
        return _titled(tr("Result"), tr("All is well; nothing to do."), "green")
    if not errors and not warnings:
        return _titled(tr("Result"), tr("No problems; see the note at the end."), "green")
    told = tr(
        "{errors:No errors|# error|# errors}, {warnings:no warnings|# warning|# warnings}. "
        "See the end for what to do.",
        errors=errors,
        warnings=warnings,
    )
    return _titled(tr("Result"), told, "red" if errors else "yellow")


def _host(found: Examined) -> _Section:
    key = found.key
    if isinstance(key, LicenseError):
        first = _Row(f"{_joined(tr('NONE'), tr(key.row.title))}  ({found.profile})", style="red")
    else:
        first = _Row(f"{key.key}  ({found.profile})")
    rows = [first]
    for part in diagnosis.parts(found.facts, found.profile):
        why = say(part.why, tr)
        style = "yellow" if part.lasting in (diagnosis.MAY_CHANGE, diagnosis.MISSING) else ""
        rows += _rows(part.name, tr(part.lasting), [_value(part.value), why], style)
    return tr("Host key"), rows


def _joined(subject: str, told: str) -> str:
    return tr("{subject}: {told}", subject=subject, told=told)


def _value(value: str | None) -> str:
    if value == diagnosis.HIDDEN:
        return tr("(not shown)")
    return tr("(none)") if value is None else printable(value)


def _licence(report: Report) -> _Section:
    if report.ok and report.license is not None:
        words = render.holds_line(report.license, report.now)[len("[N]: ") :]
        title, rows = _titled(tr("Licence"), words, "green")
        return title, rows + _source(report)
    rows = []
    for error in report.problems:
        text = tr("{title} ({slug}, exit {code})")
        told = text.format(title=tr(error.row.title), slug=error.slug, code=error.exit_code)
        rows.append(_Row(f"{'':<12}{told}" if rows else told, style="red"))
    return tr("Licence"), rows + _source(report)


def _source(report: Report) -> list[_Row]:
    """What the licence was taken from, where it is not in conf/."""
    if report.source is None or report.source.kind == "conf":
        return []
    told = tr("taken from {source}", source=render.source_words(report))
    return [_Row(f"{'':<12}{line}") for line in _wrapped(told, "", before=12)]


def _trust(report: Report) -> _Section:
    return _titled(tr("Trust"), render.trust_words(report)) if report.trust else ("", [])


def _clock(found: Examined) -> _Section:
    state = diagnosis.clock(found.memory, found.report.now)
    told = tr(_CLOCK[state]).format(utc(_seen(found) or 0))
    style = "red" if state in ("set back", "leapt") else ""
    return _titled(tr("Clock"), _joined(utc(found.report.now), told), style)


def _network(found: Examined) -> _Section:
    facts = found.facts
    rows = [_Row(tr(_MODES[stability.network_mode(facts)]).format(engine=facts.engine))]
    chosen = tr("used")
    for name, address in facts.interfaces:
        if address:
            verdict = chosen if address == facts.ip else ""
            rows += _rows(tr("interface"), verdict, [f"{printable(name)}  {address}"])
    bare = [printable(name) for name, address in facts.interfaces if not address]
    if bare:
        text = tr("no address: {names}").format(names=", ".join(bare))
        rows += _rows(tr("interface"), "", [text])
    for route in found.routes:
        device, metric = printable(route.device), route.metric
        if route.gateway is None:
            text = tr("default: {device}, metric {metric}")
        else:
            text = tr("default: {device}, gateway {gateway}, metric {metric}")
        told = text.format(device=device, gateway=route.gateway, metric=metric)
        rows += _rows(tr("route"), chosen if route.chosen else "", [told])
    return tr("Network"), rows + _pinned(facts, found.pinned_by)


def _pinned(facts: HostFacts, pinned_by: str) -> list[_Row]:
    if facts.pinned_ip is None:
        if stability.network_mode(facts) not in ("default-bridge", "user-defined"):
            return []
        return _rows(tr("pinned"), tr("not set"), [tr("LICENSE_PINNED_IP is not set")])
    if stability.is_pinned(facts):
        verdict, style = tr("yes"), ""
    elif facts.pinned_ip == facts.ip:
        verdict, style = tr("NO"), "yellow"  # on Docker's default network nothing is
    else:
        verdict, style = tr("DIFFERS"), "red"
    text = f"{printable(facts.pinned_ip)} ({printable(pinned_by)})"
    return _rows(tr("pinned"), verdict, [text], style)


def _machine(wanted: tuple[Want, ...]) -> _Section:
    if not wanted:
        return "", []
    rows = [_Row(tr("what this host has, and what conf/requirements.toml requires"))]
    for want in wanted:
        if want.name != "port":
            wished = f"{want.wanted}{want.unit}"
            if want.present is None:
                told = tr("required: {wanted}").format(wanted=wished)
            else:
                present = f"{round(want.present, 1):g}{want.unit}"
                told = tr("{present}; required: {wanted}").format(present=present, wanted=wished)
            rows += _rows(
                tr(diagnosis.LABELS[want.name]), tr(_MET[want.met]), [told], _MET_STYLES[want.met]
            )
    for met, word in _PORT.items():
        numbers = ", ".join(str(w.wanted) for w in wanted if w.name == "port" and w.met is met)
        if numbers:
            rows += _rows(tr("TCP ports"), tr(word), [numbers], _MET_STYLES[met])
    return tr("Machine"), rows


def _evidence(traits: tuple[Trait, ...]) -> _Section:
    rows = [_Row(tr("not part of the host key; helps support tell hosts apart"))]
    for trait in traits:
        value = "" if trait.value is None else printable(trait.value)
        why = tr(trait.why)
        told = why if trait.of is None else _joined(printable(trait.of), why)
        texts = [text for text in (value, told) if text]
        rows += _rows(trait.name, tr(trait.lasting), texts)
    return tr("Other ids"), rows


class _Item(NamedTuple):
    """Something to be done: its sentences have one remedy."""

    mark: str
    """``E``, ``W`` or ``N``."""
    sentences: list[str]
    remedy: str


def _to_do(found: Examined, cli: str) -> list[_Item]:
    """What to mend, in the order in which it should be: the key, then a licence for that key."""
    told: list[tuple[str, list[LicenseError | Notice]]] = []
    if isinstance(found.key, LicenseError):
        told.append(("E", [found.key]))
    told += [("W" if one.level == "warning" else "N", [one]) for one in found.hazards]
    remaking = [one for one in found.shortages if one.slug in diagnosis.NEW_CONTAINER]
    told += [("W", [one]) for one in remaking]  # a licence is ordered for what comes of it
    told += [("E", [error, *error.facts.get("details", ())]) for error in found.report.problems]
    told += [("E", [found.unread])] if found.unread else []
    # That nothing is remembered stands beside the clock already.
    told += [
        ("W", [notice])
        for notice in found.report.notices
        if notice.level == "warning" and notice.slug != "memory-missing"
    ]
    told += [("W", [one]) for one in found.shortages if one not in remaking]
    items: dict[str, _Item] = {}
    for mark, (first, *details) in told:
        # What is known of why has the nearer remedy.
        remedy = "\n".join(one.remedy(cli, tr) for one in (*details, first))
        item = items.setdefault(remedy, _Item(mark, [], remedy))
        sentences = [one.say(tr) for one in (first, *details)]
        item.sentences.extend(one for one in sentences if one not in item.sentences)
    return list(items.values())


def _told(todo: list[_Item], brush: Brush) -> Iterator[str]:
    if todo:
        yield brush(tr("What to do"), "bold")
    for number, item in enumerate(todo, 1):
        if number > 1:
            yield ""
        first, *rest = (line for text in item.sentences for line in _wrapped(text, "", before=9))
        yield f" {number}. {paint.mark(f'[{item.mark}]:', brush)} {first}"
        yield from (f"{'':<9}{line}" for line in rest)
        for line in item.remedy.splitlines():
            # What is indented is to be pasted.
            yield from _pasted(line) if line.startswith("  ") else _wrapped(line, " " * 6)


def _pasted(line: str) -> Iterator[str]:
    """A line for a shell, broken before options where it is too long; or of a file, as it is."""
    command, *parts = re.split(r" (?=--[a-z]|&& |\|\| )", line)
    told = f"      {command}"
    for part in parts:
        if width(f"{told} {part}") > _COLUMNS - 2:
            yield told + " \\"
            told = f"{'':<10}{part}"
        else:
            told += f" {part}"
    yield told


def _wrapped(text: str, indent: str, before: int = 0) -> list[str]:
    """*text* in lines, for a place *before* columns in."""
    return [indent + line for line in wrapped(text, _COLUMNS - before - len(indent))]
