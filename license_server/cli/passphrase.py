"""``license-server passphrase``: what the private keys are encrypted under."""

from __future__ import annotations

import secrets
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from license_server.cli.output import say
from license_server.cli.shared import passphrase, record, usage_error
from license_server.passphrases import first_line

if TYPE_CHECKING:
    from license_server.settings import ServerSettings


@click.group("passphrase")
def passphrase_() -> None:
    """The passphrase of the private keys."""


@passphrase_.command()
@click.option(
    "--new-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A file whose first line is the new passphrase; without it, it is asked for.",
)
@click.pass_obj
def change(settings: ServerSettings, new_file: Path | None) -> None:
    """Change the passphrase of all private keys here: the keys stay, the former one opens none.

    The server can keep running; it needs the new one when it starts next. If this is cut off, the
    former or the new one opens all keys: run it again, with the same two.
    """
    from license_server.signing import passphrase as passphrases

    paths = passphrases.sealed_files(settings)
    if not paths:
        raise usage_error(f"{settings.data} has no private keys in files.")
    former = passphrase(settings, "present keys")
    new = _new(new_file)
    passphrases.change(paths, former, new, secrets.token_bytes)
    record(settings, "server.passphrase-changed", "keys", keys=[one.name for one in paths])
    say(f"Changed the passphrase of {', '.join(one.name for one in paths)}.")
    if settings.passphrase_file is not None and new_file is not None:
        files = f"{shlex.quote(str(new_file))} {shlex.quote(str(settings.passphrase_file))}"
        say(f"Before the next start: mv {files}")
    elif settings.given_passphrase:
        say("Before the next start, put the new one where the former one comes from.")
    say("Copies of keys/, and backups made with --with-keys, still open with the former one.")


def _new(path: Path | None) -> bytes:
    if path is None:
        typed = click.prompt("New passphrase", hide_input=True, confirmation_prompt=True, err=True)
        return str(typed).encode("utf-8", "surrogateescape")
    return (first_line(path, "--new-file") or "").encode("utf-8", "surrogateescape")
