"""``license-server backup`` and ``restore``."""

import os
import secrets
import time
from contextlib import closing
from pathlib import Path

import click
from sqlalchemy import Connection

from license_core.wording import utc
from license_server.cli.output import say, written
from license_server.cli.progress import Progress
from license_server.settings import ServerSettings


@click.command("backup")
@click.option(
    "-o", "--output", required=True, metavar="FILE", help="Where to write it; - : stdout."
)
@click.option("--with-keys", is_flag=True, help="Include the private keys, still encrypted.")
@click.pass_obj
def backup_(settings: ServerSettings, output: str, with_keys: bool) -> None:
    """Back up everything to one file, as of this moment; the server can keep running.

    Needs no passphrase. Without --with-keys, keep a separate copy of DATA/keys.
    """
    from license_server.operations import backup, data_folder

    os.umask(0o077)  # it names customers, and their people
    with (
        closing(data_folder.open_database(settings)) as database,
        written(output) as write,
        database.snapshot() as connection,
    ):
        progress = Progress(backup.count(connection), "rows")
        backup.write(
            connection,
            settings,
            write,
            int(time.time()),
            with_keys=with_keys,
            advance=progress.advance,
        )
        progress.clear()
    keys = (
        "included" if with_keys else f"not included: keep a copy of {settings.signing_key.parent}/"
    )
    click.echo(f"Backed up {settings.data}; private keys {keys}.", err=True)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--thorough", is_flag=True, help="Verify every licence, not just a sample.")
@click.pass_obj
def restore(settings: ServerSettings, file: Path, thorough: bool) -> None:
    """Restore a server from the backup FILE; the backup is checked first.

    Never overwrites an existing server: use a new folder (--data) or an empty database.
    """
    from license_server.operations import backup, initialise
    from license_server.signing.signers import keyfiles

    kept = backup.read(file)
    progress = Progress(kept.total, "rows")

    def fill(connection: Connection) -> None:
        now = int(time.time())
        backup.load(connection, kept, now, thorough=thorough, advance=progress.advance)

    def write_files(new: ServerSettings) -> None:
        for name, content in kept.files.items():
            mode = keyfiles.PUBLIC if name.endswith(".pub.pem") else keyfiles.PRIVATE
            keyfiles.write(new.data / name, content, mode)

    initialise.put_in_place(settings, write_files, fill, secrets.token_bytes)
    progress.clear()
    say(f"Restored {settings.data} as it was at {utc(kept.made_at)}.")
    if not settings.seeds_key.exists():
        say(f"The backup has no private keys: copy yours to {settings.signing_key.parent}/.")
