"""``license-server renewals``: what expires, and what was reminded of."""

import time
from functools import partial

import click

from license_core.wording import printable, utc
from license_server.cli.caller import caller
from license_server.cli.output import say
from license_server.cli.shared import days_option, reading
from license_server.renewals import listing
from license_server.settings import ServerSettings

_PAGE = 500


@click.command()
@days_option("Until how many days from today.", listing.USUAL_DAYS, listing.MOST_DAYS)
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

    Number, last day, days left, customer, product, host, owner, the reminders that were given, the
    next one, and why none is mailed.
    """
    wanted, now = listing.Wanted(days, product, customer, owner), int(time.time())
    last: int | None = None
    with reading(settings) as read:
        while True:
            find = partial(listing.due, after=last, limit=_PAGE)
            page = read(lambda c: find(c, wanted, caller(), now))  # noqa: B023
            if not page and last is None:
                click.echo("No licence expires that matches.", err=True)
            for one in page:
                say("\t".join(map(printable, _cells(one, now))))
            if len(page) < _PAGE:
                return
            last = page[-1].stored.id


def _cells(one: listing.DueLicense, now: int) -> list[str]:
    stored, following = one.stored, one.following
    given = ", ".join(f"{it.days} ({it.mail_state or it.outcome})" for it in one.given)
    return [
        stored.number,
        "" if stored.last is None else str(stored.last),
        str(one.days),
        one.customer.name,
        stored.product,
        stored.host_name or stored.host_key,
        one.owner or "-",
        given or "-",
        "-" if following is None else f"{following.days} {_when(following.due_at, now)}",
        one.why_not or "-",
    ]


def _when(due_at: int, now: int) -> str:
    return "due now" if due_at <= now else f"on {utc(due_at)}"
