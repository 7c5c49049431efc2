"""What an action would do, shown in the shell before it is done: the licence, and what differs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from license_core.wording import DEFAULT_SERVER, printable
from license_server.cli.shared import usage_error

if TYPE_CHECKING:
    from license_core.errors import Notice
    from license_server.licenses.license_store import StoredLicense
    from license_server.licenses.orders import Order
    from license_server.licenses.planning import Plan

_LABELS = {
    "customer": "Customer",
    "product": "Product",
    "host_name": "Hostname",
    "host_key": "Host key",
    "profile": "Profile",
    "match": "Match",
    "ends": "Last day",
    "warns_from": "Warns from",
    "tolerated_until": "Grace until",
    "covers_until": "Covers versions until",
    "edition": "Edition",
    "features": "Features",
    "limits": "Limits",
    "evidence": "Host tags",
    "plan": "Plan",
}
_DAYS = frozenset({"ends", "warns_from", "tolerated_until", "covers_until"})
_WIDTH = max(map(len, _LABELS.values()))
_ALWAYS_SAID = ("customer", "product", "host_name")
"""What tells people which licence it is, though it stays as it was."""


def lines(seen: Plan) -> Iterator[str]:
    """The licence that *seen* would make: all that it says, or what differs from the one before."""
    from license_server.licenses.term_changes import Terms, differences

    after = Terms.of_order(seen.order)
    if seen.former is None:
        yield str(seen.act.words.button)
        for name, value in after._asdict().items():
            if value not in (None, "", False) or name == "ends":
                yield _line(name, _value(name, value))
        yield from _plan(None, seen.order)
        return
    changes = differences(Terms.of_license(seen.former), after)
    yield f"{seen.act.words.button} {seen.former.number}"
    for name in _ALWAYS_SAID:
        if name not in {change.name for change in changes}:
            yield _line(name, _value(name, getattr(after, name)))
    for name, before, now in changes:
        yield _line(name, f"{_value(name, before)} → {_value(name, now)}")
    yield from _plan(seen.former, seen.order)


def _plan(former: StoredLicense | None, order: Order) -> Iterator[str]:
    """The plan and the kind, where there is one, or was."""
    told = ["", ""]
    for at, one in enumerate((former, order)):
        kind = f" ({one.kind})" if one is not None and one.kind else ""
        told[at] = "" if one is None else printable((one.plan or "") + kind).strip()
    if former is None or told[0] == told[1]:
        told = told[1:]
    if any(told):
        yield _line("plan", " → ".join(text or "none" for text in told))


def show(seen: Plan, *, err: bool) -> None:
    """Print the preview of *seen* and what is to be known before: to stderr, or as the answer."""
    for line in lines(seen):
        click.echo(line, err=err)
    for notice in seen.notices:
        tell(notice, err=err)


def tell(notice: Notice, *, err: bool = True) -> None:
    """Print a warning or note with what to do about it."""
    mark = "W" if notice.level == "warning" else "N"
    click.echo(f"[{mark}]: {notice.sentence}", err=err)
    remedy = notice.remedy(DEFAULT_SERVER)
    if remedy:
        click.echo(f"     {remedy}", err=err)


def agree(seen: Plan, *, yes: bool) -> bool:
    """Ask whoever is at the terminal whether *seen* shall be done, once it has been shown.

    Whether it was shown. Without a terminal, or with *yes*, nobody is asked; but what would take
    something away is never done without either. Raises click.Abort or UsageError.
    """
    if not yes and sys.stdin is not None and sys.stdin.isatty():
        show(seen, err=True)
        verb = "Propose it for approval?" if seen.needs_approval else "Issue it?"
        click.confirm(verb, abort=True, err=True)
        return True
    taken = [notice for notice in seen.notices if notice.slug == "takes-away"]
    for notice in taken:
        tell(notice)
    if taken and not yes:
        raise usage_error(
            "Nothing was issued: something is taken away, and without a terminal nobody can be "
            "asked. If it is agreed, add --yes."
        )
    return False


def _line(name: str, value: str) -> str:
    return f"  {_LABELS[name]:{_WIDTH}}  {value}"


def _value(name: str, value: Any) -> str:
    if name == "evidence":
        return "yes" if value else "none (host key line)"
    if name in _DAYS and value is None:
        return "never (perpetual)" if name == "ends" else "none"
    return printable(str(value)) if value else "none"
