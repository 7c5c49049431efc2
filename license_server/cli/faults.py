"""What ``audit verify`` and ``fsck`` share: reading checkpoints, printing faults."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import click

from license_core import strictjson
from license_core.errors import FileUnreadableError
from license_core.paths import read
from license_core.wording import printable
from license_server.cli.output import say
from license_server.cli.progress import Progress
from license_server.operations.errors import RecordBrokenError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from license_server.audit.verify import Advance, Fault, Given, Tell
    from license_server.settings import ServerSettings

    Check: TypeAlias = Callable[[Connection, "T", list[Given], Tell, Advance], None]
    Size: TypeAlias = Callable[[Connection], int]

_LARGEST = 16 * 1024
T = TypeVar("T")


def checkpoint_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--checkpoint FILE``, as often as one likes."""
    return click.option(
        "--checkpoint",
        "checkpoints",
        multiple=True,
        metavar="FILE",
        help="A checkpoint kept elsewhere; may be repeated.",
    )(command)


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")(
        command
    )


def tell_faults(
    settings: ServerSettings,
    checkpoints: Sequence[str],
    as_json: bool,
    size: Size,
    check: Check[T],
    trusted: T,
) -> None:
    """Run *check* on the database as it is at one instant, and print each fault as it is found.

    *trusted* is what it holds the signatures against.
    Raises RecordBrokenError where there was one, FileUnreadableError for a checkpoint's file, or
    as data_folder.open_database does.
    """
    from license_server.operations import data_folder

    given = [_given(path) for path in checkpoints]
    count, first = 0, ""
    with (
        closing(data_folder.open_database(settings)) as database,
        database.snapshot() as connection,
    ):
        total = size(connection)
        progress = Progress(total, "rows")

        def tell(fault: Fault) -> None:
            nonlocal count, first
            count, first = count + 1, first or f"{fault.subject}: {fault.detail}"
            progress.clear()
            say(_line(fault, as_json))

        check(connection, trusted, given, tell, progress.advance)
        progress.clear()
    if as_json:
        say(strictjson.dumps({"faults": count, "rows": total}))
    if count:
        raise RecordBrokenError(count=count, first=first)
    if not as_json:
        say(f"No faults found; rows checked: {total}.")


def _line(fault: Fault, as_json: bool) -> bytes | str:
    if not as_json:
        return printable(f"{fault.kind}: {fault.subject}: {fault.detail}")
    return strictjson.dumps({"fault": fault.kind, "subject": fault.subject, "detail": fault.detail})


def _given(path: str) -> Given:
    from license_server.audit.verify import Given

    data = read(path, _LARGEST)
    if data is None:
        raise FileUnreadableError(path=path, reason="there is no such file")
    return Given(path, data.decode("utf-8", "replace").strip())
