"""The passphrase of the keys, as the environment gives it; what needs no other package."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from license_core.errors import LicenseError
from license_core.paths import unreadable, words
from license_core.problem import Problem
from license_core.reason import Reason
from license_server.db.errors import InputInvalidError

_VALUE, _FILE = "LICENSE_SERVER_PASSPHRASE", "LICENSE_SERVER_PASSPHRASE_FILE"


class PassphraseMissingError(LicenseError):
    """Nobody gave the passphrase of a key."""

    row = Problem(
        "passphrase-missing",
        70,
        "No passphrase was given",
        "The {what} is encrypted, and no passphrase was given.",
        "Put it in a file (mode 0600) and set LICENSE_SERVER_PASSPHRASE_FILE to its path, "
        "or set LICENSE_SERVER_PASSPHRASE.",
    )

    what: str


class GivesPassphrase(Protocol):
    """Whatever knows the passphrase: the settings of a server, or the environment alone."""

    @property
    def given_passphrase(self) -> str | None:
        """The one that the environment tells or leads to. Raises InputInvalidError."""


class OfEnvironment:
    """The environment alone, where there is no server."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._environ = environ

    @property
    def given_passphrase(self) -> str | None:
        """The one that the environment tells or leads to. Raises InputInvalidError."""
        path = self._environ.get(_FILE)
        return first_line(Path(path), _FILE) if path else self._environ.get(_VALUE) or None


def first_line(path: Path, name: str) -> str | None:
    """The secret in the file *path*, which *name* leads to; None: it is empty.

    Raises InputInvalidError, or FileUnreadableError where this user may not read it.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except PermissionError as error:
        raise unreadable(str(path), error) from error
    except (OSError, ValueError) as error:
        reason = Reason("{path}: {error}", path=str(path), error=words(error))
        raise InputInvalidError(field=name, reason=reason) from error
    return lines[0] if lines else None
