"""``license-server proposal``: actions that wait for a second person."""

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
    from sqlalchemy import Connection

    from license_server.licenses.proposal_store import Proposal
    from license_server.settings import ServerSettings

_HEADING = (
    *("NUMBER", "STATE", "ACT", "CUSTOMER", "PRODUCT", "PROPOSED", "BY", "REASON"),
    "CANNOT BE APPROVED",
)


@click.group()
def proposal() -> None:
    """Actions that wait for a second person's approval."""


@proposal.command("list")
@click.option("--all", "all_", is_flag=True, help="Include decided ones.")
@click.pass_obj
def list_(settings: ServerSettings, all_: bool) -> None:
    """List pending proposals, newest first."""
    from license_server.licenses import proposal_store, proposals

    state = None if all_ else "waiting"

    def read(connection: Connection) -> tuple[list[Proposal], dict[int, str]]:
        found = proposal_store.listed(connection, state, before=None, limit=10_000)
        return found, proposals.stopped(connection, found)

    listed, stopped = write(settings, read)
    rows = (
        (
            *(one.id, one.state, f"{one.act} {one.subject or ''}".strip(), one.customer),
            *(one.product, utc(one.proposed_at), one.proposed_by, one.reason),
            stopped.get(one.id),
        )
        for one in listed
    )
    table.put(_HEADING, rows, "No proposal was ever made." if all_ else "No proposal waits.")


@proposal.command()
@click.argument("id", type=int)
@click.option("--reason", metavar="TEXT", help="The reason, for the audit log.")
@click.pass_obj
def approve(settings: ServerSettings, id: int, reason: str | None) -> None:
    """Approve the proposal ID and issue its licence; then write its file with `file`."""
    import asyncio

    from license_server.db.reply_store import Reply
    from license_server.licenses.license_store import StoredLicense
    from license_server.operations import data_folder
    from license_server.site import Site

    def render_reply(done: StoredLicense | Proposal) -> Reply:
        number = done.number if isinstance(done, StoredLicense) else ""
        return Reply(201, number, b"")

    now = int(time.time())
    database, issuer = data_folder.open_vault(settings)
    try:
        site = Site(settings, database, issuer, lambda: now, secrets.token_bytes)
        reply = asyncio.run(site.approve(id, caller(), reason, now, render_reply))
    finally:
        database.close()
    say(f"Issued {reply.location}.")


@proposal.command()
@click.argument("id", type=int)
@click.option("--reason", required=True, metavar="TEXT", help="The reason, for the audit log.")
@click.pass_obj
def refuse(settings: ServerSettings, id: int, reason: str) -> None:
    """Refuse the proposal ID."""
    from license_server.requests import outcomes

    now = int(time.time())
    done = write(settings, lambda c: outcomes.refuse_proposal(c, id, caller(), reason, now))
    say(f"Proposal {done.id} {done.state}.")
