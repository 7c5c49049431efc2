"""``license-server mail``: mails that go out, what became of each, and the mailbox."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

import click

from license_core.wording import printable, utc
from license_server.cli import table
from license_server.cli.caller import caller
from license_server.cli.output import say
from license_server.cli.shared import write

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from license_server.mail.outbox_store import Mail
    from license_server.settings import ServerSettings

_MOST_LISTED = 10_000
_HEADING = ("NUMBER", "STATE", "LICENCE", "TO", "QUEUED", "TRIES", "ANSWER")


@click.group()
def mail() -> None:
    """Mails that go out, what the other side answered, and the mailbox."""


@mail.command("list")
@click.option("--all", "all_", is_flag=True, help="Include those that were sent, or ended.")
@click.pass_obj
def list_(settings: ServerSettings, all_: bool) -> None:
    """List mails that are not sent yet, newest first."""
    from license_server.mail import outbox_store

    state = None if all_ else "open"
    found = write(
        settings,
        lambda c: outbox_store.listed(c, state, before=None, limit=_MOST_LISTED),
    )
    rows = (
        (
            one.id,
            one.state,
            one.license,
            one.recipient,
            utc(one.queued_at),
            one.attempts,
            one.answer,
        )
        for one in found
    )
    table.put(_HEADING, rows, "No mail was ever queued." if all_ else "No mail is waiting.")


@mail.command()
@click.argument("id", type=int)
@click.pass_obj
def show(settings: ServerSettings, id: int) -> None:
    """Print the mail ID: whom it is for, what became of it, and its text."""
    from license_server.mail import outbox

    one = write(settings, lambda c: outbox.seen(c, id, caller()))
    members = {
        "To": one.recipient,
        "Subject": one.subject,
        "Licence": one.license or "none",
        "Queued": f"{utc(one.queued_at)} by {one.queued_by}",
        "State": one.state,
        "Tries": str(one.attempts),
        "Answer": one.answer or "none yet",
        "Message-ID": one.message_id,
    }
    for name, value in members.items():
        say(f"{name}: {printable(value)}")
    say("")
    for line in one.body.splitlines():
        say(printable(line) if line.strip() else "")


@mail.command()
@click.argument("numbers", metavar="NUMBER...", nargs=-1, required=True)
@click.pass_obj
def send(settings: ServerSettings, numbers: tuple[str, ...]) -> None:
    """Queue the letter with each licence, and its file, to its customer's contact.

    All are queued, or none. A running server sends them.
    """
    from license_server.licenses import issuing
    from license_server.web import mailing

    now, actor = int(time.time()), caller()

    def queue(connection: Connection, number: str) -> Mail:
        stored = issuing.seen(connection, number, actor)
        vendor = issuing.claims_of(stored).iss
        random = secrets.token_bytes
        return mailing.send(connection, settings, stored, vendor, actor, now, random)

    def work(connection: Connection) -> list[Mail]:
        return [queue(connection, number) for number in dict.fromkeys(numbers)]

    for mail in write(settings, work):
        say(f"Mail {mail.id} to {mail.recipient} is queued.")


@mail.command()
@click.argument("id", type=int)
@click.pass_obj
def retry(settings: ServerSettings, id: int) -> None:
    """Let the mail ID be sent now: one that waits, was refused, is held, or was perhaps sent."""
    from license_server.mail import outbox

    now = int(time.time())
    write(settings, lambda c: outbox.retry(c, id, caller(), now))
    say(f"Mail {id} is queued.")


@mail.command()
@click.argument("id", type=int)
@click.pass_obj
def cancel(settings: ServerSettings, id: int) -> None:
    """Let the mail ID, which is not sent yet, never be."""
    from license_server.mail import outbox

    now = int(time.time())
    write(settings, lambda c: outbox.cancel(c, id, caller(), now))
    say(f"Mail {id} is cancelled.")


@mail.command()
@click.pass_obj
def fetch(settings: ServerSettings) -> None:
    """Read what is new in the mailbox, and file requests.

    A running server does so by itself. Nothing is issued or answered, and the mailbox is left as it
    is. Each mail is read once.
    """
    from license_server.background.fetching import Fetched, Fetcher
    from license_server.mail import mail_servers
    from license_server.mail.errors import MailboxOffError
    from license_server.operations import data_folder

    def clock() -> int:
        return int(time.time())

    box = mail_servers.mailbox(settings, clock)
    if box is None:
        raise MailboxOffError
    database = data_folder.open_database(settings)
    try:
        own, total = mail_servers.own(settings), Fetched(more=True)
        while total.more:
            new = Fetcher(database, box, own, settings.imap_days, clock).fetch()
            total = Fetched(total.mails + new.mails, total.requests + new.requests, new.more)
    finally:
        database.close()
    say(f"New mails: {total.mails}; requests filed: {total.requests}.")
