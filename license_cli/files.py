"""Replaces a file as a whole, or not at all."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from license_core.errors import LicenseError
from license_core.paths import words

_FORMER = ".old"


def replace(path: str, data: bytes, *, keep_former: bool = False) -> str | None:
    """Put *data* at *path*: whole and on the disk, or the old file as it was.

    Writes a new file in the same folder, flushes it, renames it over *path* and flushes the
    folder; all that can fail comes before that renaming. A link is followed. With *keep_former*
    the old file, if it was another, stays beside it under the name that is returned; the one that
    had that name so far stays where anything fails. Mode and
    owner stay as they were; a file that is new can be read by everybody. Raises what
    ``as_license_error`` makes of a write that failed.
    """
    return _replace(path, data, own=True, keep_former=keep_former)


def _replace(path: str, data: bytes, *, own: bool, keep_former: bool = False) -> str | None:
    with _as_license_error(path, own=own):
        path = os.path.realpath(path)
    suffix = f".{os.urandom(6).hex()}.tmp"
    kept, new, former = path + _FORMER, path + suffix, path + _FORMER + suffix
    formerly_kept = f"{kept}{_FORMER}{suffix}"
    with _as_license_error(path, own=own):
        try:
            _write(new, data, model=path)
            had_former = keep_former and not _holds(path, data) and _duplicate(path, former)
            with _open_folder(os.path.dirname(path)) as folder:
                if had_former:
                    with _as_license_error(kept, own=own):
                        had_kept = _duplicate(kept, formerly_kept)
                        os.rename(former, kept)
                try:
                    os.rename(new, path)
                except OSError:
                    if had_former and had_kept:
                        os.rename(formerly_kept, kept)
                    elif had_former:
                        _remove(kept)
                    raise
                with suppress(OSError):  # it is in place: "the old file was left" would be untrue
                    os.fsync(folder)
        finally:
            for leftover in (new, former, formerly_kept):
                _remove(leftover)
    return kept if had_former else None


def write_new(path: str, data: bytes) -> None:
    """Write or replace a file that the operator named. Raises as ``replace`` does.

    A pipe or a device is written to; nothing takes its place.
    """
    with _as_license_error(path, own=False):
        if _is_special(path) and not os.path.isdir(path):
            with open(path, "wb") as stream:
                stream.write(data)
            return
    _replace(path, data, own=False)


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
