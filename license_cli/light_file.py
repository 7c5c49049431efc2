"""Replaces a file that may be lost: whole or not at all, but not flushed to the disk."""

from __future__ import annotations

import errno
import os

from license_core.paths import words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from license_core.errors import LicenseError


def replace_lightly(path: str, data: bytes, *, own: bool = True) -> LicenseError | None:
    """Like ``files.replace`` for what may be lost: a failure is told, not raised.

    *own*: nobody named the file.
    """
    try:
        refuse_special(path)
        new = f"{path}.{os.urandom(6).hex()}.tmp"
        try:
            with open(new, "xb") as stream:
                make_like(stream.fileno(), path)
                stream.write(data)
            os.rename(new, path)
        finally:
            remove(new)
    except OSError as error:
        from license_core.write_errors import as_license_error

        refused = as_license_error(error, path, own=own)
        refused.__cause__ = error
        return refused
    return None


def what_was_said(refused: LicenseError) -> str:
    """What the system said of a write that was *refused*."""
    cause = refused.__cause__
    return words(cause) if isinstance(cause, OSError) else str(refused)


def refuse_special(path: str) -> None:
    """Raise OSError for a device or a pipe, which no file is to take the place of, and a folder."""
    if os.path.isdir(path):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if is_special(path):
        raise OSError("it is not a regular file")


def is_special(path: str) -> bool:
    """Whether *path* is there and no plain file: a device or pipe must not be replaced by one."""
    return os.path.lexists(path) and not os.path.isfile(path)


def make_like(descriptor: int, model: str, *, private: bool = False) -> None:
    """Give a new file the mode, and where that is allowed the owner, of the one at *model*.

    Where there is none everybody may read it, whatever the umask: the product may well run as
    another user than whoever installs, and what is written here is no secret, but where it is
    *private*: then nobody but the owner may read it.
    """
    try:
        former = os.stat(model)
    except FileNotFoundError:
        os.fchmod(descriptor, 0o600 if private else 0o644)
        return
    try:
        os.fchown(descriptor, former.st_uid, former.st_gid)
    except PermissionError:
        pass
    os.fchmod(descriptor, former.st_mode & (0o600 if private else 0o777))


def remove(path: str) -> None:
    """Remove the file at *path*, if there is one."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
