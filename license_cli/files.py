"""Replaces files as a whole, or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from typing import NamedTuple

from license_core.errors import LicenseError
from license_core.paths import words

_FORMER = ".old"


class Replacement(NamedTuple):
    """A file that is to be replaced."""

    path: str
    data: bytes
    keep_former: bool = False
    """Whether the old file, if it is another, stays beside it."""
    own: bool = True
    """Whether nobody named it."""


def replace(path: str, data: bytes, *, keep_former: bool = False) -> str | None:
    """Put *data* at *path* as ``replace_all`` does; the name under which the old file stays."""
    return replace_all([Replacement(path, data, keep_former)])[0]


def replace_all(files: Iterable[Replacement]) -> list[str | None]:
    """Put each of *files* in its place, in this order: all whole and on the disk, or none.

    Writes new files in the same folders, flushes them, renames them over the paths and flushes the
    folders; where a renaming fails, those before it are undone. A link is followed. Where the old
    file is kept, that is under the name that is returned for it; the one that had that name so far
    stays where anything fails. Mode and owner stay as they were; a file that is new can be read by
    everybody. Raises what ``as_license_error`` makes of a write that failed.
    """
    leftovers: list[str] = []
    try:
        kept, steps = [], []
        for file in files:
            of_file = _prepared(file, leftovers)
            kept.append(of_file[0].target if len(of_file) > 1 else None)
            steps += of_file
        _rename_all(steps, leftovers)
    finally:
        for leftover in leftovers:
            with suppress(OSError):  # where nothing could be written, nothing is left
                os.unlink(leftover)
    return kept


class _Step(NamedTuple):
    """A renaming."""

    source: str
    target: str
    own: bool

    def told(self) -> AbstractContextManager[None]:
        """Within it what goes wrong is told of its target."""
        return _as_license_error(self.target, own=self.own)


def _prepared(file: Replacement, leftovers: list[str]) -> list[_Step]:
    """Write what is new, and the renamings that are left to do: the last is of the file itself."""
    with _as_license_error(file.path, own=file.own):
        path = os.path.realpath(file.path)
    suffix = f".{os.urandom(6).hex()}.tmp"
    new, former = path + suffix, path + _FORMER + suffix
    leftovers += [new, former]
    with _as_license_error(path, own=file.own):
        _write(new, file.data, model=path)
        if file.keep_former and not _holds(path, file.data) and _duplicate(path, former):
            return [_Step(former, path + _FORMER, file.own), _Step(new, path, file.own)]
    return [_Step(new, path, file.own)]


def _rename_all(steps: Sequence[_Step], leftovers: list[str]) -> None:
    """Do all of *steps*, or none."""
    before: list[str | None] = []
    for step in steps[:-1]:
        with step.told():
            second = step.source + _FORMER
            leftovers.append(second)
            before.append(second if _duplicate(step.target, second) else None)
    with ExitStack() as folders:
        opened = []
        for folder, step in {os.path.dirname(step.target): step for step in steps}.items():
            with step.told():
                opened.append(folders.enter_context(_open_folder(folder)))
        for count, step in enumerate(steps):
            try:
                with step.told():
                    os.rename(step.source, step.target)
            except LicenseError:
                for done in reversed(range(count)):
                    _put_back(before[done], steps[done].target)
                raise
        for descriptor in opened:
            with suppress(OSError):  # all is in place: "the old file was left" would be untrue
                os.fsync(descriptor)


def _put_back(present: str | None, path: str) -> None:
    """Undo a renaming: what was at *path* has the name *present*; None: there was nothing."""
    if present is None:
        _remove(path)
    else:
        os.rename(present, path)


def write_new(path: str, data: bytes) -> None:
    """Write or replace a file that the operator named. Raises as ``replace`` does.

    A pipe or a device is written to; nothing takes its place.
    """
    with _as_license_error(path, own=False):
        if _is_special(path) and not os.path.isdir(path):
            with open(path, "wb") as stream:
                stream.write(data)
            return
    replace_all([Replacement(path, data, own=False)])


def replace_lightly(path: str, data: bytes, *, own: bool = True) -> LicenseError | None:
    """Like ``replace`` for what may be lost: not flushed, and a failure is told, not raised.

    *own*: nobody named the file.
    """
    try:
        with _as_license_error(path, own=own):
            _refuse_special(path)
            new = f"{path}.{os.urandom(6).hex()}.tmp"
            try:
                with open(new, "xb") as stream:
                    _make_like(stream.fileno(), path)
                    stream.write(data)
                os.rename(new, path)
            finally:
                _remove(new)
    except LicenseError as error:
        return error
    return None


def what_was_said(refused: LicenseError) -> str:
    """What the system said of a write that was *refused*."""
    cause = refused.__cause__
    return words(cause) if isinstance(cause, OSError) else str(refused)


def _refuse_special(path: str) -> None:
    """Raise OSError for a device or a pipe, which no file is to take the place of, and a folder."""
    if os.path.isdir(path):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if _is_special(path):
        raise OSError("it is not a regular file")


def _is_special(path: str) -> bool:
    """Whether *path* is there and no plain file: a device or pipe must not be replaced by one."""
    return os.path.lexists(path) and not os.path.isfile(path)


def _write(path: str, data: bytes, model: str) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    with open(os.open(path, flags, 0o600), "wb") as stream:
        _make_like(stream.fileno(), model)
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _make_like(descriptor: int, model: str) -> None:
    """Give a new file the mode, and where that is allowed the owner, of the one at *model*.

    Where there is none everybody may read it, whatever the umask: the product may well run as
    another user than whoever installs, and nothing that is written here is secret.
    """
    try:
        former = os.stat(model)
    except FileNotFoundError:
        os.fchmod(descriptor, 0o644)
        return
    with suppress(PermissionError):
        os.fchown(descriptor, former.st_uid, former.st_gid)
    os.fchmod(descriptor, former.st_mode & 0o777)


def _remove(path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)


def _holds(path: str, data: bytes) -> bool:
    """Whether the file at *path* is *data* already; what cannot be read is another."""
    if not os.path.isfile(path):
        return False  # a pipe would be waited for
    try:
        with open(path, "rb") as stream:
            return stream.read(len(data) + 1) == data
    except OSError:
        return False


def _duplicate(path: str, former: str) -> bool:
    """Give the file at *path* the second name *former*; False where there is no file."""
    try:
        os.link(path, former)
    except FileNotFoundError:
        return False
    except OSError:  # a file system without links
        if _is_special(path) and not os.path.isdir(path):
            raise  # a pipe would be waited for
        with open(path, "rb") as stream:
            _write(former, stream.read(), model=path)
    return True


@contextmanager
def _open_folder(path: str) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _as_license_error(path: str, *, own: bool) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        from license_core.write_errors import as_license_error

        raise as_license_error(error, path, own=own) from error
