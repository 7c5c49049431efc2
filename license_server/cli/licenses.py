"""``license-server issue``, ``renew``, ``rehost`` and the other actions on licences."""

import asyncio
import os
import secrets
import sys
import time
from collections.abc import Iterator
from typing import Any

import click

from license_core import hostline, received
from license_core.armor import MAX_FILE
from license_core.errors import FileUnreadableError, LicenseError, Notice, UsageError
from license_core.hostkey import PROFILES
from license_core.paths import read, words
from license_core.wording import DEFAULT_SERVER, printable, utc
from license_server.actor import COMMAND
from license_server.catalog.faults import Faults
from license_server.cli.output import say, written
from license_server.cli.shared import write
from license_server.db.errors import InputInvalidError
from license_server.licenses.acts import ISSUE, OFFERED, Act
from license_server.licenses.errors import ApprovalPendingError, LicenseNotWrittenError
from license_server.licenses.license_store import StoredLicense
from license_server.licenses.orders import Order
from license_server.licenses.planning import Plan
from license_server.settings import ServerSettings

_LARGEST_TEXT = 256 * 1024

_host = click.option(
    "--host",
    required=True,
    metavar="TEXT",
    help="What the operator sent: the host key line or the request; "
    "@FILE reads it from FILE, - from stdin.",
)
_profile = click.option(
    "--profile",
    type=click.Choice(list(PROFILES)),
    help="The profile of a host key line that names none. [default: hk1]",
)
_yes = click.option("--yes", is_flag=True, help="Do not ask, even if something is taken away.")
_output = click.option(
    "-o", "--output", required=True, metavar="FILE", help="Where to write license.dat; - : stdout."
)
_WHY = "The reason, for the audit log."
_why = click.option("--reason", required=True, metavar="TEXT", help=_WHY)


@click.command()
@click.option("--customer", required=True, metavar="NAME", help="The customer.")
@click.option(
    "--product", required=True, metavar="NAME", help="The product, as named in its hostseal.toml."
)
@_host
@_profile
@click.option("--days", type=int, metavar="N", help="Valid for N days, through the last one.")
@click.option("--expires", metavar="DATE", help="Or: its last day, such as 2027-12-31.")
@click.option("--perpetual", is_flag=True, help="Or: no expiry date.")
@click.option("--time-zone", metavar="ZONE", help="Time zone of the dates. [default: UTC]")
@click.option("--edition", metavar="NAME", help="The edition to run the product as.")
@click.option(
    "--feature",
    "features",
    multiple=True,
    metavar="NAME",
    help="A feature to enable; may be repeated.",
)
@click.option(
    "--limit",
    "limits",
    multiple=True,
    metavar="NAME=N",
    help="A limit, such as gpus=4; may be repeated.",
)
@click.option(
    "--match",
    metavar="CHOICE",
    help="exact: any change of hostname, IP address, machine or container invalidates it. "
    "anchored: machine and container must match; a change of hostname or IP address only causes "
    "a warning; needs a full request. [default: exact]",
)
@click.option("--notify-days", type=int, metavar="N", help="Warn from N days before expiry.")
@click.option(
    "--grace-days", type=int, metavar="N", help="The product still starts for N days after expiry."
)
@click.option(
    "--maintenance-until",
    metavar="DATE",
    help="Covers product versions released until this day.",
)
@click.option("--replaces", metavar="NUMBER", help="The earlier licence that it replaces.")
@_yes
@_output
@click.pass_obj
def issue(settings: ServerSettings, /, output: str, yes: bool, **given: Any) -> None:
    """Issue a licence and write its file."""
    _issue(settings, ISSUE, None, given, output, yes=yes)


_MEMBERS = {
    "host": _host,
    "days": click.option(
        "--days", type=int, metavar="N", help="Valid for N days, through the last one."
    ),
    "expires": click.option(
        "--expires", metavar="DATE", help="Or: the last day, such as 2027-12-31."
    ),
    "perpetual": click.option("--perpetual", is_flag=True, help="Or: no expiry date."),
    "time_zone": click.option(
        "--time-zone", metavar="ZONE", help="Time zone of the dates. [default: UTC]"
    ),
    "continue_from": click.option(
        "--continue-from",
        type=click.Choice(["end", "now"]),
        help="Where the term starts. [default: end, if still to come]",
    ),
    "edition": click.option("--edition", metavar="NAME", help="The new edition."),
    "features": click.option(
        "--feature",
        "features",
        multiple=True,
        metavar="NAME",
        help="The new list of features; may be repeated.",
    ),
    "limits": click.option(
        "--limit",
        "limits",
        multiple=True,
        metavar="NAME=N",
        help="The new list of limits; may be repeated.",
    ),
    "match": click.option(
        "--match", metavar="CHOICE", help="exact or anchored. [default: unchanged]"
    ),
    "notify_days": click.option(
        "--notify-days", type=int, metavar="N", help="Warn from N days before expiry."
    ),
    "grace_days": click.option(
        "--grace-days", type=int, metavar="N", help="Grace period: N days after expiry."
    ),
    "maintenance_until": click.option(
        "--maintenance-until", metavar="DATE", help="Covers versions released until this day."
    ),
}
"""The option for each member that an act may change."""


def _command(act: Act) -> click.Command:
    """The command that does *act* to a licence."""

    def do(settings: ServerSettings, /, number: str, **given: Any) -> None:
        if not act.issues:
            return _end(settings, act, number, given)
        output, yes = given.pop("output"), given.pop("yes")
        return _issue(settings, act, number, given, output, yes=yes)

    reason = _why if act.needs_reason else click.option("--reason", metavar="TEXT", help=_WHY)
    options = [_MEMBERS[name] for name in act.may_change] + [reason]
    options += [_profile] * act.names_host + [_yes, _output] * act.issues
    command = click.pass_obj(do)
    for option in reversed(options):
        command = option(command)
    command = click.argument("number")(command)
    return click.command(act.name, help=act.words.command)(command)


@click.command()
@click.argument("number")
@click.pass_obj
def history(settings: ServerSettings, number: str) -> None:
    """Show the history of the licence NUMBER: who did what, when and why."""
    from license_server.audit import audit_store
    from license_server.licenses import issuing, license_store

    def lines(connection: Any) -> Iterator[str]:
        line = license_store.of_line(connection, issuing.find(connection, number).line)
        for one in line:
            then = f"; {one.replaced_by} replaced it" if one.replaced_by else ""
            yield f"{one.number} for {_to_whom(one)}: {one.state}{then}"
        for event in audit_store.trail(connection, [one.number for one in line]):
            why = f": {printable(event.reason)}" if event.reason else ""
            yield f"{utc(event.at)}  {event.action} {event.subject} by {event.actor}{why}"

    for text in write(settings, lambda connection: list(lines(connection))):
        say(text)


@click.command("file")
@click.argument("number")
@click.option(
    "-o", "--output", required=True, metavar="FILE", help="Where to write it; - : stdout."
)
@click.option(
    "--with-revocations",
    is_flag=True,
    help="Append the revocation list in force, for an offline site.",
)
@click.pass_obj
def file_(settings: ServerSettings, number: str, output: str, with_revocations: bool) -> None:
    """Write the file of the licence NUMBER again, as issued; issues nothing."""
    from license_server.licenses import issuing
    from license_server.signing import revocation_lists

    def read_file(connection: Any) -> tuple[StoredLicense, bytes]:
        stored = issuing.find(connection, number)
        return stored, revocation_lists.block(connection) if with_revocations else b""

    stored, behind = write(settings, read_file)
    file = issuing.file_of(stored) + behind
    if len(file) > MAX_FILE:
        reason = (
            f"with the list the file would be {len(file)} bytes long, and the maximum is "
            f"{MAX_FILE}; send the list as a separate file"
        )
        raise InputInvalidError(field="--with-revocations", reason=reason)
    with written(output) as put:
        put(file)


COMMANDS = (issue, *map(_command, OFFERED), history, file_)


def _members(given: dict[str, Any], faults: Faults) -> dict[str, Any]:
    """The members of an order that the options make; what is not *given* says nothing."""
    from license_server.catalog import terms

    members = {
        name: value
        for name, value in given.items()
        if value is not None and value is not False and value != ()  # 0 is given
    }
    profile = members.pop("profile", None)
    if "host" in members:
        members["host"] = faults.read("host", _operators_text, members["host"])
    if profile is not None and members.get("host") is not None:
        members["host"] = faults.read("host", _of_profile, members["host"], profile)
    if "features" in members:
        members["features"] = list(members["features"])
    if "limits" in members:
        members["limits"] = faults.read("limits", terms.limits_of, members["limits"])
    return members


def _of_profile(text: str, profile: str) -> str:
    """The host key line in *text*, with its *profile*. Raises InputInvalidError, and as parse does.

    A whole request says its profile, and nobody else knows it better.
    """
    asked = received.parse(text)
    if asked.iat is None and asked.tags is None:
        return hostline.write(asked.key, asked.name, profile)
    if asked.profile != profile:
        reason = f"the request is for profile {asked.profile}; ask the operator for another one"
        raise InputInvalidError(field="--profile", reason=reason)
    return text


def _agree(seen: Plan, yes: bool) -> None:
    """Say what *seen* takes away before it is done, and ask.

    Raises click.Abort, or UsageError where nobody is at a terminal and *yes* was not said.
    """
    taken = [notice for notice in seen.notices if notice.slug == "takes-away"]
    for notice in taken:
        _warn(notice)
    if not taken or yes:
        return
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError(
            reason="Nothing was issued: something is taken away, and without a terminal nobody can "
            "be asked. If it is agreed, add --yes.",
            help=" ".join([*click.get_current_context().command_path.split()[1:], "--help"]),
        )
    click.confirm("Issue it all the same?", abort=True, err=True)


def _warn(notice: Notice) -> None:
    click.echo(f"[W]: {notice.sentence}\n     {notice.remedy(DEFAULT_SERVER)}", err=True)


def _issue(
    settings: ServerSettings,
    act: Act,
    number: str | None,
    given: dict[str, Any],
    output: str,
    *,
    yes: bool,
) -> None:
    """Do *act*, and write the file of the licence that it makes."""
    from license_server.db.reply_store import Reply
    from license_server.licenses import issuing, planning
    from license_server.licenses.planning import ActRequest
    from license_server.licenses.proposal_store import Proposal
    from license_server.operations import data_folder
    from license_server.site import Site

    now, faults = int(time.time()), Faults()
    members = _members(given, faults)
    act_request = ActRequest(act, members, number, faults=tuple(faults))
    with faults.go_first():
        database, issuer = data_folder.open_vault(settings)
    kept: list[StoredLicense | Proposal] = []
    stored: StoredLicense | Proposal | None = None

    def render_reply(done: StoredLicense | Proposal) -> Reply:
        kept[:] = [done]
        return Reply(201, None, b"")

    try:
        site = Site(settings, database, issuer, lambda: now, secrets.token_bytes)
        with database.reading() as connection:
            seen = planning.plan(connection, act_request, COMMAND, now, with_notices=True)
        if not seen.refusals:
            _agree(seen, yes)
        with written(output) as put:
            asyncio.run(site.act(act_request, COMMAND, now, render_reply))
            (stored,) = kept  # and not before: what is not committed was not issued
            if isinstance(stored, Proposal):
                raise ApprovalPendingError(id=stored.id, product=stored.product)
            put(issuing.file_of(stored))
    except (LicenseError, OSError) as error:
        if not isinstance(stored, StoredLicense):
            raise
        cause = error if isinstance(error, OSError) else error.__cause__
        place = "standard output" if output == "-" else output
        reason = words(cause) if isinstance(cause, OSError) else str(error)
        raise LicenseNotWrittenError(number=stored.number, path=place, reason=reason) from error
    finally:
        database.close()
    click.echo(f"{stored.number} for {_to_whom(stored)}", err=True)
    for notice in seen.notices:
        if notice.level == "warning" and notice.slug != "takes-away":
            _warn(notice)
    for line in _tolerated(seen.order):
        click.echo(line, err=True)


def _end(settings: ServerSettings, act: Act, number: str, given: dict[str, Any]) -> None:
    """Do *act*, which issues nothing."""
    from license_server.licenses import recording
    from license_server.licenses.planning import ActRequest

    act_request, now = ActRequest(act, given, number), int(time.time())
    stored = write(
        settings, lambda connection: recording.end(connection, act_request, COMMAND, now)
    )
    say(f"{stored.number} for {_to_whom(stored)}: {stored.state}.")


def _tolerated(order: Order) -> Iterator[str]:
    """What the licence tolerates, and what the other choice would have."""
    from license_server.licenses import tolerance

    tolerated = tolerance.of(order.request)
    yield f"{order.match}: {tolerated.sentence(order.match)}"
    if tolerated.objection:
        yield f"anchored: {tolerated.objection}"
    else:
        other = "exact" if order.match == "anchored" else "anchored"
        yield f"{other} would mean: {tolerated.sentence(other)}"


def _operators_text(given: str) -> str:
    """What the operator sent, from where *given* says. Raises FileUnreadableError."""
    if given == "-":
        if sys.stdin is None:
            raise InputInvalidError(field="--host", reason="standard input is closed")
        return sys.stdin.buffer.read(_LARGEST_TEXT).decode("utf-8", "replace")
    if not given.startswith("@"):
        if os.path.isfile(given):
            reason = f"{given} is a file; to read it, use `--host @{given}`"
            raise InputInvalidError(field="--host", reason=reason)
        return given
    data = read(given[1:], _LARGEST_TEXT)
    if data is None:
        raise FileUnreadableError(path=given[1:], reason="there is no such file")
    return data.decode("utf-8", "replace")


def _to_whom(stored: StoredLicense) -> str:
    until = "perpetual" if stored.expires_at is None else f"until {utc(stored.expires_at)}"
    return f"{printable(stored.customer)}, {until}"
