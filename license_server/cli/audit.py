"""``license-server audit``: list, export, checkpoint and verify the audit log."""

from __future__ import annotations

import time
from collections.abc import Collection
from contextlib import closing
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING

import click

from license_core.errors import NotFoundError
from license_core.reason import Reason
from license_core.wording import printable, utc
from license_server.audit.kinds import KINDS
from license_server.cli.faults import (
    checkpoint_option,
    json_option,
    tell_faults,
)
from license_server.cli.output import say, written
from license_server.cli.progress import Progress
from license_server.cli.shared import DAY
from license_server.db.errors import InputInvalidError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from license_server.audit.audit_store import Event, StoredCheckpoint
    from license_server.db.database import Database
    from license_server.settings import ServerSettings

_DAY = 86400


@click.group()
def audit() -> None:
    """The audit log: who did what, when and why."""


@audit.command("list")
@click.option("--subject", help="What was acted on, such as a licence number.")
@click.option("--actor", help="Who acted: user:ADDRESS, token:NAME or command.")
@click.option("--action", help="What was done, such as license.issued.")
@click.option("--kind", type=click.Choice(list(KINDS)), help="What it was about.")
@click.option("--person", metavar="ADDRESS", help="What a user did, or what was done to them.")
@click.option("--customer", metavar="NAME", help="Of a customer and its licences.")
@click.option("--license", "number", metavar="NUMBER", help="Of a licence and its lineage.")
@click.option("--since", type=DAY, metavar="DATE", help="From this day (UTC).")
@click.option("--until", type=DAY, metavar="DATE", help="Through this day (UTC).")
@click.option(
    "--limit", type=click.IntRange(1), default=50, show_default=True, help="How many at most."
)
@click.pass_obj
def list_(
    settings: ServerSettings,
    subject: str | None,
    actor: str | None,
    action: str | None,
    kind: str | None,
    person: str | None,
    customer: str | None,
    number: str | None,
    since: datetime | None,
    until: datetime | None,
    limit: int,
) -> None:
    """List events, newest first, with what they changed."""
    from license_server.audit import audit_store, changes
    from license_server.licenses import trails
    from license_server.operations import data_folder

    end = None if until is None else _instant(until) + _DAY
    begin = None if since is None else _instant(since)
    asked = audit_store.EventFilter(
        subject, actor, action, begin, end, person=person and person.lower(), kind=kind
    )
    with closing(data_folder.open_database(settings)) as database, database.reading() as connection:
        wanted = trails.of(connection, asked, customer, number)
        found = audit_store.events(connection, wanted, before=None, limit=limit)
        changed = changes.of_events(connection, found)
        if not found:
            click.echo("No event matches.", err=True)
        for event in found:
            say(_line(event, "; ".join(map(changes.in_words, changed[event.id]))))


@audit.command()
@click.option(
    "-o", "--output", required=True, metavar="FILE", help="Where to write it; - : stdout."
)
@click.pass_obj
def export(settings: ServerSettings, output: str) -> None:
    """Export the whole audit log as JSON lines, with its hash chain (SPEC section 11.1)."""
    from license_server.audit import audit_store, chain
    from license_server.operations import data_folder

    with closing(data_folder.open_database(settings)) as database, written(output) as write:
        _link_all(database)
        with database.snapshot() as connection:
            progress = Progress(audit_store.count_events(connection), "events")
            for event in audit_store.whole_chain(connection):
                write(chain.exported(event))
                progress.advance(1)
            progress.clear()


@audit.command()
@click.option(
    "-o", "--output", required=True, metavar="FILE", help="Where to write it; - : stdout."
)
@click.pass_obj
def checkpoint(settings: ServerSettings, output: str) -> None:
    """Sign a snapshot of the audit log and write it to a file; keep that file elsewhere."""
    from license_server.operations import data_folder
    from license_server.signing.signature_count import tally

    database, issuer = data_folder.open_vault(settings)
    now = int(time.time())

    def make(connection: Connection) -> StoredCheckpoint | None:
        return notary.make(connection, now, wait=True)

    with closing(database), written(output) as write:
        notary = data_folder.open_notary(settings, issuer.name, tally(database))
        _link_all(database)
        made = database.write(make)
        if made is None:
            raise NotFoundError(what="event in", name="the audit log")
        write(f"{made.token}\n".encode("ascii"))
    click.echo(f"Checkpoint at position {made.position}, {utc(made.created_at)}.", err=True)


@audit.command()
@checkpoint_option
@json_option
@click.pass_obj
def verify(settings: ServerSettings, checkpoints: tuple[str, ...], as_json: bool) -> None:
    """Check the audit log's hash chain and checkpoints, read-only.

    `fsck` checks the ledger too. Needs no passphrase. Exits with 95 if it finds a fault.
    """
    from license_server.audit import audit_store
    from license_server.audit.verify import inspect
    from license_server.operations import data_folder

    key = data_folder.read_record_key(settings)
    tell_faults(settings, checkpoints, as_json, audit_store.count_events, inspect, key)


@audit.command()
@click.option(
    "--against", type=click.File("rb"), metavar="FILE", help="An export from before; - : stdin."
)
@click.pass_obj
def erased(settings: ServerSettings, against: IO[bytes] | None) -> None:
    """List the words of events that were erased, and their seals (SPEC section 11.1).

    With an export from before, each is `bound` where its word there has this seal, `differs` where
    it has another, `unknown` where the export has no word.
    """
    from license_server.audit import audit_store, seals
    from license_server.operations import data_folder

    with closing(data_folder.open_database(settings)) as database, database.snapshot() as c:
        found = list(audit_store.erased(c))
    before = {} if against is None else _exported(against, {event.id for event in found})
    for event in found:
        for path, seal in seals.erased(event).items():
            told = [] if against is None else [_proved(before.get(event.id), path, seal)]
            shown = (str(event.position or "-"), str(event.id), event.action, path, seal)
            say("\t".join((*shown, *told)))


def _exported(lines: IO[bytes], wanted: Collection[int]) -> dict[int, Event]:
    """The *wanted* events of an export, by their ids. Raises InputInvalidError."""
    from license_server.audit import chain

    found = {}
    for number, line in enumerate(lines, 1):
        try:
            event = chain.read(line)
        except (ValueError, TypeError, KeyError) as error:
            reason = Reason("line {number} is not of an export of the audit log", number=number)
            raise InputInvalidError(field="--against", reason=reason) from error
        if event.id in wanted:
            found[event.id] = event
    return found


def _proved(before: Event | None, path: str, seal: str) -> str:
    """What an event from *before* proves of the *seal* of an erased word."""
    from license_server.audit import seals

    if before is None or not seals.is_sealed(before) or path in seals.erased(before):
        return "unknown"
    try:
        return "bound" if seals.of(before).get(path) == seal else "differs"
    except ValueError:
        return "differs"


def _link_all(database: Database) -> None:
    from license_server.audit import chain

    while database.write(lambda connection: chain.extend(connection, wait=True)) == chain.BATCH:
        pass


def _instant(day: datetime) -> int:
    return int(day.replace(tzinfo=UTC).timestamp())


def _line(event: Event, changed: str) -> str:
    shown = (
        *(event.actor, event.address or "-", event.action, event.subject, event.reason or "-"),
        *([changed] if changed else []),
    )
    return "\t".join((utc(event.at), *map(printable, shown)))
