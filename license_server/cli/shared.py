"""What commands share: a transaction, reading a file, asking for a password.

Also for commands that need no server: what only a server has is imported where it is used.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from license_core.armor import MAX_FILE
from license_core.errors import (
    FileTooLargeError,
    FileUnreadableError,
    LicenseError,
    UsageError,
)
from license_core.paths import read
from license_server.cli.caller import caller
from license_server.db.errors import InputInvalidError
from license_server.passphrases import GivesPassphrase, PassphraseMissingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection

    from license_server.settings import ServerSettings
    from license_server.sheets.exports import Read

T = TypeVar("T")
DAY = click.DateTime(formats=["%Y-%m-%d"])
"""The type of an option that is a day."""


def write(settings: ServerSettings, work: Callable[[Connection], T]) -> T:
    """The result of *work*, done in one transaction.

    Raises what *work* raises, or what data_folder.open_database does.
    """
    from license_server.operations import data_folder

    database = data_folder.open_database(settings)
    try:
        return database.write(work)
    finally:
        database.close()


def record(settings: ServerSettings, action: str, subject: str, **details: Any) -> None:
    """Write into the audit log what a command has done, which stays done where that fails."""
    from license_server.audit import events

    now = int(time.time())
    try:
        write(
            settings,
            lambda connection: events.record(connection, now, caller(), action, subject, **details),
        )
    except LicenseError as error:
        click.echo(f"[W]: It is done, but not in the audit log: {error.sentence}", err=True)


@contextmanager
def reading(settings: ServerSettings) -> Iterator[Read]:
    """What reads in the database, each time in a transaction of its own.

    Raises as data_folder.open_database does.
    """
    from license_server.operations import data_folder

    database = data_folder.open_database(settings)
    try:
        yield database.read
    finally:
        database.close()


def days_option(
    told: str, default: int, most: int = 36500
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """``--days N``, of which *told* says what they are."""
    span = click.IntRange(1, most)
    return click.option("--days", type=span, default=default, show_default=True, help=told)


def input_file(name: str) -> bytes:
    """The bytes of the file *name*, or of standard input (-).

    Raises FileUnreadableError or FileTooLargeError.
    """
    if name == "-":
        typed = sys.stdin.buffer.read(MAX_FILE + 1)
        if len(typed) > MAX_FILE:
            raise FileTooLargeError(path=name, size=len(typed), cap=MAX_FILE)
        return typed
    data = read(name, MAX_FILE)
    if data is None:
        raise FileUnreadableError(path=name, reason="there is no such file")
    return data


def password(settings: ServerSettings) -> str:
    """The password in the environment, or one that is typed twice. Raises InputInvalidError."""
    given = settings.read_admin_password()
    if given is None and not _somebody_is_there():
        reason = (
            "without a terminal there is no prompt; put it on the first line of a file and set "
            "LICENSE_SERVER_ADMIN_PASSWORD_FILE to its path"
        )
        raise InputInvalidError(field="password", reason=reason)
    if given is None:
        given = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return str(given)


def passphrase(given_by: GivesPassphrase, what: str, *, new: bool = False) -> bytes:
    """The passphrase in the environment, or one that is typed; a *new* one twice.

    Raises PassphraseMissingError, InputInvalidError.
    """
    given = given_by.given_passphrase
    if given:
        return given.encode("utf-8", "surrogateescape")
    if not _somebody_is_there():
        raise PassphraseMissingError(what=what)
    typed = click.prompt(
        f"Passphrase of the {what}", hide_input=True, confirmation_prompt=new, err=True
    )
    return str(typed).encode("utf-8", "surrogateescape")


def confirmed(question: str, *, yes: bool) -> None:
    """Raise unless somebody at the terminal agrees, or *yes* was given before.

    Raises UsageError where nobody can be asked, or click.Abort.
    """
    if yes:
        return
    if not _somebody_is_there():
        raise usage_error(f"{question} Without a terminal there is no prompt: add --yes.")
    click.confirm(question, abort=True, err=True)


def usage_error(reason: str) -> UsageError:
    """That the present command was not called as it must be; its own --help is the remedy."""
    command = click.get_current_context().command_path.split()[1:]
    return UsageError(reason=reason, help=" ".join([*command, "--help"]))


def _somebody_is_there() -> bool:
    """Whether there is a terminal to ask at."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return sys.stdin.isatty()
    return True
