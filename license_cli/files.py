"""Replaces a file as a whole, or not at all."""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from license_core.errors import (
    DiskFullError,
    FileIsMountedError,
    FolderNotWritableError,
    LicenseError,
    WriteFailedError,
)
from license_core.place import words

_NO_ENTRY = {errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR}
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}
_FORMER = ".old"


def replace(path: Path, data: bytes, *, keep_former: bool = False) -> Path | None:
    """Put *data* at *path*: whole and on the disk, or the old file as it was.

    Writes a new file in the same folder, flushes it, renames it over *path* and flushes the
    folder. A link is followed. With *keep_former* the old file stays beside it under the name
    that is returned. Raises FileIsMountedError, FolderNotWritableError, DiskFullError or
    WriteFailedError.
    """
    path = Path(os.path.realpath(path))
    suffix = f".{secrets.token_hex(6)}.tmp"
    new, former = path.with_name(path.name + suffix), path.with_name(path.name + _FORMER + suffix)
    with _told_plainly(path):
        try:
            _write(new, data)
            kept = keep_former and _duplicate(path, former)
            os.rename(new, path)
            if kept:
                os.rename(former, path.with_name(path.name + _FORMER))
            _flush_folder(path.parent)
        finally:
            for leftover in (new, former):
                leftover.unlink(missing_ok=True)
    return path.with_name(path.name + _FORMER) if kept else None


def write_new(path: Path, data: bytes) -> None:
    """Write or replace a file that the operator named. Raises as ``replace`` does."""
    replace(path, data)


def replace_lightly(path: Path, data: bytes) -> str | None:
    """Like ``replace`` for what may be lost: not flushed, and a failure is told, not raised."""
    new = path.with_name(f"{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        try:
            new.write_bytes(data)
            os.rename(new, path)
        finally:
            new.unlink(missing_ok=True)
    except OSError as error:
        return words(error)
    return None


def _write(path: Path, data: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    with open(os.open(path, flags, 0o644), "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _duplicate(path: Path, former: Path) -> bool:
    """Give the file at *path* the second name *former*; False where there is no file."""
    try:
        os.link(path, former)
    except FileNotFoundError:
        return False
    except OSError:  # a file system without links
        _write(former, path.read_bytes())
    return True


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _told_plainly(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _problem(error, path) from error


def _problem(error: OSError, path: Path) -> LicenseError:
    folder = str(path.parent)
    if error.errno == errno.EBUSY:
        return FileIsMountedError(path=str(path), folder=folder, name=path.name)
    if error.errno in _NO_ENTRY:
        return FolderNotWritableError(folder=folder, reason=words(error))
    if error.errno in _NO_ROOM:
        return DiskFullError(folder=folder, reason=words(error))
    return WriteFailedError(path=str(path), folder=folder, reason=words(error))
