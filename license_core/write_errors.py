"""Explains why the system would not write a file, and what helps there.

Whatever writes a file comes here, what must not be lost and what may be alike: a cause has one
slug and one remedy, wherever it is met.
"""

from __future__ import annotations

import errno
import os

from license_core import engine, hostfile
from license_core.errors import (
    DiskFullError,
    FileIsMountedError,
    FolderMissingError,
    FolderNotWritableError,
    LicenseError,
    PathIsFolderError,
    WriteFailedError,
)
from license_core.paths import absolute, words

_NOT_ALLOWED = {errno.EACCES, errno.EPERM}


def as_license_error(error: OSError, path: str, *, own: bool = False) -> LicenseError:
    """The problem that *error* is to whoever wrote *path*.

    *own*: the program chose that name; else whoever called it did, and can choose another.
    """
    folder = os.path.dirname(absolute(path)) or os.curdir
    if error.errno == errno.EBUSY:
        return FileIsMountedError(path=path, folder=folder, name=os.path.basename(path))
    if error.errno == errno.ENOENT:
        return FolderMissingError(folder=folder)
    if error.errno == errno.ENOTDIR:
        file = _file_in_the_way(folder)
        return FolderMissingError(folder=folder).advised(("file-in-the-way",), file=file)
    if error.errno == errno.EISDIR:
        return PathIsFolderError(path=path).advised(("folder-in-the-way",) if own else None)
    if error.errno == errno.EROFS:
        refused = FolderNotWritableError(folder=folder, reason=words(error))
        advice = "read-only" if own else "read-only-elsewhere"
        return refused.advised((advice,), mount=_mount_of(folder))
    if error.errno in _NOT_ALLOWED:
        return FolderNotWritableError(folder=folder, reason=words(error))
    if error.errno == errno.EDQUOT:
        return DiskFullError(folder=folder, reason=words(error)).advised(("quota-used-up",))
    if error.errno == errno.ENOSPC:
        return DiskFullError(folder=folder, reason=words(error))
    return WriteFailedError(path=path, folder=folder, reason=words(error))


def _file_in_the_way(folder: str) -> str:
    """The part of *folder* that is no folder, though there it is."""
    while folder != "/" and not os.path.lexists(folder):
        folder = os.path.dirname(folder)
    return folder


def _mount_of(folder: str) -> str:
    """The place on which the file system of *folder* is mounted; itself where that is not told."""
    try:
        text = hostfile.read(engine.MOUNTINFO) or b""
    except OSError:
        return folder
    mounted = engine.mounts(text.decode("utf-8", "replace"))
    place = os.path.realpath(folder)
    while _in_mountinfo(place) not in mounted and place != "/":
        place = os.path.dirname(place)
    return place


def _in_mountinfo(place: str) -> str:
    """How the kernel writes *place* there (proc(5))."""
    return "".join(f"\\{ord(c):03o}" if c in " \t\n\\" else c for c in place)
