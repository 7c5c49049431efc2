"""Whether this user may use the data folder: asked once, before a command meets it half-way."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from license_core.errors import FileUnreadableError
from license_core.paths import absolute, first_barred
from license_server.operations.users import account, name_of

if TYPE_CHECKING:
    from license_server.settings import ServerSettings


def check(settings: ServerSettings) -> None:
    """Raise FileUnreadableError where this user may not use what is in the data folder.

    What is not there, or on a disk that takes no write, is for whoever opens it to tell.
    """
    barred = first_barred(str(settings.data / "keys")) or next(_barred(settings), None)
    if barred is None:
        return
    path = os.fspath(barred)
    owner, user = os.stat(path).st_uid, os.geteuid()
    reason = f"it belongs to {name_of(owner)}, and this user, {name_of(user)}, has no right to it"
    refused = FileUnreadableError(path=path, reason=reason)
    if absolute(path) in map(str, Path(absolute(str(settings.data))).parents):
        raise refused.advised(("may-not-enter",), folder=path)
    folder = shlex.quote(str(settings.data))
    raise refused.advised(
        ("run-as-owner",), owner=account(owner), user=account(user), folder=folder
    )


def _barred(settings: ServerSettings) -> Iterator[Path]:
    """What is there, and this user may not use."""
    for folder in (settings.data, settings.data / "keys"):
        if folder.is_dir() and not os.access(folder, os.R_OK | os.X_OK):
            yield folder
    for path in (settings.root_pub_pem, settings.record_pub_pem, settings.seeds_key):
        if path.exists() and not os.access(path, os.R_OK):
            yield path
    path = settings.database_file
    if not settings.database and path.exists() and not os.access(path, os.R_OK | os.W_OK):
        is_fixed = os.statvfs(path).f_flag & os.ST_RDONLY
        if not (is_fixed and os.access(path, os.R_OK)):
            yield path
