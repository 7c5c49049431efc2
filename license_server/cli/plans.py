"""``license-server plan``: the plans of products."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from license_core.wording import printable
from license_server.cli import table
from license_server.cli.caller import caller
from license_server.cli.output import say
from license_server.cli.shared import confirmed, write

if TYPE_CHECKING:
    from license_server.settings import ServerSettings


@click.group()
def plan() -> None:
    """Plans: named sets of values for new licences of a product."""


_terms = (
    click.option("--days", type=int, metavar="N", help="Valid for N days."),
    click.option("--edition", metavar="NAME", help="The edition."),
    click.option("--feature", "features", multiple=True, metavar="NAME", help="A feature."),
    click.option("--limit", "limits", multiple=True, metavar="NAME=N", help="Such as gpus=4."),
    click.option("--match", type=click.Choice(["exact", "anchored"]), help="The binding."),
    click.option("--notify-days", type=int, metavar="N", help="Warn from N days before expiry."),
    click.option("--grace-days", type=int, metavar="N", help="Grace period: N days after expiry."),
    click.option(
        "--trial/--no-trial", default=None, help="Given once to a customer and for a host."
    ),
)


def _with_terms(command: Any) -> Any:
    for option in reversed(_terms):
        command = option(command)
    return command


@plan.command("list")
@click.argument("product")
@click.pass_obj
def plan_list(settings: ServerSettings, product: str) -> None:
    """List the plans of PRODUCT."""
    from license_core import strictjson
    from license_server.catalog import plans, products

    found = write(settings, lambda c: products.find(c, product))
    rows = (
        (
            *(one.name, strictjson.dumps(dict(one.terms)).decode("utf-8")),
            *("trial" if one.trial else None, "archived" if one.archived else None),
        )
        for one in plans.of(found).values()
    )
    table.put(("NAME", "TERMS", "KIND", "STATE"), rows, f"{found.name} has no plans.")


@plan.command("add")
@click.argument("product")
@click.argument("name")
@_with_terms
@click.option("--yes", is_flag=True, help="Do not ask where another has nearly the same name.")
@click.pass_obj
def plan_add(settings: ServerSettings, /, product: str, name: str, yes: bool, **given: Any) -> None:
    """Add the plan NAME to PRODUCT."""
    from license_server.catalog import plans, products

    near = write(settings, lambda c: plans.alike(products.find(c, product), name))
    if near:
        question = f"{printable(', '.join(near))} has nearly the same name. Add {printable(name)}?"
        confirmed(question, yes=yes)
    members, now = _members(given), int(time.time())
    write(settings, lambda c: products.add_plan(c, product, name, members, caller(), now))
    say(f"{product}\t{printable(name)}")


@plan.command("change")
@click.argument("product")
@click.argument("name")
@_with_terms
@click.option(
    "--clear", "cleared", multiple=True, metavar="FIELD", help="Let it say nothing of FIELD."
)
@click.pass_obj
def plan_change(
    settings: ServerSettings, /, product: str, name: str, cleared: tuple[str, ...], **given: Any
) -> None:
    """Change the plan NAME of PRODUCT; existing licences are not affected."""
    nothing = {field.replace("-", "_"): None for field in cleared}
    _change(settings, product, name, nothing | _members(given))


@plan.command("archive")
@click.argument("product")
@click.argument("name")
@click.pass_obj
def plan_archive(settings: ServerSettings, product: str, name: str) -> None:
    """Archive the plan NAME of PRODUCT: no new licence takes it."""
    _change(settings, product, name, {"archived": True})


@plan.command("unarchive")
@click.argument("product")
@click.argument("name")
@click.pass_obj
def plan_unarchive(settings: ServerSettings, product: str, name: str) -> None:
    """Take the plan NAME of PRODUCT out of the archive."""
    _change(settings, product, name, {"archived": None})


def _change(settings: ServerSettings, product: str, name: str, members: dict[str, Any]) -> None:
    from license_server.catalog import products

    now = int(time.time())
    write(settings, lambda c: products.change_plan(c, product, name, members, caller(), now))
    say(f"{product}\t{printable(name)}")


def _members(given: dict[str, Any]) -> dict[str, Any]:
    """What the options say of a plan. Raises InputInvalidError."""
    from license_server.catalog import terms

    members = {name: value for name, value in given.items() if value not in (None, ())}
    if "features" in members:
        members["features"] = list(members["features"])
    if "limits" in members:
        members["limits"] = terms.limits_of(members["limits"])
    if members.get("trial") is False:
        members["trial"] = None
    return members
