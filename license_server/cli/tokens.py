"""``license-server token``: API tokens."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

import click

from license_core import clock, strictjson
from license_core.wording import utc
from license_server.cli import table
from license_server.cli.caller import caller
from license_server.cli.output import say
from license_server.cli.shared import write
from license_server.permissions import PERMISSIONS

if TYPE_CHECKING:
    from license_server.access.standing import Held
    from license_server.settings import ServerSettings

_HEADING = ("NAME", "PERMISSIONS", "PRODUCTS", "CREATED", "STATE", "USED", "WHOSE")


@click.group()
def token() -> None:
    """API tokens, for programs that call the API."""


@token.command()
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(list(PERMISSIONS)),
    help="A permission to grant; may be repeated [default: licenses:read, licenses:issue]",
)
@click.option(
    "--product",
    "products",
    multiple=True,
    metavar="NAME",
    help="Restrict to this product; may be repeated [default: all]",
)
@click.option(
    "--days", type=click.IntRange(1, 3660), help="How long it is valid [default: no expiry]"
)
@click.pass_obj
def create(
    settings: ServerSettings,
    name: str,
    scopes: tuple[str, ...],
    products: tuple[str, ...],
    days: int | None,
) -> None:
    """Create the API token NAME and print its secret, which is shown only once."""
    from license_server.access import tokens

    now = int(time.time())
    grant = tokens.Grant(
        frozenset(scopes) or tokens.PROGRAM.scopes,
        frozenset(products) or None,
        None if days is None else clock.later(now, days * 86400),
    )
    made = write(
        settings, lambda c: tokens.new_token(c, name, caller(), now, secrets.token_bytes, grant)
    )
    say(made)
    until = "with no expiry" if grant.expires_at is None else f"until {utc(grant.expires_at)}"
    may = ", ".join(sorted(grant.scopes))
    of = "all products" if grant.products is None else ", ".join(sorted(grant.products))
    click.echo(f"{name} may {may}; for {of}; {until}. The secret is shown only once.", err=True)


@token.command("list")
@click.pass_obj
def list_(settings: ServerSettings) -> None:
    """List API tokens, without their secrets."""
    from license_server.access import standing

    now = int(time.time())
    rows = (_line(held, now) for held in write(settings, standing.listed))
    table.put(_HEADING, rows, "There are no API tokens yet.")


@token.command()
@click.argument("name")
@click.pass_obj
def revoke(settings: ServerSettings, name: str) -> None:
    """Revoke the API token NAME; requests with it will be rejected."""
    from license_server.access import tokens

    now = int(time.time())
    write(settings, lambda connection: tokens.revoke_token(connection, name, caller(), now))
    say(f"Revoked {name}.")


def _line(held: Held, now: int) -> tuple[str, ...]:
    stored, person = held.token, held.person
    if stored.revoked_at is not None:
        state = f"revoked {utc(stored.revoked_at)}"
    elif stored.expires_at is not None and stored.expires_at <= now:
        state = f"expired {utc(stored.expires_at)}"
    elif person is not None and person.ended:
        state = f"ended with the account of {person.email}"
    elif stored.expires_at is None:
        state = "no expiry"
    else:
        state = f"valid until {utc(stored.expires_at)}"
    products = "all products"
    if stored.products is not None:
        products = ", ".join(strictjson.loads(stored.products.encode()))
    used = (
        "never used"
        if stored.used_at is None
        else f"last used in the hour from {utc(stored.used_at)}"
    )
    created = f"created {utc(stored.created_at)}"
    return stored.name, stored.scopes, products, created, state, used, _whose(held, now)


def _whose(held: Held, now: int) -> str:
    """Who is behind a token, and what it has not because their role does not allow it."""
    if held.person is None:
        return "created on the server"
    whose = f"created by {held.person.email}"
    lost = " ".join(sorted(held.given - held.permissions))
    return f"{whose} ({held.person.role}): without {lost}" if lost and held.is_valid(now) else whose
