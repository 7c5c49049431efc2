"""The ``license-server`` command, with all of its subcommands."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

import click

from license_server.cli.lazy import Later, LazyGroup
from license_server.cli.running import CALL, INVALID, run
from license_server.licenses.acts import OFFERED

_COMMANDS = {
    "audit": ("audit:audit", "The audit log: who did what, when and why."),
    "backup": (
        "backup:backup_",
        "Back up everything to one file, as of this moment; the server can keep running.",
    ),
    "check": (
        "check:check",
        "Check settings, files, keys, clock, database, mail and backups, and say what to mend.",
    ),
    "customer": ("parties:customer", "Customers, to whom licences are issued."),
    "export": ("sheets:export", "Export to a CSV file."),
    "file": (
        "licenses:file_",
        "Write the file of the licence NUMBER (or its last part) again, as issued; issues nothing.",
    ),
    "find": (
        "find:find",
        "Find licences, customers, products, proposals and requests by any part of what is known.",
    ),
    "fsck": (
        "fsck:fsck_",
        "Check that the ledger, the audit log and all signatures agree, read-only.",
    ),
    "history": (
        "licenses:history",
        "Show the history of the licence NUMBER (or its last part): who did what, when and why.",
    ),
    "import": ("sheets:import_", "Import from a CSV file."),
    "init": ("init:init", "Set up a server: keys, database and first administrator."),
    "issue": (
        "licenses:issue",
        "Issue a licence and write its file. At a terminal it is shown first, and you are asked.",
    ),
    "keys": ("keys:keys", "The keys that sign licences."),
    "list": ("license_list:list_", "List licences, and say how many there are."),
    "mail": ("mail:mail", "Mails that go out, what the other side answered, and the mailbox."),
    "many": (
        "many:many",
        "Renew, suspend, reinstate or revoke all licences that filters find, up to 5,000.",
    ),
    "passphrase": ("passphrase:passphrase_", "The passphrase of the private keys."),
    "plan": ("plans:plan", "Plans: named sets of values for new licences of a product."),
    "portal": ("portal:portal", "Links with which customers come into the customer portal."),
    "product": ("parties:product", "Products and their licensing rules."),
    "proposal": ("proposals:proposal", "Actions that wait for a second person's approval."),
    "renewals": (
        "renewals:renewals",
        "List licences that expire, the next first, and those that expired in the last 31 days.",
    ),
    "requests": (
        "requests:requests",
        "What operators ask for: the queue, and what became of each request.",
    ),
    "restore": (
        "backup:restore",
        "Restore a server from the backup FILE; the backup is checked first.",
    ),
    "revocations": (
        "revocations:revocations",
        "The revocation list: the signed list of licences that are no longer valid.",
    ),
    "root": ("root:root", "Root keys, used on an offline machine without the server."),
    "serve": (
        "serving:serve",
        "Run the server: the desk (web pages) and the API; prints the URL when ready.",
    ),
    "signer": ("signer:signer", "The signing key, in a file, a PKCS#11 token or a key service."),
    "token": ("tokens:token", "API tokens, for programs that call the API."),
    "upgrade": ("serving:upgrade", "Upgrade the database to this version of the server."),
    "user": ("users:user", "Users of the desk, and invitations."),
    "webhook": ("webhooks:webhook", "Webhooks: other systems are told of events."),
    "why": (
        "why:why_",
        "Find out why a product stopped: which licence is meant, what differs, what mends it.",
    ),
}
"""Of each command its module with its name there, and the first paragraph of its help."""
_WITHOUT_A_SERVER = {"init", "restore", "root"}
"""Commands that need no data folder, or make it."""
_HELP = {"-h", "--help"}
_NEEDS_FOLDER = "license_server.needs_folder"
"""Where the context has whether the command is to use the data folder."""
_SHOWS_HELP = "license_server.shows_help"
"""… and whether all that it is to do is to show its help, for which no settings are read."""


class _Commands(LazyGroup):
    """The commands, which ask first whether this user may use the data folder."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command, and what it is given."""
        found = super().resolve_command(ctx, args)
        ctx.meta[_NEEDS_FOLDER] = found[0] not in _WITHOUT_A_SERVER and not _HELP & set(found[2])
        # The first option cannot be the value of another.
        first = next((word for word in found[2] if word.startswith("-")), None)
        ctx.meta[_SHOWS_HELP] = first in _HELP
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
    if ctx.meta[_SHOWS_HELP]:
        return
    from license_server.cli import entry, secret_files
    from license_server.settings import ServerSettings

    if ctx.invoked_subcommand == "check":  # which is to say what is wrong, not to end with it
        ctx.obj, ctx.meta[INVALID] = ServerSettings.read_valid(os.environ, data=data)
    else:
        ctx.obj = ServerSettings.read(data=data)
    settings: ServerSettings = ctx.obj
    for path in settings.secret_settings.values():
        if path is not None and (remedy := secret_files.remedy(path)) is not None:
            click.echo(f"[W]: {path} is readable by others.\n     {remedy}", err=True)
    for name, near in ServerSettings.misspelt(os.environ):
        remedy = f"Did you mean {near}?" if near else "docs/RUNNING.md lists the settings."
        click.echo(f"[W]: {name} is not a setting; it is ignored.\n     {remedy}", err=True)
    if ctx.meta[_NEEDS_FOLDER]:
        entry.check(settings)


def _from(place: str) -> Callable[[], click.Command]:
    """What loads the command at *place*: its module, a colon, its name there."""
    module, _, name = place.partition(":")

    def load() -> click.Command:
        command: click.Command = getattr(import_module(f"license_server.cli.{module}"), name)
        return command

    return load


def _act(name: str) -> Callable[[], click.Command]:
    """What loads the command of an action on licences."""

    def load() -> click.Command:
        from license_server.cli import licenses

        return licenses.ACTS[name]

    return load


for _name, (_place, _help) in _COMMANDS.items():
    cli.add_command(Later(_name, _from(_place), _help))
for _offered in OFFERED:
    cli.add_command(Later(_offered.name, _act(_offered.name), _offered.words.command))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with *arguments* (default: the process's) and return its exit code."""
    return run(cli, arguments)
