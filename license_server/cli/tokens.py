"""``license-server token``: API tokens."""

import secrets
import time

import click

from license_core import strictjson
from license_core.wording import utc
from license_server.access.access_store import StoredToken
from license_server.actor import COMMAND
from license_server.cli.output import say
from license_server.cli.shared import write
from license_server.permissions import PERMISSIONS
from license_server.settings import ServerSettings


@click.group()
def token() -> None:
    """Tokens for programs that use the API."""


@token.command()
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(list(PERMISSIONS)),
    help="What it may do; may be given several times [default: licenses:read, licenses:issue]",
)
@click.option(
    "--product", "products", multiple=True, metavar="NAME", help="For which products [default: all]"
)
@click.option("--days", type=click.IntRange(1, 3660), help="How long it holds [default: no end]")
@click.pass_obj
def create(
    settings: ServerSettings,
    name: str,
    scopes: tuple[str, ...],
    products: tuple[str, ...],
    days: int | None,
) -> None:
    """Print a new token called NAME, this once."""
    from license_server.access import tokens

    now = int(time.time())
    grant = tokens.Grant(
        frozenset(scopes) or tokens.PROGRAM.scopes,
        frozenset(products) or None,
        None if days is None else now + days * 86400,
    )
    made = write(
        settings, lambda c: tokens.new_token(c, name, COMMAND, now, secrets.token_bytes, grant)
    )
    say(made)


@token.command("list")
@click.pass_obj
def list_(settings: ServerSettings) -> None:
    """List the tokens, without their secrets."""
    from license_server.access import access_store

    now = int(time.time())
    for stored in write(settings, access_store.list_tokens):
        say("\t".join(_line(stored, now)))


@token.command()
@click.argument("name")
@click.pass_obj
def revoke(settings: ServerSettings, name: str) -> None:
    """Make the token NAME worthless."""
    from license_server.access import tokens

    now = int(time.time())
    write(settings, lambda connection: tokens.revoke_token(connection, name, COMMAND, now))
    say(f"Revoked {name}.")


def _line(stored: StoredToken, now: int) -> tuple[str, ...]:
    if stored.revoked_at is not None:
        state = f"revoked {utc(stored.revoked_at)}"
    elif stored.expires_at is None:
        state = "holds without end"
    elif stored.expires_at <= now:
        state = f"ended {utc(stored.expires_at)}"
    else:
        state = f"holds until {utc(stored.expires_at)}"
    products = "all products"
    if stored.products is not None:
        products = ", ".join(strictjson.loads(stored.products.encode()))
    used = (
        "never used" if stored.used_at is None else f"used in the hour from {utc(stored.used_at)}"
    )
    return stored.name, stored.scopes, products, f"created {utc(stored.created_at)}", state, used
