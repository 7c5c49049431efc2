"""``license-server backup`` and ``restore``."""

from __future__ import annotations

import os
import secrets
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from license_core.wording import printable, utc
from license_server.cli.caller import caller
from license_server.cli.output import can_be_read_back, say, written
from license_server.cli.progress import Progress
from license_server.cli.shared import record
from license_server.operations.errors import BackupInvalidError, BackupNotMadeError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from license_server.operations.returned import Returned
    from license_server.settings import ServerSettings


@click.command("backup")
@click.option(
    "-o", "--output", required=True, metavar="FILE", help="Where to write it; - : stdout."
)
@click.option("--with-keys", is_flag=True, help="Include the private keys, still encrypted.")
@click.pass_obj
def backup_(settings: ServerSettings, output: str, with_keys: bool) -> None:
    """Back up everything to one file, as of this moment; the server can keep running.

    The file is read back as `restore` would before it gets its name. Needs no passphrase. Without
    --with-keys, keep a separate copy of DATA/keys.
    """
    from license_server.operations import backup, data_folder

    def read_back(path: Path) -> None:
        progress.clear()
        try:
            backup.check(path)
        except BackupInvalidError as error:
            reason = f"what was written could not be restored ({error.reason})"
            raise BackupNotMadeError(reason=reason) from error

    os.umask(0o077)  # it names customers, and their people
    keys = backup.key_files(settings, with_keys=with_keys)
    with (
        closing(data_folder.open_database(settings)) as database,
        written(output, check=read_back) as write,
        database.snapshot() as connection,
    ):
        progress = Progress(backup.count(connection), "rows")
        backup.write(connection, keys, write, int(time.time()), progress.advance)
        progress.clear()
    name = "standard output" if output == "-" else os.path.basename(output)
    record(settings, "server.backed-up", name, with_keys=with_keys)
    if not can_be_read_back(output):
        place = "standard output" if output == "-" else output
        click.echo(
            f"[W]: What went to {place} cannot be read back. Check it where it arrived:\n"
            "     license-server restore --check FILE",
            err=True,
        )
    has_root = settings.root_key.relative_to(settings.data).as_posix() in keys
    private = f"not included: keep a copy of {settings.signing_key.parent}/"
    if with_keys:
        private = f"included, {'also' if has_root else 'but not'} the root key"
    click.echo(f"Backed up {settings.data}; private keys {private}.", err=True)
    if has_root:
        click.echo(
            f"[W]: The root key is in {output}: with the passphrase, whoever has it can sign any "
            "keyset.\n     Keep it offline, like that key.",
            err=True,
        )


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--thorough", is_flag=True, help="Verify every licence, not just a sample.")
@click.option("--check", "only_check", is_flag=True, help="Only check FILE; nothing is restored.")
@click.pass_obj
def restore(settings: ServerSettings, file: Path, thorough: bool, only_check: bool) -> None:
    """Restore a server from the backup FILE; the backup is checked first.

    Never overwrites an existing server: use a new folder (--data) or an empty database. What may
    have ended since the backup was made is listed, as it is valid again.
    """
    from license_server.operations import backup, backup_file, initialise
    from license_server.operations.returned import returned
    from license_server.signing.signers import keyfiles

    with backup_file.opened(file) as kept:
        made_at = utc(kept.manifest.made_at)
        if only_check:
            for _ in backup.checked_rows(kept, thorough=thorough):
                pass
            say(f"{file} can be restored; it is of {made_at}, rows: {kept.total}.")
            return
        progress = Progress(kept.total, "rows")
        again: list[Returned] = []

        def fill(connection: Connection) -> None:
            now = int(time.time())
            backup.load(
                connection,
                kept,
                now,
                thorough=thorough,
                advance=progress.advance,
                random=secrets.token_bytes,
                actor=caller(),
            )
            again[:] = returned(connection, now)

        def write_files(new: ServerSettings) -> None:
            for name, content in kept.keys.items():
                mode = keyfiles.PUBLIC if name.endswith(".pub.pem") else keyfiles.PRIVATE
                keyfiles.write(new.data / name, content, mode)

        initialise.put_in_place(settings, write_files, fill, secrets.token_bytes)
    progress.clear()
    say(f"Restored {settings.data} as it was at {made_at}.")
    say("Stop every server of the former database for good: with the same keys, both would issue.")
    say("Valid again, even if ended since then:")
    for kind in again:
        say(printable(f"  {kind}"))
    say("Licences revoked or suspended since then are active again, too; passwords are as then.")
    if not settings.seeds_key.exists():
        say(f"The backup has no private keys: copy yours to {settings.signing_key.parent}/.")
