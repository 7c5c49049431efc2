"""Reads files of a host defensively: no pipes, no devices, no endless files."""

from __future__ import annotations

import os
import stat

MOST = 1 << 20
"""No file that is read of a host is longer; one that is would be a trick."""


def read(path: str) -> bytes | None:
    """The first MOST bytes of *path*; None where there is none.

    A device counts as empty: engines mask a file with /dev/null. Raises OSError for what is there
    and cannot be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISCHR(mode):
            return b""
        if not stat.S_ISREG(mode):
            raise OSError("it is not a regular file")
        with open(descriptor, "rb", closefd=False) as stream:
            return stream.read(MOST)
    finally:
        os.close(descriptor)
