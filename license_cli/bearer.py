"""The token that a server is asked with: of the API, or of a link to the portal."""

from __future__ import annotations

import os
import sys
from urllib.parse import urlsplit

from license_core.armor import MAX_FILE
from license_core.errors import FileUnreadableError, UsageError
from license_core.paths import read as read_file
from license_core.reason import Reason

_LOCAL = ("127.0.0.1", "::1", "localhost")


def read_for(url: str, token_file: str | None) -> str | None:
    """The token that *url* is asked with, or a link that has it; None: nothing.

    Raises as ``_read`` does, and UsageError for a link to another server: its secret is for that
    one alone.
    """
    token = _read(token_file)
    if token is None or "://" not in token:
        return token
    there, here = _server(token), _server(url)
    if there != here:
        reason = Reason(
            "The link opens a portal at {there}, and the address is at {here}. Nothing was sent: "
            "a link is for its own server alone.",
            there=there or "?",
            here=here or "?",
        )
        raise UsageError(reason=reason)
    return token


def in_clear(url: str) -> bool:
    """Whether others can read what is sent to *url*: over HTTP, and not to this machine.

    Raises ValueError for what is no URL.
    """
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname not in _LOCAL


def _server(url: str) -> str | None:
    """Scheme, host and port (RFC 6454: the origin)."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:
        return None
    return f"{parts.scheme}://{parts.hostname}:{port}" if parts.hostname and port else None


def _read(token_file: str | None) -> str | None:
    """What *token_file* has (``-``: a line of standard input), else LICENSE_TOKEN; None: nothing.

    Raises FileUnreadableError, FileTooLargeError or UsageError.
    """
    if token_file is None:
        return os.environ.get("LICENSE_TOKEN")
    if token_file == "-":
        if sys.stdin is None:
            reason = "Standard input is closed; cannot read a licence from it."
            raise UsageError(reason=reason)
        return sys.stdin.buffer.readline(MAX_FILE).decode("ascii", "replace").strip()
    found = read_file(token_file, MAX_FILE)
    if found is None:
        raise FileUnreadableError(path=token_file, reason="there is no such file")
    return found.decode("ascii", "replace").strip()
