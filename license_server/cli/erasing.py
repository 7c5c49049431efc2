"""What the commands that erase share: a batch after the other, and what waits is said."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from license_core.errors import DatabaseUnavailableError
from license_core.wording import printable, utc
from license_server.cli.caller import caller
from license_server.cli.output import say

if TYPE_CHECKING:
    from license_server.audit.audit_store import Event
    from license_server.db.database import Database
    from license_server.erasure.place import GoOn


def needed(reason: str | None) -> str:
    """The reason that was given. Raises UsageError."""
    if not reason:
        raise click.UsageError("Say why with --reason.", click.get_current_context())
    return reason


def finish(database: Database, go_on: GoOn, id_: int, now: int) -> None:
    """Do all that is left of an erasure that was begun, and write SQLite's file anew."""
    from license_server.erasure import place

    place.erase(database.write, go_on, id_, caller(), now)
    try:
        database.scrub()
    except DatabaseUnavailableError as error:
        note = "Erased; a running server has yet to write the file anew, and tries"
        click.echo(f"{note} every ten minutes: {error.reason}.", err=True)


def list_begun(found: Iterable[Event]) -> None:
    """Say whose erasure was begun, when, by whom and why, a line each."""
    for event in found:
        shown = (event.subject.partition(",")[0], utc(event.at), event.actor, event.reason)
        say("\t".join(printable(one or "-") for one in shown))
