"""``license-server user``: users of the desk."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING

import click

from license_core.wording import printable, utc
from license_server.cli import table
from license_server.cli.caller import caller
from license_server.cli.output import say
from license_server.cli.shared import confirmed, password, write
from license_server.permissions import ROLES

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from license_server.access.access_store import Invitation, StoredUser
    from license_server.actor import Actor
    from license_server.erasure.user_erasure import Preview
    from license_server.settings import ServerSettings

_Role = click.Choice(list(ROLES))


@click.group()
def user() -> None:
    """Users of the desk, and invitations."""


def _of_account(command: Callable[..., None]) -> click.Command:
    """A command on the account EMAIL."""
    return user.command()(click.argument("email")(click.pass_obj(command)))


@user.command()
@click.argument("email")
@click.option("--role", type=_Role, required=True, help="Their role.")
@click.pass_obj
def add(settings: ServerSettings, email: str, role: str) -> None:
    """Add the user EMAIL; the password is prompted for, or read from the environment."""
    from license_server.access import accounts

    address, secret, now = accounts.read_email(email), password(settings), int(time.time())
    write(settings, lambda c: accounts.add(c, address, secret, role, caller(), now))
    say(f"{address} can now sign in, with the role {role}.")


@_of_account
def passwd(settings: ServerSettings, email: str) -> None:
    """Set a new password for EMAIL and end all their sessions."""
    from license_server.access import accounts

    address, secret, now = accounts.read_email(email), password(settings), int(time.time())
    write(settings, lambda c: accounts.set_password(c, address, secret, caller(), now))
    say(f"Changed the password of {address}.")


@user.command()
@click.argument("email")
@click.argument("role", type=_Role)
@click.pass_obj
def role(settings: ServerSettings, email: str, role: str) -> None:
    """Change the role of EMAIL to ROLE; takes effect at once."""
    from license_server.access import accounts

    def change(connection: Connection, former: StoredUser, actor: Actor, now: int) -> StoredUser:
        return accounts.change_role(connection, former, role, actor, now)

    _change(settings, email, change, "{} now has the role {}.", "limited to that role")


@_of_account
def end(settings: ServerSettings, email: str) -> None:
    """Disable the account of EMAIL; their sessions end, and the API tokens they created."""
    from license_server.access import accounts

    _change(settings, email, accounts.end, "{} can no longer sign in.", "ended with the account")


@_of_account
def reopen(settings: ServerSettings, email: str) -> None:
    """Enable the account of EMAIL again, and the API tokens they created."""
    from license_server.access import accounts

    _change(settings, email, accounts.reopen, "{} can sign in again.", "valid again")


@_of_account
def end_codes(settings: ServerSettings, email: str) -> None:
    """Turn off one-time codes for EMAIL, who lost their device and recovery codes."""
    from license_server.access import totp

    _change(settings, email, totp.end_of_other, "{} now signs in with the password alone.")


@user.command()
@click.argument("email")
@click.option("--reason", metavar="TEXT", help="Why; name nobody in it.")
@click.option("--preview", is_flag=True, help="Only say what would be erased.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def erase(
    settings: ServerSettings, email: str, reason: str | None, preview: bool, yes: bool
) -> None:
    """Erase the user EMAIL, or number #7, from the audit log too; cannot be undone.

    What they did stays, by "user #7, erased".
    """
    from license_server.access import accounts
    from license_server.cli import erasing
    from license_server.erasure import user_erasure
    from license_server.operations import data_folder

    now = int(time.time())
    with closing(data_folder.open_database(settings)) as database:

        def look(connection: Connection) -> Preview:
            id_ = user_erasure.find(connection, email).id
            return user_erasure.preview(connection, id_, caller())

        found = database.read(look)
        for what, count in found.counts.items():
            say(f"{what}\t{count}")
        if preview:
            return
        id_, why = found.user.id, erasing.needed(reason)
        confirmed(f"Erase {printable(found.user.email)} for good?", yes=yes)
        database.write(lambda c: user_erasure.begin(c, id_, caller(), now, why))
        erasing.finish(database, user_erasure.go_on, id_, now)
    say(f"{printable(found.user.email)} is {accounts.erased_name(id_)} from now on.")


@user.command()
@click.pass_obj
def erased(settings: ServerSettings) -> None:
    """List the users who were erased: keep the list beside backups, which still have them."""
    from license_server.cli import erasing
    from license_server.erasure import user_erasure
    from license_server.operations import data_folder

    with closing(data_folder.open_database(settings)) as database, database.snapshot() as c:
        erasing.list_begun(user_erasure.begun(c))


@user.command()
@click.argument("email")
@click.option("--role", type=_Role, required=True, help="Their role.")
@click.option(
    "--days", type=int, default=7, show_default=True, help="How long the invitation is valid."
)
@click.pass_obj
def invite(settings: ServerSettings, email: str, role: str, days: int) -> None:
    """Invite EMAIL: print the link for setting a password, which is shown only once."""
    from license_server.access import accounts, invitations

    address, now = accounts.read_email(email), int(time.time())
    secret, made = write(
        settings,
        lambda c: invitations.invite(c, address, role, caller(), now, secrets.token_bytes, days),
    )
    say(invitations.path(secret))
    click.echo(
        f"Put your desk's address in front, such as https://licences.example.com, and send it to "
        f"{address}. The link is valid until {utc(made.expires_at)}.",
        err=True,
    )


@_of_account
def withdraw(settings: ServerSettings, email: str) -> None:
    """Withdraw the invitation for EMAIL."""
    from license_server.access import accounts, invitations

    address, now = accounts.read_email(email), int(time.time())
    write(settings, lambda c: invitations.withdraw(c, address, caller(), now))
    say(f"Withdrew the invitation for {address}.")


@user.command("list")
@click.pass_obj
def list_(settings: ServerSettings) -> None:
    """List users and open invitations."""
    from license_server.access import access_store, invitations

    now = int(time.time())

    def read(connection: Connection) -> tuple[list[StoredUser], list[tuple[Invitation, bool]]]:
        return access_store.list_users(connection), invitations.listed(connection, now)

    users, invited = write(settings, read)
    rows: list[tuple[object, ...]] = []
    for one in users:
        state = "active" if one.ended_at is None else f"disabled {utc(one.ended_at)}"
        rows.append((one.email, one.role, state, "on" if one.totp else "off"))
    for open_, holds in invited:
        state = f"invited until {utc(open_.expires_at)}"
        if not holds and open_.expires_at > now:
            state = f"invalid: {open_.invited_by} may not invite them any more"
        rows.append((open_.email, open_.role, state, None))
    heading = ("EMAIL", "ROLE", "STATE", "ONE-TIME CODES")
    table.put(heading, rows, "There are no users yet.")


def _change(
    settings: ServerSettings,
    email: str,
    change: Callable[[Connection, StoredUser, Actor, int], StoredUser],
    told: str,
    tokens_are: str | None = None,
) -> None:
    """Change the account of *email*, and say so: *told* takes the address and the role.

    *tokens_are*: what becomes of the API tokens that they created.
    """
    from license_server.access import accounts, standing

    address, now = accounts.read_email(email), int(time.time())

    def work(connection: Connection) -> tuple[StoredUser, list[str]]:
        done = change(connection, accounts.find(connection, address), caller(), now)
        return done, [one.token.name for one in standing.tokens_of(connection, address, now)]

    done, names = write(settings, work)
    say(told.format(done.email, done.role))
    if tokens_are and names:
        say(f"API tokens {tokens_are}: {', '.join(names)}.")
