"""``license-server requests``: what operators ask for, until a licence answers it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any

import click

from license_core.wording import DEFAULT_SERVER, printable, utc
from license_server.cli import table
from license_server.cli.caller import caller
from license_server.cli.output import say, written
from license_server.cli.shared import write
from license_server.cli.why import pasted

if TYPE_CHECKING:  # what other commands need not load
    from sqlalchemy import Connection

    from license_server.licenses.license_store import StoredLicense
    from license_server.licenses.planning import ActRequest
    from license_server.requests.message_store import Message
    from license_server.requests.reading import Reading
    from license_server.requests.request_store import StoredRequest
    from license_server.settings import ServerSettings

_HEADING = (
    *("NUMBER", "STATE", "ASKED FOR", "RECEIVED", "CUSTOMER", "PRODUCT", "HOST", "SENDER"),
    "ANSWER",
)


@click.group()
def requests() -> None:
    """What operators ask for: the queue, and what became of each request."""


@requests.command("list")
@click.option("--all", "all_", is_flag=True, help="Include those that were dealt with.")
@click.pass_obj
def list_(settings: ServerSettings, all_: bool) -> None:
    """List the requests that wait, the oldest first; with --all the newest first."""
    from license_server.requests import request_store
    from license_server.requests.request_store import OPEN, Filter

    wanted, after = (Filter(), None) if all_ else (Filter(OPEN), 0)
    listed = write(settings, lambda c: request_store.listed(c, wanted, after=after, limit=10_000))
    nothing = "No request was ever filed." if all_ else "No request waits."
    table.put(_HEADING, map(_cells, listed), nothing)


def _cells(one: StoredRequest) -> tuple[object, ...]:
    sender = one.sender_address or one.sender_name
    host, asked = one.called or one.host_key, " ".join(filter(None, (one.wish, one.about)))
    seen = (one.id, one.standing, asked, utc(one.received_at), one.customer, one.product)
    return (
        *seen,
        host,
        sender,
        one.license or (f"proposal {one.proposal}" if one.proposal else None),
    )


@requests.command("file")
@click.argument("file", metavar="FILE")
@click.option("--customer", metavar="NAME", help="Whose it is; else it is read from the text.")
@click.option("--product", metavar="NAME", help="For which product; else it is read.")
@click.option("--sender", metavar="ADDRESS", help="The mail address that it came from.")
@click.pass_obj
def file_(
    settings: ServerSettings,
    file: str,
    customer: str | None,
    product: str | None,
    sender: str | None,
) -> None:
    """File what an operator sent: FILE has the text, a whole mail too; - reads stdin."""
    from license_server.operations import data_folder
    from license_server.requests import filing, incoming

    members = {"customer": customer, "product": product, "sender_address": sender}
    came, now = incoming.read({"text": pasted(file), **members}, "file"), int(time.time())
    with closing(data_folder.open_database(settings)) as database:
        meaning = database.read(lambda c: filing.read(c, caller(), came, now))
        filed = database.write(lambda c: filing.file(c, caller(), came, now, meaning))
    if filed.is_new:
        say(f"Filed as request {filed.request.id}.")
    for notice in filed.notices:
        say(f"[N]: {notice.sentence}")
    if filed.request.state == "new":
        say(f"     {DEFAULT_SERVER} requests show {filed.request.id}")


@requests.command()
@click.argument("id", type=int)
@click.pass_obj
def show(settings: ServerSettings, id: int) -> None:
    """Show the request ID: what was sent, whose it is, and what the ledger has of its host."""
    from license_server.requests import finding

    now = int(time.time())

    def look(connection: Connection) -> tuple[StoredRequest, list[Message], Reading]:
        stored = finding.seen(connection, id, caller())
        texts = finding.conversation(connection, stored)
        return stored, texts, finding.read(connection, stored, texts, caller(), now)

    for line in _told(*write(settings, look)):
        say(line)


def _told(stored: StoredRequest, texts: list[Message], read: Reading) -> Iterator[str]:
    from license_server.licenses import planning
    from license_server.requests import states

    yield f"Request {stored.id} is {states.told(stored)}."
    yield f"received   {utc(stored.received_at)} ({stored.source})"
    if stored.wish is not None:
        about = f" of {stored.about}" if stored.about else ""
        yield f"asked for  {stored.wish}{about}"
    sender = " ".join(filter(None, (stored.sender_name, stored.sender_address)))
    matched = read.matched
    for name, clue in (("customer", matched.customer), ("product", matched.product)):
        yield f"{name:<10} {printable(clue.value)} ({clue.by})" if clue else f"{name:<10} unknown"
    for doubt in matched.doubts:
        yield f"[W]: By another clue ({doubt.by}) the customer is {printable(doubt.value)}."
    named = {
        "host": read.asked and f"{printable(read.asked.name or 'unnamed')}  {read.asked.key}",
        "sender": sender and printable(sender),
        "owner": stored.owner,
        "reason": stored.reason and printable(stored.reason),
    }
    yield from (f"{name:<10} {value}" for name, value in named.items() if value)
    if read.asked is None:
        yield f"[W]: No host was read: {read.why_no_host}."
    if read.near is not None:
        near = planning.nearly(read.near)
        yield f"[W]: {near.sentence}"
        yield f"     {near.remedy}"
    if read.here is not None:
        yield f"[N]: {read.here.number} is valid on this host."
    elif read.earlier is not None and read.change is not None:
        yield f"[N]: {read.change.what(read.earlier.number)}"
        yield f"     {DEFAULT_SERVER} requests issue {stored.id} --move -o license.dat"
    for one in texts:
        yield ""
        yield f"{utc(one.at)}  {one.kind}  {printable(one.author or '')}"
        yield from (f"  {printable(line)}" for line in one.text.splitlines())


@requests.command()
@click.argument("id", type=int)
@click.option("--move", is_flag=True, help="Move the earlier licence of this host.")
@click.option("--customer", metavar="NAME", help="To whom, where the request does not tell.")
@click.option("--product", metavar="NAME", help="For which product.")
@click.option("--plan", metavar="NAME", help="The product's plan; where there is only one: that.")
@click.option("--days", type=click.IntRange(1, 36500), help="How long it is valid.")
@click.option("--reason", metavar="TEXT", help="The reason, for the audit log.")
@click.option("-o", "--output", required=True, metavar="FILE", help="Where to write license.dat.")
@click.pass_obj
def issue(settings: ServerSettings, /, id: int, *, move: bool, output: str, **given: Any) -> None:
    """Issue the licence that the request ID asks for, and write its file."""
    import asyncio

    from license_server.db.reply_store import Reply
    from license_server.licenses import issuing
    from license_server.licenses.errors import ApprovalPendingError
    from license_server.licenses.proposal_store import Proposal
    from license_server.operations import data_folder
    from license_server.requests import answering, outcomes
    from license_server.site import Site

    now, kept = int(time.time()), list["StoredLicense | Proposal"]()
    members = {name: value for name, value in given.items() if value is not None}

    def render_reply(done: StoredLicense | Proposal) -> Reply:
        kept[:] = [done]
        return Reply(201, None, b"")

    def planned(connection: Connection) -> ActRequest:
        return answering.act_request(connection, id, caller(), members, now, move=move)

    database, issuer = data_folder.open_vault(settings)
    try:
        site = Site(settings, database, issuer, lambda: now, secrets.token_bytes)
        wanted = database.read(planned)
        with written(output) as put:
            follow = outcomes.settling(id, caller(), now)
            asyncio.run(site.act(wanted, caller(), now, render_reply, follow=follow))
            (done,) = kept
            if isinstance(done, Proposal):
                raise ApprovalPendingError(id=done.id, product=done.product)
            put(issuing.file_of(done))
    finally:
        database.close()
    click.echo(f"{done.number} for {printable(done.customer)}", err=True)


@requests.command()
@click.argument("id", type=int)
@click.option("--reason", required=True, metavar="TEXT", help="The reason, for the audit log.")
@click.pass_obj
def refuse(settings: ServerSettings, id: int, reason: str) -> None:
    """Refuse the request ID."""
    from license_server.requests import outcomes

    now = int(time.time())
    done = write(settings, lambda c: outcomes.refuse(c, id, caller(), reason, now))
    say(f"Request {done.id} {done.state}.")
