"""The page of doctor: at most 80 columns, but for commands to paste."""

import textwrap
from collections.abc import Iterator
from typing import Any

from license_cli import render
from license_core.errors import Notice, printable, utc
from license_core.verify import Report

_COLUMNS = 80
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
    words = _CLOCK[clock["state"]].format(utc(clock["seen_at"] or 0))
    yield from _titled("Clock", f"{utc(answer['examined_at'])}: {words}")
    yield ""
    yield from _licence(report)
    if answer["machine"]:
        yield ""
        yield from _machine(answer["machine"])
    yield ""
    yield from _to_do(found, report, cli)


def _host(answer: dict[str, Any]) -> Iterator[str]:
    key, problem = answer["host_key"], answer["host_problem"]
    yield f"Host key    {key or 'NONE'}  ({answer['profile']})"
    if problem:
        yield from _wrapped(problem["sentence"], "            ")
    for part in answer["components"]:
        value = printable(part["value"] or "(none)")
        yield f"  {part['name']:<14}{value:<24}{part['lasting']}"
        yield from _wrapped(part["why"], " " * 16)


def _network(network: dict[str, Any]) -> Iterator[str]:
    engine = network["engine"] or "no container"
    gateway = f", gateway {network['gateway']}" if network["gateway"] else ""
    yield f"Network     {network['mode']} ({engine}){gateway}"
    for interface in network["interfaces"]:
        if interface["address"]:
            chosen = "  <- speaks for this host" if interface["chosen"] else ""
            yield f"  {printable(interface['name']):<14}{interface['address']}{chosen}"
    bare = [printable(i["name"]) for i in network["interfaces"] if not i["address"]]
    if bare:
        yield from _wrapped(f"without an address: {', '.join(bare)}", "  ")


def _licence(report: Report) -> Iterator[str]:
    if report.ok and report.license is not None:
        words = render.holds_line(report.license, report.now).removeprefix("[N]: ")
        yield from _titled("Licence", words)
        return
    for number, error in enumerate(report.problems):
        title = "Licence" if number == 0 else ""
        yield from _titled(title, f"{error.sentence} ({error.slug}, exit {error.exit_code})")


def _machine(wants: list[dict[str, Any]]) -> Iterator[str]:
    yield "Machine     wanted (conf/requirements.toml), and what there is"
    for want in wants:
        yield f"  {want['name']:<14}{want['wanted']:<12}{want['present']:<12}{_MET[want['met']]}"


def _to_do(found: tuple[Notice, ...], report: Report, cli: str) -> Iterator[str]:
    todo = []
    for error in report.problems:
        details: tuple[Notice, ...] = error.facts.get("details", ())
        todo += [(detail.sentence, detail.remedy(cli)) for detail in details]
        todo.append((error.sentence, error.remedy(cli)))
    todo += [(n.sentence, n.remedy(cli)) for n in report.notices if n.level == "warning"]
    todo += [(n.sentence, n.remedy(cli)) for n in found]
    todo = list(dict.fromkeys(todo))
    if not todo:
        yield "Nothing is to be done."
        return
    yield "What to do"
    for number, (sentence, remedy) in enumerate(todo, 1):
        first, *rest = _wrapped(sentence, "", before=4)
        if number > 1:
            yield ""
        yield f" {number}. {first}"
        yield from (f"    {line}" for line in rest)
        for line in remedy.splitlines():
            # A command stays on one line, however long, so that it can be pasted.
            yield from [f"      {line}"] if line.startswith("  ") else _wrapped(line, " " * 6)


def _titled(title: str, text: str) -> Iterator[str]:
    first, *rest = _wrapped(text, "", before=12)
    yield f"{title:<12}{first}"
    yield from (f"{'':<12}{line}" for line in rest)


def _wrapped(text: str, indent: str, before: int = 0) -> list[str]:
    """*text* in lines, for a place *before* columns in; what is in back quotes is not broken."""
    columns = _COLUMNS - before - len(indent)
    glued = "`".join(
        piece.replace(" ", "\x00") if number % 2 else piece
        for number, piece in enumerate(text.split("`"))
    )
    found = textwrap.wrap(glued, columns, break_long_words=False, break_on_hyphens=False)
    return [indent + line.replace("\x00", " ") for line in found or [""]]
