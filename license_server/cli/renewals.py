"""``license-server renewals``: what expires, and what was reminded of."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import click

from license_core.wording import utc
from license_server.cli import table
from license_server.cli.caller import caller
from license_server.cli.shared import days_option, reading
from license_server.renewals import span

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from license_server.renewals import listing
    from license_server.settings import ServerSettings

_PAGE = 500
_HEADING = (
    *("NUMBER", "LAST DAY", "DAYS", "CUSTOMER", "PRODUCT", "HOST", "OWNER", "REMINDERS"),
    *("NEXT", "NOT MAILED"),
)


@click.command()
@days_option("Until how many days from today.", span.USUAL_DAYS, span.MOST_DAYS)
@click.option("--product", metavar="NAME", help="Only licences for this product.")
@click.option("--customer", metavar="NAME", help="Only licences of this customer.")
@click.option("--owner", metavar="EMAIL", help="Only those of whom this user is the owner.")
@click.pass_obj
def renewals(
    settings: ServerSettings,
    days: int,
    product: str | None,
    customer: str | None,
    owner: str | None,
) -> None:
    """List licences that expire, the next first, and those that expired in the last 31 days.

    With the reminders that were given, the next one, and why none is mailed.
    """
    from license_server.renewals import listing

    wanted, now = listing.Wanted(days, product, customer, owner), int(time.time())
    with reading(settings) as read:
        found = _all(lambda last: read(lambda c: _page(c, wanted, now, last)))
        cells = (_cells(one, now) for one in found)
        table.put(_HEADING, cells, "No licence expires that matches.")


def _page(
    connection: Connection, wanted: listing.Wanted, now: int, last: int | None
) -> list[listing.DueLicense]:
    from license_server.renewals import listing

    return listing.due(connection, wanted, caller(), now, after=last, limit=_PAGE)


def _all(
    page_after: Callable[[int | None], list[listing.DueLicense]],
) -> Iterator[listing.DueLicense]:
    """All of them, a page at a time."""
    last: int | None = None
    while True:
        page = page_after(last)
        yield from page
        if len(page) < _PAGE:
            return
        last = page[-1].stored.id


def _cells(one: listing.DueLicense, now: int) -> tuple[object, ...]:
    stored, following = one.stored, one.following
    given = ", ".join(f"{it.days} ({it.mail_state or it.outcome})" for it in one.given)
    return (
        stored.number,
        stored.last,
        one.days,
        one.customer.name,
        stored.product,
        stored.host_name or stored.host_key,
        one.owner,
        given,
        following and f"{following.days} {_when(following.due_at, now)}",
        one.why_not,
    )


def _when(due_at: int, now: int) -> str:
    return "due now" if due_at <= now else f"on {utc(due_at)}"
