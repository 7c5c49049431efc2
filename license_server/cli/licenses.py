"""``license-server issue``, ``renew``, ``rehost`` and the other actions on licences."""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any

import click

from license_core import armor, hostline, received
from license_core.armor import MAX_FILE
from license_core.errors import FileUnreadableError, LicenseError, NotFoundError
from license_core.hostkey import PROFILES
from license_core.paths import read, words
from license_core.reason import Reason
from license_core.wording import printable, utc
from license_server.catalog.faults import Faults
from license_server.cli import preview
from license_server.cli.caller import caller
from license_server.cli.output import say, written
from license_server.cli.shared import usage_error, write
from license_server.db.errors import InputInvalidError
from license_server.licenses.acts import ISSUE, OFFERED, Act

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from license_server.licenses.license_store import StoredLicense
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
_other_host = click.option(
    "--host", metavar="TEXT", help="What the operator of another host sent. [default: the same]"
)
_profile = click.option(
    "--profile",
    type=click.Choice(list(PROFILES)),
    help="The profile of a host key line that names none. [default: hk1]",
)
_yes = click.option("--yes", is_flag=True, help="Do not ask, even if something is taken away.")
_dry_run = click.option(
    "--dry-run", is_flag=True, help="Only show what would be issued; needs no --output."
)
_output = click.option(
    "-o", "--output", metavar="FILE", help="Where to write license.dat; - : stdout."
)
WHY = "The reason, for the audit log."
_plan = click.option(
    "--plan", metavar="NAME", help="A plan of the product; other options override it."
)
_override = click.option(
    "--override",
    is_flag=True,
    help="Issue it although it is a second trial or stop-gap; needs --reason.",
)
_why = click.option("--reason", required=True, metavar="TEXT", help=WHY)


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
@click.option("--reason", metavar="TEXT", help=WHY)
@click.option("--contract", metavar="TEXT", help="Your order or contract number, to find it by.")
@_plan
@_override
@_dry_run
@_yes
@_output
@click.pass_obj
def issue(
    settings: ServerSettings, /, output: str | None, yes: bool, dry_run: bool, **given: Any
) -> None:
    """Issue a licence and write its file. At a terminal it is shown first, and you are asked."""
    _issue(settings, ISSUE, None, given, output, yes=yes, dry_run=dry_run)


MEMBERS = {
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
    "contract": click.option(
        "--contract", metavar="TEXT", help="Your order or contract number. [default: unchanged]"
    ),
    "plan": _plan,
    "override": _override,
    "text": click.option(
        "--text",
        metavar="TEXT",
        help="What `return` printed; @FILE reads it from FILE, - from stdin.",
    ),
    "unproven": click.option(
        "--unproven", is_flag=True, help="End it though nothing proves that the file was removed."
    ),
}
"""The option for each member that an act may change."""


def _command(act: Act) -> click.Command:
    """The command that does *act* to a licence."""

    def do(settings: ServerSettings, /, number: str, **given: Any) -> None:
        yes = given.pop("yes")  # what issues nothing asks nothing, and takes it all the same
        if not act.issues:
            return _end(settings, act, number, given)
        output, dry_run = given.pop("output"), given.pop("dry_run")
        return _issue(settings, act, number, given, output, yes=yes, dry_run=dry_run)

    reason = _why if act.needs_reason else click.option("--reason", metavar="TEXT", help=WHY)
    options = [MEMBERS[name] for name in act.may_change] + [reason]
    if act.stands_in:
        options[0] = _other_host
    options += [_profile] * act.names_host + [_dry_run] * act.issues + [_yes]
    options += [_output] * act.issues
    command = click.pass_obj(do)
    for option in reversed(options):
        command = option(command)
    command = click.argument("number")(command)
    return click.command(act.name, help=act.words.command)(command)


@click.command()
@click.argument("number")
@click.pass_obj
def history(settings: ServerSettings, number: str) -> None:
    """Show the history of the licence NUMBER (or its last part): who did what, when and why."""
    from license_server.audit import audit_store
    from license_server.licenses import issuing, license_store, typed_numbers

    def lines(connection: Connection) -> Iterator[str]:
        meant = typed_numbers.number_meant(connection, number)
        line = license_store.of_line(connection, issuing.find(connection, meant).line)
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
    """Write the file of the licence NUMBER (or its last part) again, as issued; issues nothing."""
    from license_server.licenses import issuing, typed_numbers

    def find(connection: Connection) -> StoredLicense:
        return issuing.find(connection, typed_numbers.number_meant(connection, number))

    stored = write(settings, find)
    file = issuing.file_of(stored)
    if with_revocations:
        file += _list_behind(settings, stored.number, MAX_FILE - len(file))
    with written(output) as put:
        put(file)


def _list_behind(settings: ServerSettings, number: str, most: int) -> bytes:
    """The block of the list in force, to stand in a licence file; at *most* so many bytes.

    Of a longer list it is the shard of the licence *number*, for which the signing key is needed.
    """
    from license_server.operations import data_folder
    from license_server.signing import revocation_shards, revocation_store

    listed = write(settings, revocation_store.newest)
    if listed is None:
        raise NotFoundError(what="revocation list", name=Reason("yet"))
    block = armor.wrap(armor.REVOCATIONS, listed.token).encode("ascii")
    if listed.is_whole and len(block) <= most:
        return block
    database, issuer = data_folder.open_vault(settings)
    with closing(database):
        tokens = revocation_shards.Shards(listed, issuer).tokens([number], int(time.time()))
        database.write(lambda _: None)  # what was signed is counted
    block = "".join(armor.wrap(armor.REVOCATIONS, token) for token in tokens).encode("ascii")
    if len(block) > most:
        reason = f"with the list the file would be longer than {MAX_FILE} bytes; send it apart"
        raise InputInvalidError(field="--with-revocations", reason=reason)
    return block


ACTS = {act.name: _command(act) for act in OFFERED}
"""The command of each action on a licence."""


def members_of(given: dict[str, Any], faults: Faults) -> dict[str, Any]:
    """The members of an order that the options make; what is not *given* says nothing."""
    from license_server.catalog import terms, typed

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
    for name, read_as in (
        ("expires", typed.day),
        ("maintenance_until", typed.day),
        ("time_zone", typed.time_zone),
    ):
        if name in members:
            members[name] = read_as(members[name])
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


def _issue(
    settings: ServerSettings,
    act: Act,
    number: str | None,
    given: dict[str, Any],
    output: str | None,
    *,
    yes: bool,
    dry_run: bool,
) -> None:
    """Do *act*, and write the file of the licence that it makes; or only show it."""
    import asyncio

    from license_server.db.reply_store import Reply
    from license_server.licenses import issuing, planning, typed_numbers
    from license_server.licenses.errors import ApprovalPendingError, LicenseNotWrittenError
    from license_server.licenses.license_store import StoredLicense
    from license_server.licenses.planning import ActRequest
    from license_server.licenses.proposal_store import Proposal
    from license_server.operations import data_folder
    from license_server.site import Site

    now, faults = int(time.time()), Faults()
    members = members_of(given, faults)

    def planned(connection: Connection) -> tuple[ActRequest, Plan]:
        meant = None if number is None else typed_numbers.number_meant(connection, number)
        wanted = ActRequest(act, members, meant, faults=tuple(faults))
        return wanted, planning.plan(connection, wanted, caller(), now, with_notices=True)

    if dry_run:
        return _show(write(settings, planned)[1])
    if output is None:
        raise usage_error("Missing option '-o' / '--output': where to write license.dat.")
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
            act_request, seen = planned(connection)
        was_shown = not seen.refusals and preview.agree(seen, yes=yes)
        with written(output) as put:
            asyncio.run(site.act(act_request, caller(), now, render_reply))
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
    if not was_shown:
        for notice in seen.notices:
            if notice.level == "warning" and notice.slug != "takes-away":
                preview.tell(notice)
    for line in _tolerated(seen):
        click.echo(line, err=True)
    return None


def _show(seen: Plan) -> None:
    """Print what would be done. Raises the first refusal, where it would not be."""
    preview.show(seen, err=False)
    if seen.refusals:
        raise seen.refusals[0]
    say("Nothing was issued: --dry-run only shows it.")


def _end(settings: ServerSettings, act: Act, number: str, given: dict[str, Any]) -> None:
    """Do *act*, which issues nothing."""
    from license_server.licenses import recording, typed_numbers
    from license_server.licenses.planning import ActRequest

    now = int(time.time())
    if given.get("text") is not None:
        given["text"] = _operators_text(given["text"], "--text")

    def end(connection: Connection) -> StoredLicense:
        act_request = ActRequest(act, given, typed_numbers.number_meant(connection, number))
        return recording.end(connection, act_request, caller(), now)

    stored = write(settings, end)
    say(f"{stored.number} for {_to_whom(stored)}: {stored.state}.")


def _tolerated(seen: Plan) -> Iterator[str]:
    """What the licence tolerates, and what the other choice would, where there is one."""
    from license_server.licenses import tolerance

    order, tolerated = seen.order, tolerance.of(seen.order.request, seen.commands)
    yield f"{order.match}: {tolerated.sentence(order.match)}"
    if not tolerated.objection:
        other = "exact" if order.match == "anchored" else "anchored"
        yield f"{other} would mean: {tolerated.sentence(other)}"


def _operators_text(given: str, option: str = "--host") -> str:
    """What the operator sent, from where *given* says. Raises FileUnreadableError."""
    if given == "-":
        if sys.stdin is None:
            raise InputInvalidError(field=option, reason="standard input is closed")
        return sys.stdin.buffer.read(_LARGEST_TEXT).decode("utf-8", "replace")
    if not given.startswith("@"):
        if os.path.isfile(given):
            reason = f"{given} is a file; to read it, use `{option} @{given}`"
            raise InputInvalidError(field=option, reason=reason)
        return given
    data = read(given[1:], _LARGEST_TEXT)
    if data is None:
        raise FileUnreadableError(path=given[1:], reason="there is no such file")
    return data.decode("utf-8", "replace")


def _to_whom(stored: StoredLicense) -> str:
    last = stored.last
    until = "perpetual" if last is None else f"until the end of {last}"
    return f"{printable(stored.customer)}, {until}"
