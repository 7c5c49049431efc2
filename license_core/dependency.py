"""What it means that a module cannot be imported: it is not there, or this user may not read it."""

from __future__ import annotations

import os
import sys

from license_core.errors import DependencyMissingError, FileUnreadableError, LicenseError


def problem_of(error: ImportError | PermissionError) -> LicenseError:
    """The problem that *error* is to whoever runs the client."""
    barred = _barred(error)
    if barred is not None:
        return FileUnreadableError(path=barred, reason="Permission denied")
    name = getattr(error, "name", None)
    return DependencyMissingError(python=sys.executable, package=name or str(error))


def _barred(error: ImportError | PermissionError) -> str | None:
    """What this user may not read on the way to the module; None: it is not that.

    Python passes over a folder that it may not read, as if the module were not there.
    """
    if isinstance(error, PermissionError):
        return os.fspath(error.filename) if error.filename else None
    name = (error.name or "").partition(".")[0]
    for folder in filter(None, sys.path):
        for path in (folder, os.path.join(folder, name)):
            if os.path.isdir(path) and not os.access(path, os.R_OK | os.X_OK):
                return path
    return None
