"""Files with secrets that others can read."""

from __future__ import annotations

import grp
import os
import pwd
import shlex
from pathlib import Path


def remedy(path: Path) -> str | None:
    """What makes *path* readable by this process alone; None: nobody else can read it now.

    Who does not own it may have it by its group, as Kubernetes gives a pod its secrets, where
    nobody else is in that group.
    """
    try:
        found = path.stat()
    except OSError:
        return None  # whoever reads it says what is wrong
    name, own = shlex.quote(str(path)), os.geteuid()
    if found.st_uid == own:
        return f"chmod 600 {name}" if found.st_mode & 0o077 else None
    by_group = found.st_mode & 0o070 and _is_shared(found.st_gid, {0, own, found.st_uid})
    if found.st_mode & 0o007 or by_group:
        return f"chown {own} {name} && chmod 600 {name}"
    return None


def _is_shared(group: int, known: set[int]) -> bool:
    """Whether anybody but the users *known*, by their numbers, is in the group of a number."""
    users = pwd.getpwall()
    names = {user.pw_name for user in users if user.pw_uid in known}
    if any(user.pw_gid == group and user.pw_uid not in known for user in users):
        return True
    try:
        return not names.issuperset(grp.getgrgid(group).gr_mem)
    except KeyError:  # a number without a name
        return False
