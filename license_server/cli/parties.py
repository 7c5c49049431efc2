"""``license-server customer`` and ``product``."""

import time
from typing import Any

import click

from license_core import strictjson
from license_core.wording import printable
from license_server.actor import COMMAND
from license_server.cli.output import say
from license_server.cli.shared import write
from license_server.db.errors import InputInvalidError
from license_server.settings import ServerSettings

_PAGE = 500


@click.group()
def customer() -> None:
    """Customers, to whom licences are issued."""


_contact = (
    click.option("--contact-name", metavar="NAME", help="Contact person."),
    click.option("--contact-email", metavar="ADDRESS", help="Email address of the contact."),
    click.option("--language", type=click.Choice(["en", "zh"]), help="Language of mails."),
    click.option("--notes", metavar="TEXT", help="Notes for colleagues."),
)


def _with_contact(command: Any) -> Any:
    for option in reversed(_contact):
        command = option(command)
    return command


@customer.command("list")
@click.option("--search", metavar="TEXT", help="Words of the name, or their beginnings.")
@click.pass_obj
def customer_list(settings: ServerSettings, search: str | None) -> None:
    """List customers by name."""
    from license_server.catalog import catalog_store

    last: str | None = None
    while True:
        after = last
        page = write(settings, lambda c: catalog_store.customers_after(c, after, _PAGE, search))  # noqa: B023
        for one in page:
            say(f"{one.id}\t{printable(one.name)}\t{printable(one.contact_email or '')}")
        if len(page) < _PAGE:
            return
        last = page[-1].name


@customer.command("add")
@click.argument("name")
@_with_contact
@click.pass_obj
def customer_add(settings: ServerSettings, /, name: str, **given: Any) -> None:
    """Add the customer NAME."""
    from license_server.catalog import customers

    members, now = {"name": name} | _said(given), int(time.time())
    made = write(settings, lambda c: customers.add(c, members, COMMAND, now))
    say(f"{made.id}\t{printable(made.name)}")


@customer.command("change")
@click.argument("name")
@click.option("--rename", metavar="NAME", help="The new name.")
@_with_contact
@click.pass_obj
def customer_change(
    settings: ServerSettings, /, name: str, rename: str | None, **given: Any
) -> None:
    """Change the customer NAME; an empty value clears the field."""
    from license_server.catalog import customers

    members = {key: value or None for key, value in given.items() if value is not None}
    members |= {"name": rename} if rename else {}
    now = int(time.time())
    changed = write(
        settings,
        lambda c: customers.change(c, customers.find(c, name).id, members, COMMAND, now),
    )
    say(f"{changed.id}\t{printable(changed.name)}")


@click.group()
def product() -> None:
    """Products and their licensing rules."""


_rules = (
    click.option(
        "--longest-days", type=int, metavar="N", help="The longest term, in days; 0: no limit."
    ),
    click.option(
        "--rehosts",
        type=int,
        metavar="N",
        help="How often a licence can be rehosted; -1: no limit.",
    ),
    click.option(
        "--needs-approval/--needs-no-approval",
        default=None,
        help="Whether a second person must approve each licence.",
    ),
    click.option(
        "--defaults",
        metavar="JSON",
        help='Defaults for what an order leaves out, such as {"days": 365}.',
    ),
)


def _with_rules(command: Any) -> Any:
    for option in reversed(_rules):
        command = option(command)
    return command


@product.command("list")
@click.pass_obj
def product_list(settings: ServerSettings) -> None:
    """List products and their rules."""
    from license_server.catalog import catalog_store

    for one in write(settings, lambda c: catalog_store.products_after(c, None, 10_000)):
        days = "any term" if one.longest_days is None else f"longest term: {one.longest_days} d"
        moves = "any number" if one.rehosts is None else str(one.rehosts)
        approval = "\tneeds approval" if one.needs_approval else ""
        say(f"{one.name}\t{days}\trehosts: {moves}\tdefaults: {one.defaults or '{}'}{approval}")


@product.command("add")
@click.argument("name")
@_with_rules
@click.pass_obj
def product_add(settings: ServerSettings, /, name: str, **given: Any) -> None:
    """Add the product NAME, as named in its hostseal.toml."""
    from license_server.catalog import products

    members, now = {"name": name} | _ruled(given), int(time.time())
    say(write(settings, lambda c: products.add(c, members, COMMAND, now)).name)


@product.command("change")
@click.argument("name")
@_with_rules
@click.pass_obj
def product_change(settings: ServerSettings, /, name: str, **given: Any) -> None:
    """Change the rules of the product NAME; existing licences are not affected."""
    from license_server.catalog import products

    members, now = _ruled(given), int(time.time())
    say(write(settings, lambda c: products.change(c, name, members, COMMAND, now)).name)


def _said(given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}


def _ruled(given: dict[str, Any]) -> dict[str, Any]:
    """The rules that were given, as products.read takes them. Raises InputInvalidError."""
    members = _said(given)
    if members.get("longest_days") == 0:
        members["longest_days"] = None
    if members.get("rehosts") == -1:
        members["rehosts"] = None
    if "defaults" in members:
        try:
            members["defaults"] = strictjson.loads(members["defaults"].encode("utf-8", "replace"))
        except ValueError as error:
            raise InputInvalidError(field="--defaults", reason=str(error)) from error
    return members
