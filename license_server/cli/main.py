"""The ``license-server`` command, with all of its subcommands."""

import os
import secrets
import time
from collections.abc import Sequence
from pathlib import Path

import click

from license_core import b64url
from license_core.publickey import PublicKey
from license_server.cli import (
    entry,
    licenses,
    mail,
    parties,
    plans,
    portal,
    proposals,
    renewals,
    secret_files,
    tokens,
    users,
    webhooks,
)
from license_server.cli.audit import audit
from license_server.cli.backup import backup_, restore
from license_server.cli.caller import caller
from license_server.cli.check import CALL, check
from license_server.cli.find import find
from license_server.cli.fsck import fsck_
from license_server.cli.keys import keys
from license_server.cli.license_list import list_
from license_server.cli.many import many
from license_server.cli.output import say
from license_server.cli.passphrase import passphrase_
from license_server.cli.requests import requests
from license_server.cli.revocations import revocations
from license_server.cli.root import root
from license_server.cli.running import end_in_order, run
from license_server.cli.sheets import export, import_
from license_server.cli.signer import signer
from license_server.cli.why import why_
from license_server.settings import ServerSettings

_LARGEST_TEXT = 256 * 1024
_WITHOUT_A_SERVER = {"init", "restore", "root"}
"""Commands that need no data folder, or make it."""
_HELP = {"-h", "--help"}
_NEEDS_FOLDER = "license_server.needs_folder"
"""Where the context has whether the command is to use the data folder."""


class _Commands(click.Group):
    """The commands, which ask first whether this user may use the data folder."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command, and what it is given."""
        found = super().resolve_command(ctx, args)
        ctx.meta[_NEEDS_FOLDER] = found[0] not in _WITHOUT_A_SERVER and not _HELP & set(found[2])
        return found


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--data",
    type=click.Path(path_type=Path, readable=False),
    metavar="DIR",
    help="The data folder [LICENSE_SERVER_DATA; default: server/]",
)
@click.version_option(package_name=None, version="0.1.0", prog_name="license-server")
@click.pass_context
def cli(ctx: click.Context, data: Path | None) -> None:
    """Issue and manage host-bound licences.

    The passphrase of the keys is read from LICENSE_SERVER_PASSPHRASE_FILE or
    LICENSE_SERVER_PASSPHRASE; at a terminal you are prompted for it.
    """
    ctx.obj.data = data
    ctx.meta[CALL] = ctx.obj
    settings = ctx.obj = ServerSettings.read(data=data)
    for path in settings.secret_settings.values():
        if path is not None and (remedy := secret_files.remedy(path)) is not None:
            click.echo(f"[W]: {path} is readable by others.\n     {remedy}", err=True)
    for name, near in ServerSettings.misspelt(os.environ):
        remedy = f"Did you mean {near}?" if near else "docs/RUNNING.md lists the settings."
        click.echo(f"[W]: {name} is not a setting; it is ignored.\n     {remedy}", err=True)
    if ctx.meta[_NEEDS_FOLDER]:
        entry.check(settings)


@cli.command()
@click.option(
    "--vendor",
    default="Vendor",
    show_default=True,
    help="Your company's name, as it appears in licences.",
)
@click.option(
    "--admin",
    default="admin@localhost",
    show_default=True,
    help="Email address of the first administrator.",
)
@click.option(
    "--invite",
    is_flag=True,
    help="Print an invitation with which they set a password of their own, instead of one.",
)
@click.pass_obj
def init(settings: ServerSettings, vendor: str, admin: str, *, invite: bool) -> None:
    """Set up a server: keys, database and first administrator.

    If LICENSE_SERVER_SIGNER names a signing key, that key is used and none is created.
    """
    from license_server.access import accounts, invitations
    from license_server.operations import initialise

    given = None if invite else settings.read_admin_password()
    password = None if invite else given or b64url.encode(secrets.token_bytes(15))
    administrator = initialise.Administrator(accounts.read_email(admin), password)
    secret = initialise.make(
        settings, vendor, administrator, int(time.time()), secrets.token_bytes, caller()
    )
    root_key = PublicKey.from_pem(settings.root_pub_pem.read_text("ascii"))
    say(f"Set up the server in {settings.data}.")
    say(f"The fingerprint of the root key: {root_key.kid}")
    say(f"Ship {settings.root_pub_pem} with your product, in its keys/ folder.")
    say(f"Keep a copy of {settings.root_key} offline; the server runs without it.")
    if secret is not None:
        say(f"{administrator.email} sets a password here, within {invitations.DAYS} days:")
        say((settings.public_url or "") + invitations.path(secret))
    elif given is None:
        say(f"{administrator.email} signs in with this password (shown only once): {password}")
    else:
        say(f"{administrator.email} signs in with the password from the environment.")


@cli.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8080,
    show_default=True,
    help="The port; 0 picks a free one.",
)
@click.option(
    "--upgrade",
    "first_upgrade",
    is_flag=True,
    help="Upgrade the database first, if it is of an earlier version.",
)
@click.pass_obj
def serve(settings: ServerSettings, host: str, port: int, *, first_upgrade: bool) -> None:
    """Run the server: the desk (web pages) and the API; prints the URL when ready."""
    end_in_order(lambda _: 0, again=True)
    from license_server.app import create_app
    from license_server.http import server
    from license_server.operations import process, settings_events

    process.configure_logs()
    if first_upgrade:
        _upgrade(settings)
    app = create_app(settings)
    database, actor, now = app.state.server.site.database, caller(), int(time.time())
    # Nobody waits for it: a server whose database takes no write can still be read.
    database.writer.submit(lambda c: settings_events.note(c, settings, actor, now))
    listening = server.handed_over(os.environ)
    if listening is None:
        listening = server.listen(host, port)
    else:
        host = listening.getsockname()[0]
    name = f"[{host}]" if ":" in host else host
    url = f"http://{name}:{listening.getsockname()[1]}"
    server.run(app, listening, lambda: say(url), app.state.server.stop)


@cli.command()
@click.pass_obj
def upgrade(settings: ServerSettings) -> None:
    """Upgrade the database to this version of the server."""
    _upgrade(settings)
    say("The database is up to date.")


def _upgrade(settings: ServerSettings) -> None:
    from license_server.operations import data_folder, schema

    database = data_folder.open_any_database(settings)
    try:
        data_folder.ensure_record_key(settings, secrets.token_bytes)
        data_folder.ensure_seeds_key(settings, secrets.token_bytes)
        database.write(lambda c: schema.upgrade(c, int(time.time()), actor=caller()))
    finally:
        database.close()


for command in (
    audit,
    backup_,
    check,
    export,
    find,
    fsck_,
    import_,
    keys,
    list_,
    many,
    passphrase_,
    requests,
    restore,
    revocations,
    root,
    signer,
    tokens.token,
    users.user,
    parties.customer,
    parties.product,
    plans.plan,
    proposals.proposal,
    mail.mail,
    renewals.renewals,
    *licenses.COMMANDS,
    portal.portal,
    webhooks.webhook,
    why_,
):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with *arguments* (default: the process's) and return its exit code."""
    return run(cli, arguments)
