"""``license-server revocations``: publishes the revocation list."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from license_core.errors import DatabaseUnavailableError, NotFoundError
from license_core.reason import Reason
from license_core.wording import utc
from license_server.cli.caller import caller
from license_server.cli.output import (
    Folder,
    licences,
    say,
    written,
)
from license_server.cli.shared import days_option, write
from license_server.signing.list_days import LISTED_DAYS, MOST_DAYS

if TYPE_CHECKING:
    from license_server.settings import ServerSettings


_IN_SHARDS = (
    "It is too large to be one file: each site gets the shard of its licence. For sites without "
    "network: license-server revocations file NUMBER -o license.revocations"
)


@click.group()
def revocations() -> None:
    """The revocation list: the signed list of licences that are no longer valid."""


@revocations.command()
@days_option("Days until the next list is due.", LISTED_DAYS, most=MOST_DAYS)
@click.option("-o", "--output", metavar="FILE", help="Also write it to FILE; - : stdout.")
@click.pass_obj
def publish(settings: ServerSettings, days: int, output: str | None) -> None:
    """Sign and publish the list of all licences now revoked, suspended or rehosted.

    The server serves it at /license.revocations.
    """
    from sqlalchemy.exc import IntegrityError

    from license_server.operations import data_folder
    from license_server.signing import list_file, revocation_lists

    database, issuer = data_folder.open_vault(settings)
    with closing(database):
        with database.snapshot() as connection:
            now, largest = int(time.time()), settings.revocations_bytes
            new, count = revocation_lists.sign_next(connection, issuer, now, days, largest)
        try:
            database.write(
                lambda connection: revocation_lists.record(connection, new, count, caller())
            )
        except IntegrityError as error:
            raise DatabaseUnavailableError(reason="another list has just been published") from error
    due = utc(new.expires_at)
    listed = licences(count)
    click.echo(f"Published list {new.number}: {listed}; the next is due {due}.", err=True)
    if not new.is_whole:
        click.echo(f"[W]: {_IN_SHARDS}", err=True)
    if output:
        file = list_file.file_of(new)
        with written(output) as put:
            put(file)


@revocations.command("file")
@click.argument("numbers", metavar="NUMBER...", nargs=-1, required=True)
@click.option(
    "-o", "--output", required=True, metavar="FILE", help="Where to write it; - : stdout."
)
@click.pass_obj
def file_(settings: ServerSettings, numbers: tuple[str, ...], output: str) -> None:
    """Write the list in force for the licences NUMBER (or their last parts), for their sites.

    Of a long list it has the shards of these licences alone. `install` takes the one of the
    licence that is installed.
    """
    from license_server.licenses import issuing, typed_numbers
    from license_server.operations import data_folder
    from license_server.signing import revocation_shards

    database, issuer = data_folder.open_vault(settings)
    with closing(database):
        with database.reading() as connection:
            typed = (typed_numbers.number_meant(connection, number) for number in numbers)
            meant = [issuing.find(connection, number).number for number in typed]
            found = revocation_shards.Kept().newest(connection, issuer)
        if found is None:
            raise NotFoundError(what="revocation list", name=Reason("yet"))
        made = found.of(meant, int(time.time()))
        database.write(lambda _: None)  # what was signed is counted
    with written(output) as put:
        put(made.body)


@revocations.command()
@click.argument("folder", type=Folder(), metavar="DIR")
@click.option(
    "--digits",
    type=click.IntRange(1, 4),
    help="How long the names of shards are. By default as in DIR, or as the list needs.",
)
@click.pass_obj
def shards(settings: ServerSettings, folder: Path, digits: int | None) -> None:
    """Write all shards of the list in force into DIR, for a web server that has only files.

    The shard of a licence is DIR/PREFIX/license.revocations, where PREFIX begins the SHA-256 of
    its number. DIR/license.revocations is the whole list, as long as there is one.
    """
    from license_server.operations import data_folder
    from license_server.signing import list_file, revocation_shards, shard_folder

    database, issuer = data_folder.open_vault(settings)
    with closing(database):
        with database.reading() as connection:
            found = revocation_shards.Kept().newest(connection, issuer)
        if found is None:
            raise NotFoundError(what="revocation list", name=Reason("yet"))
        now = int(time.time())
        done = shard_folder.write(
            folder,
            found,
            now,
            digits,
            lambda: database.write(lambda _: None),  # what was signed is counted
        )
    kept = f"{16**done.digits} shards" if done.digits else "the whole list"
    click.echo(
        f"List {found.stored.number} is in {folder}: {kept}; new files: {done.changed}, "
        f"removed: {done.removed}.",
        err=True,
    )
    if done.digits:
        path = f"$(printf %s NUMBER | sha256sum | cut -c-{done.digits})"
        click.echo(f"A licence's shard: {path}/{list_file.FILE}", err=True)


@revocations.command()
@click.option("-o", "--output", metavar="FILE", help="Write it to FILE; - : stdout.")
@click.pass_obj
def show(settings: ServerSettings, output: str | None) -> None:
    """Show the list in force. Needs no passphrase."""
    from license_server.signing import list_file, revocation_store

    found = write(settings, revocation_store.newest)
    if found is None:
        raise NotFoundError(what="revocation list", name=Reason("yet"))
    if output:
        file = list_file.file_of(found)
        with written(output) as put:
            put(file)
        return
    now, due = int(time.time()), utc(found.expires_at)
    say(f"List {found.number} of {utc(found.created_at)}; the next is due {due}.")
    if not found.is_whole:
        say(_IN_SHARDS)
    if found.expires_at <= now:
        click.echo("[W]: The next list is overdue: publish one.", err=True)
