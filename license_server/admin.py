"""The ``license-server`` command, and the only place that turns an error into an exit code."""

import asyncio
import os
import secrets
import socket
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
from sqlalchemy import Connection

from license_core import b64url, claims
from license_core.errors import (
    AddressInUseError,
    ApprovalPendingError,
    FileUnreadableError,
    InputInvalidError,
    InternalError,
    LicenseError,
    OutputFailedError,
    UsageError,
    utc,
)
from license_core.place import read, words
from license_server import problem_json
from license_server.actor import COMMAND
from license_server.commands.output import written
from license_server.commands.sheets import export, import_
from license_server.db import Database
from license_server.permissions import ROLES
from license_server.settings import ServerSettings

T = TypeVar("T")
_LARGEST_TEXT = 256 * 1024


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of the database and the keys [LICENSE_SERVER_DATA; default: server/]",
)
@click.version_option(package_name=None, version="0.1.0", prog_name="license-server")
@click.pass_context
def cli(ctx: click.Context, data: Path | None) -> None:
    """Issue licences that are sealed to a host.

    The passphrase of the keys comes from LICENSE_SERVER_PASSPHRASE_FILE or
    LICENSE_SERVER_PASSPHRASE.
    """
    ctx.obj = ServerSettings.read(data=data)


@cli.command()
@click.option("--vendor", default="Vendor", show_default=True, help="Your name in each licence.")
@click.option("--admin", default="admin@localhost", show_default=True, help="Who signs in first.")
@click.pass_obj
def init(settings: ServerSettings, vendor: str, admin: str) -> None:
    """Make the keys, the database and the first administrator."""
    from license_server import vault

    given = settings.read_admin_password()
    password = given or b64url.encode(secrets.token_bytes(15))
    administrator = vault.Administrator(_email(admin), password)
    vault.make(settings, vendor, administrator, int(time.time()), secrets.token_bytes)
    click.echo(f"Made the server in {settings.data}.")
    click.echo(f"Ship {settings.root_pub_pem} with your product, in its folder keys/.")
    click.echo(f"Keep a copy of {settings.root_key} offline; the server runs without it.")
    if given is None:
        click.echo(
            f"{administrator.email} signs in with the password (shown this once): {password}"
        )
    else:
        click.echo(f"{administrator.email} signs in with the password that you gave.")


@cli.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0: a free one."
)
@click.pass_obj
def serve(settings: ServerSettings, host: str, port: int) -> None:
    """Serve the desk and the API; print the URL when ready."""
    import uvicorn

    from license_server import logs
    from license_server.app import create_app

    logs.configure()
    app = create_app(settings)
    listening = _listen(host, port)
    name = f"[{host}]" if ":" in host else host
    url = f"http://{name}:{listening.getsockname()[1]}"

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            print(url, flush=True)

    config = uvicorn.Config(app, log_config=None, access_log=False, server_header=False)
    Server(config).run([listening])


@cli.command()
@click.option("--customer", required=True)
@click.option("--product", required=True)
@click.option(
    "--host",
    required=True,
    metavar="TEXT",
    help="The operator's line or request; @FILE: what stands in FILE; - : stdin.",
)
@click.option("--days", type=int, help="How long it holds, to the end of the last day.")
@click.option("--expires", metavar="DATE", help="The last day, such as 2027-12-31.")
@click.option("--perpetual", is_flag=True, help="It never ends.")
@click.option("--time-zone", metavar="ZONE", help="Whose days are meant [default: UTC]")
@click.option("--edition")
@click.option("--feature", "features", multiple=True, help="May be given several times.")
@click.option("--limit", "limits", multiple=True, metavar="NAME=N", help="Such as gpus=4.")
@click.option("--match", help="exact (default) or anchored")
@click.option("--notify-days", type=int, help="From how many days before the end to warn.")
@click.option("--grace-days", type=int, help="How many days after the end to tolerate.")
@click.option("--maintenance-until", metavar="DATE", help="Covers versions released until then.")
@click.option("--replaces", metavar="NUMBER")
@click.option(
    "-o", "--output", required=True, metavar="FILE", help="Where to write it; - : stdout."
)
@click.pass_obj
def issue(settings: ServerSettings, /, output: str, **given: Any) -> None:
    """Issue a licence and write its file."""
    from license_server import issuing, vault
    from license_server.acts import Wanted
    from license_server.site import Site
    from license_server.store.licenses import StoredLicense
    from license_server.store.proposals import Proposal
    from license_server.store.record import Reply

    given["host"] = _operators_text(given["host"])
    given["features"] = list(given["features"])
    given["limits"] = dict(_limit(text) for text in given["limits"])
    now = int(time.time())
    database, issuer = vault.open_vault(settings)
    kept: list[StoredLicense | Proposal] = []

    def tell(done: StoredLicense | Proposal) -> Reply:
        kept[:] = [done]
        return Reply(201, None, b"")

    try:
        site = Site(settings, database, issuer, lambda: now, secrets.token_bytes)
        with written(output) as write:
            asyncio.run(site.act(Wanted("issue", given), COMMAND, now, tell))
            (stored,) = kept
            if isinstance(stored, Proposal):
                raise ApprovalPendingError(id=stored.id, product=stored.product)
            write(issuing.file_of(stored))
    finally:
        database.close()
    until = "without end" if stored.expires_at is None else f"until {utc(stored.expires_at)}"
    click.echo(f"{stored.number} for {stored.customer}, {until}", err=True)


@cli.group()
def token() -> None:
    """Tokens for programs that use the API."""


@token.command("create")
@click.argument("name")
@click.pass_obj
def token_create(settings: ServerSettings, name: str) -> None:
    """Print a new token called NAME, this once."""
    from license_server import auth

    now = int(time.time())
    click.echo(
        _write(settings, lambda c: auth.new_token(c, name, COMMAND, now, secrets.token_bytes))
    )


@token.command("list")
@click.pass_obj
def token_list(settings: ServerSettings) -> None:
    """List the tokens, without their secrets."""
    from license_server.store import people

    for stored in _write(settings, people.list_tokens):
        state = "holds" if stored.revoked_at is None else f"revoked {utc(stored.revoked_at)}"
        click.echo(f"{stored.name}\tcreated {utc(stored.created_at)}\t{state}")


@token.command("revoke")
@click.argument("name")
@click.pass_obj
def token_revoke(settings: ServerSettings, name: str) -> None:
    """Make the token NAME worthless."""
    from license_server import auth

    now = int(time.time())
    _write(settings, lambda connection: auth.revoke_token(connection, name, COMMAND, now))
    click.echo(f"Revoked {name}.")


@cli.group()
def user() -> None:
    """People who may sign in at the desk."""


@user.command("add")
@click.argument("email")
@click.option(
    "--role",
    type=click.Choice(list(ROLES)),
    default="administrator",
    show_default=True,
    help="What they may do.",
)
@click.pass_obj
def user_add(settings: ServerSettings, email: str, role: str) -> None:
    """Let EMAIL sign in; the password is asked for, or read from the environment."""
    from license_server import accounts

    address, password, now = _email(email), _password(settings), int(time.time())
    _write(settings, lambda c: accounts.add(c, address, password, role, COMMAND, now))
    click.echo(f"{address} may sign in now.")


@user.command("passwd")
@click.argument("email")
@click.pass_obj
def user_passwd(settings: ServerSettings, email: str) -> None:
    """Give EMAIL another password, and end its sessions."""
    from license_server import accounts

    address, password, now = _email(email), _password(settings), int(time.time())
    _write(settings, lambda c: accounts.set_password(c, address, password, COMMAND, now))
    click.echo(f"{address} has another password now.")


@cli.command()
@click.pass_obj
def upgrade(settings: ServerSettings) -> None:
    """Bring the database to this server's version."""
    from license_server import schema, vault

    database = vault.open_any_database(settings)
    try:
        database.write(lambda connection: schema.upgrade(connection, int(time.time())))
    finally:
        database.close()
    click.echo("The database is of this server's version.")


cli.add_command(import_)
cli.add_command(export)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with *arguments* (default: the process's) and return its exit code."""
    try:
        cli.main(
            None if arguments is None else list(arguments),
            prog_name="license-server",
            standalone_mode=False,
        )
        sys.stdout.flush()
    except LicenseError as error:
        return _refuse(error)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return error.exit_code
    except click.ClickException as error:
        return _refuse(UsageError(reason=error.format_message()))
    except (click.Abort, KeyboardInterrupt):
        return 130
    except BrokenPipeError:
        _give_up_output()  # the reader went away; say nothing more
        return 141
    except OSError as error:  # every other was told as a problem: this is standard output's
        _give_up_output()
        return _refuse(OutputFailedError(reason=words(error)))
    except Exception as error:  # noqa: BLE001  # the last net: nobody is shown a traceback
        return _refuse(InternalError(reason=f"{type(error).__name__}: {error}"))
    return 0


def _give_up_output() -> None:
    """Let what could not be written go nowhere, or the interpreter would try again at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _refuse(error: LicenseError) -> int:
    remedy = error.remedy(problem_json.CLI).replace("\n", "\n     ")
    click.echo(f"[E]: {error.sentence}\n     {remedy}", err=True)
    return error.exit_code


def _write(settings: ServerSettings, work: Callable[[Connection], T]) -> T:
    from license_server import vault

    database: Database = vault.open_database(settings)
    try:
        return database.write(work)
    finally:
        database.close()


def _operators_text(given: str) -> str:
    """What the operator sent, from where *given* says. Raises FileUnreadableError."""
    if given == "-":
        return sys.stdin.buffer.read(_LARGEST_TEXT).decode("utf-8", "replace")
    if not given.startswith("@"):
        return given
    data = read(given[1:], _LARGEST_TEXT)
    if data is None:
        raise FileUnreadableError(path=given[1:], reason="there is no such file")
    return data.decode("utf-8", "replace")


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named, or asyncio would leave Nagle's algorithm on: 40 ms an answer.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(2048)
    except OSError as error:
        listening.close()
        raise AddressInUseError(address=f"{host}:{port}", reason=words(error)) from error
    return listening


def _limit(text: str) -> tuple[str, int]:
    name, _, value = text.partition("=")
    if not claims.choice_name(name) or not (value.isascii() and value.isdigit()):
        raise InputInvalidError(field="--limit", reason=f"{text!r} is not like gpus=4")
    return name, int(value)


def _email(text: str) -> str:
    address = text.strip().lower()
    if not 3 <= len(address) <= 200 or "@" not in address[1:-1] or not address.isprintable():
        raise InputInvalidError(field="email", reason=f"{text!r} is not an address")
    return address


def _password(settings: ServerSettings) -> str:
    given = settings.read_admin_password()
    if given is None:
        given = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return str(given)
