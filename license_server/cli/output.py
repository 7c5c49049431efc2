"""Where commands write their output."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click

from license_core.errors import OutputFailedError, PathIsFolderError
from license_core.paths import words
from license_core.write_errors import as_license_error


def licences(count: int) -> str:
    """How many licences, in words."""
    return "1 licence" if count == 1 else f"{count} licences"


def days_in_words(count: int) -> str:
    """How many whole days, in words."""
    if count == 0:
        return "less than a day"
    return "1 day" if count == 1 else f"{count} days"


class Folder(click.Path):
    """A folder that is written to. An empty name is none: its variable was not set."""

    def __init__(self, *, file_okay: bool = True) -> None:
        super().__init__(path_type=Path, file_okay=file_okay)

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:
        """Its path."""
        if not os.fspath(value):
            self.fail("It is empty; the folder you are in is a dot.", param, ctx)
        return super().convert(value, param, ctx)


@contextmanager
def written(
    name: str, *, tell: bool = True, check: Callable[[Path], object] | None = None
) -> Iterator[Callable[[bytes], object]]:
    """A way to write the file *name* piece by piece; it gets its name once it is whole.

    *check* reads it before that, and raises where it should not be there.

    That it can be written is known before the way is used. A link is followed; nothing takes the
    place of a pipe or a device. That a file was there already is said, unless *tell* is
    False. Raises PathIsFolderError, OutputFailedError, or that it cannot be written.
    """
    path = Path(os.path.realpath(name))
    if name == "-":
        with _standard_output() as write:
            yield write
        return
    try:
        if path.is_dir():
            raise PathIsFolderError(path=name)
        if path.exists() and not path.is_file():
            with path.open("wb") as stream:
                yield stream.write
            return
        with _taking_the_place_of(path, check) as write:
            was_there = path.exists()
            yield write
    except OSError as error:
        raise as_license_error(error, name) from error
    if was_there and tell:
        click.echo(f"[W]: {name} already existed and was replaced.", err=True)


def can_be_read_back(name: str) -> bool:
    """Whether ``written`` makes a file of this *name*, not what flows on."""
    path = os.path.realpath(name)
    return name != "-" and (os.path.isfile(path) or not os.path.exists(path))


@contextmanager
def _taking_the_place_of(
    path: Path, check: Callable[[Path], object] | None
) -> Iterator[Callable[[bytes], object]]:
    new = path.with_name(f"{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        with new.open("xb") as stream:
            yield stream.write
            stream.flush()
            os.fsync(stream.fileno())
        if check is not None:
            check(new)
        os.replace(new, path)
        _keep_name(path.parent)
    finally:
        new.unlink(missing_ok=True)


def _keep_name(folder: Path) -> None:
    """Let the new name outlive a power failure, where the file system can promise that."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _standard_output() -> Iterator[Callable[[bytes], object]]:
    if sys.__stdout__ is None:
        raise OutputFailedError(reason="it is closed")
    try:
        yield sys.stdout.buffer.write
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise  # the reader went away: no failure of ours
    except OSError as error:
        give_up_output()
        raise OutputFailedError(reason=words(error)) from error


def say(line: str | bytes) -> None:
    """One line of the answer. Raises OutputFailedError, or BrokenPipeError: nobody reads it."""
    try:
        click.echo(line)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputFailedError(reason=words(error)) from error


def give_up_output() -> None:
    """Let what could not be written go nowhere, or the interpreter would try again at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
