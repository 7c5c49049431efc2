"""``license-server portal``: links with which customers come into the portal."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

import click

from license_core.wording import utc
from license_server.cli import table
from license_server.cli.caller import caller
from license_server.cli.output import say
from license_server.cli.shared import write

if TYPE_CHECKING:
    from license_server.settings import ServerSettings


@click.group()
def portal() -> None:
    """Links with which customers come into the customer portal."""


@portal.command()
@click.argument("customer")
@click.option("--label", metavar="TEXT", help="What the link is for, such as a site or a team.")
@click.option(
    "--days",
    type=click.IntRange(1, 366),
    help="How long the link is valid.  [default: LICENSE_SERVER_PORTAL_DAYS]",
)
@click.option(
    "--product",
    "products",
    metavar="NAME",
    multiple=True,
    help="Only for this product; may be repeated.  [default: all of the customer's]",
)
@click.pass_obj
def link(
    settings: ServerSettings,
    customer: str,
    label: str | None,
    days: int | None,
    products: tuple[str, ...],
) -> None:
    """Invite CUSTOMER to the portal: print the link, which is shown only once."""
    from license_server.catalog import customers
    from license_server.portal import links

    links.check_on(settings)
    members = {"label": label, "days": days, "products": list(products) or None}
    asked, now = links.read({name: value for name, value in members.items() if value}), _now()
    secret, made = write(
        settings,
        lambda c: links.invite(
            c,
            customers.find(c, customer).id,
            asked,
            caller(),
            now,
            secrets.token_bytes,
            settings.portal_days,
        ),
    )
    say((settings.public_url or "") + links.path(secret))
    if settings.public_url is None:
        click.echo(
            "Put the server's address in front, such as https://licences.example.com, or set "
            "LICENSE_SERVER_PUBLIC_URL.",
            err=True,
        )
    click.echo(f"Link {made.id} is valid until {utc(made.expires_at)}.", err=True)


@portal.command("list")
@click.argument("customer")
@click.pass_obj
def list_(settings: ServerSettings, customer: str) -> None:
    """List the newest links of CUSTOMER: number, kind, state, until when, uses, label."""
    from license_server.catalog import customers
    from license_server.portal import links

    now = _now()
    found = write(settings, lambda c: links.listed(c, customers.find(c, customer).id, caller()))
    rows = (
        (one.id, one.kind, links.state(one, now), utc(one.expires_at), one.uses, one.label)
        for one in found
    )
    heading = ("NUMBER", "KIND", "STATE", "UNTIL", "USES", "LABEL")
    table.put(heading, rows, "This customer has no links.")


@portal.command()
@click.argument("number", type=click.IntRange(1))
@click.pass_obj
def withdraw(settings: ServerSettings, number: int) -> None:
    """Withdraw the link NUMBER; whoever is in the portal by it is signed out."""
    from license_server.portal import links

    write(settings, lambda c: links.withdraw(c, number, caller(), _now()))
    say(f"Withdrew link {number}.")


def _now() -> int:
    return int(time.time())
