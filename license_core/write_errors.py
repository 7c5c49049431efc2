"""Explains why the system would not write a file."""

import errno
import os

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

_NO_ENTRY = {errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR}
NO_ROOM = {errno.ENOSPC, errno.EDQUOT}


def as_license_error(error: OSError, path: str) -> LicenseError:
    """The problem that *error* is to whoever wrote *path*."""
    folder = os.path.dirname(absolute(path)) or os.curdir
    if error.errno == errno.EBUSY:
        return FileIsMountedError(path=path, folder=folder, name=os.path.basename(path))
    if error.errno == errno.ENOENT:
        return FolderMissingError(folder=folder)
    if error.errno == errno.EISDIR:
        return PathIsFolderError(path=path)
    if error.errno in _NO_ENTRY:
        return FolderNotWritableError(folder=folder, reason=words(error))
    if error.errno in NO_ROOM:
        return DiskFullError(folder=folder, reason=words(error))
    return WriteFailedError(path=path, folder=folder, reason=words(error))
