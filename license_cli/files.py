"""Replaces files as a whole, or not at all."""

from __future__ import annotations

import errno
import os
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress

from license_cli.light_file import is_special, make_like, refuse_special, remove
from license_core.errors import LicenseError
from license_core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

FORMER = ".old"
"""What stands behind the path of a file for the one that it was before."""


class Replacement(NamedTuple):
    """A file that is to be replaced."""

    path: str
    data: bytes
    keep_former: bool = False
    """Whether the old file, if it is another, stays beside it."""
    own: bool = True
    """Whether nobody named it."""
    private: bool = False
    """Whether nobody but its owner may read it."""


def replace(path: str, data: bytes, *, keep_former: bool = False) -> str | None:
    """Put *data* at *path* as ``replace_all`` does; the name under which the old file stays."""
    return replace_all([Replacement(path, data, keep_former)])[0]


def replace_all(files: Iterable[Replacement]) -> list[str | None]:
    """Put each of *files* in its place, in this order: all whole and on the disk, or none.

    Writes new files in the same folders, flushes them, renames them over the paths and flushes the
    folders; where a renaming fails, those before it are undone. A link is followed. Where the old
    file is kept, that is under the name that is returned for it; the one that had that name so far
    stays where anything fails. Nothing takes the place of a device, a pipe, a socket or a folder.
    Mode and owner stay as they were; a file that is new can be read by everybody. Raises what
    ``as_license_error`` makes of a write that failed.
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
    new, former = path + suffix, path + FORMER + suffix
    leftovers += [new, former]
    put, aside = _Step(new, path, file.own), _Step(former, path + FORMER, file.own)
    with put.told():
        refuse_special(path)
        _write(new, file.data, model=path, private=file.private)
        if not file.keep_former or _holds(path, file.data) or not _duplicate(path, former):
            return [put]
    with aside.told():
        refuse_special(aside.target)
    return [aside, put]


def _rename_all(steps: Sequence[_Step], leftovers: list[str]) -> None:
    """Do all of *steps*, or none."""
    before: list[str | None] = []
    for step in steps[:-1]:
        with step.told():
            second = step.source + FORMER
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
        remove(path)
    else:
        os.rename(present, path)


def write_new(path: str, data: bytes) -> None:
    """Write or replace a file that the operator named. Raises as ``replace`` does.

    A pipe or a device is written to; nothing takes its place.
    """
    with _as_license_error(path, own=False):
        if is_special(path) and not os.path.isdir(path):
            with open(path, "wb") as stream:
                stream.write(data)
            return
    replace_all([Replacement(path, data, own=False)])


def check_removable(path: str) -> None:
    """Raise as ``remove_all`` would for the file at *path*, as far as can be told beforehand."""
    real = os.path.realpath(path)
    with _as_license_error(path, own=True):
        refuse_special(real)
        trial = f"{real}.{os.urandom(6).hex()}.tmp"
        os.close(os.open(trial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        os.unlink(trial)
        if os.path.ismount(real):
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))


def remove_all(paths: Iterable[str]) -> None:
    """Remove those of *paths* that are there, in this order, and flush their folders.

    A link is followed, and stays. Raises as ``replace`` does.
    """
    for path in paths:
        with _as_license_error(path, own=True):
            real = os.path.realpath(path)
            refuse_special(real)
            with _open_folder(os.path.dirname(real)) as folder:
                remove(real)
                with suppress(OSError):  # it is gone: "it was left" would be untrue
                    os.fsync(folder)


def _write(path: str, data: bytes, model: str, *, private: bool = False) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    with open(os.open(path, flags, 0o600), "wb") as stream:
        make_like(stream.fileno(), model, private=private)
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


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
        if is_special(path) and not os.path.isdir(path):
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
