"""Who runs a command: the operating system's user, and whoever called sudo."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping

from license_server.actor import Actor, at_shell

_LONGEST = 64


def caller() -> Actor:
    """Who runs this process."""
    return of(os.getuid(), os.environ)


def of(uid: int, environ: Mapping[str, str]) -> Actor:
    """Who runs a process of the user *uid* with the environment *environ*.

    What sudo says of its caller counts, although root could say anything: it is no secret that
    root can.
    """
    behind = _plain(environ.get("SUDO_USER", ""))
    login = _login(uid)
    return at_shell(login, behind if behind not in ("", login) else None)


def _login(uid: int) -> str:
    try:
        return _plain(pwd.getpwuid(uid).pw_name) or f"uid {uid}"
    except KeyError:  # as in a container that runs as a number
        return f"uid {uid}"


def _plain(name: str) -> str:
    """*name* without what is no part of a login."""
    return "".join(c for c in name if c.isprintable() and not c.isspace())[:_LONGEST]
