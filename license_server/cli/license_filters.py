"""The options that say which licences a command is about: the filters of the desk and the API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from license_server.catalog.faults import Faults
from license_server.licenses.vocabulary import KINDS, STATES

if TYPE_CHECKING:
    from license_server.licenses.search import Filter
    from license_server.sheets.exports import Read

_OPTIONS = (
    click.option("--customer", metavar="NAME", help="Only this customer's."),
    click.option("--product", metavar="NAME", help="Only for this product."),
    click.option(
        "--state",
        type=click.Choice(STATES),
        help="Only those in this state; active: valid or in grace.",
    ),
    click.option("--plan", metavar="NAME", help="Only of this plan."),
    click.option("--kind", type=click.Choice(KINDS), help="Only trials, or only stop-gaps."),
    click.option("--host-name", metavar="TEXT", help="Only for hosts whose names begin like this."),
    click.option("--host-key", metavar="TEXT", help="Only for hosts whose keys begin like this."),
    click.option("--number", metavar="TEXT", help="Only those whose numbers begin like this."),
    click.option("--expires-from", metavar="DATE", help="With this last day, or later."),
    click.option("--expires-until", metavar="DATE", help="With this last day, or earlier."),
    click.option("--search", "q", metavar="TEXT", help="Search text, as at the desk."),
)


def license_filters(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give *command* an option for each filter."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def wanted_licenses(read: Read, given: Mapping[str, str | None]) -> Filter:
    """What the options ask for. Raises InputInvalidError, which carries all that is wrong."""
    from license_server.licenses import filters

    faults = Faults()
    asked = {name: text for name, text in given.items() if text is not None}
    wanted = filters.read_into(asked, None, faults)
    read(lambda connection: filters.check_names(connection, wanted, faults))
    faults.check()
    return wanted
