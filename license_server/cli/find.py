"""``license-server find``: anything by any part of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from license_core.wording import printable, utc
from license_server.actor import COMMAND
from license_server.cli.output import say
from license_server.cli.shared import write

if TYPE_CHECKING:
    from license_server.settings import ServerSettings


@click.command()
@click.argument("text", nargs=-1, required=True)
@click.pass_obj
def find(settings: ServerSettings, text: tuple[str, ...]) -> None:
    """Find licences, customers, products, proposals and requests by any part of what is known.

    TEXT is any part of a hostname, a name, a mail address, a note, a reason, an order or contract
    number, a subject, a mail; the number of a licence or a request; or the operator's line.
    """
    from license_server import finder

    typed, now = " ".join(text), int(time.time())
    found = write(settings, lambda connection: finder.find(connection, typed, COMMAND, now))
    for one in found.licenses:
        told = (
            *(one.number, one.state_at(now), printable(one.customer), one.product),
            *(printable(one.host_name or one.host_key), printable(one.contract or "")),
        )
        say("\t".join(("licence", *told)))
        for event in found.said.get(one.number, ()):
            said = printable(event.reason or "")
            say(f"\t{one.number}\t{event.action}\t{utc(event.at)}\t{said}")
    for customer in found.customers:
        contact = printable(customer.contact_email or customer.contact_name or "")
        say(f"customer\t{customer.id}\t{printable(customer.name)}\t{contact}")
    for product in found.products:
        say(f"product\t{product.name}")
    for proposal in found.proposals:
        say(f"proposal\t{proposal.id}\t{proposal.state}\t{printable(proposal.customer)}")
    for request in found.requests:
        asked = (printable(one or "") for one in (request.customer, request.host_name))
        sender = printable(request.sender_address or "")
        say("\t".join(("request", str(request.id), request.state, *asked, sender)))
    if not any(found[:1] + found[3:]):
        click.echo("Nothing was found.", err=True)
    if found.more:
        click.echo("There may be more licences; type more of it.", err=True)
