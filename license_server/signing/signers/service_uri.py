"""URIs of keys in services: ``SCHEME://PLACE?OPTION=VALUE&…``.

All that is written counts: an option that is not known here is refused, since without it the URI
might mean another key. A secret is never taken from a URI, nor repeated in a message.
"""

import ssl
from collections.abc import Collection
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from license_core.errors import SignerUnavailableError
from license_server.db.errors import InputInvalidError

PATIENCE = 10.0
"""Seconds that somebody waits for a service, unless the URI says otherwise."""
_LONGEST = 60
COMMON = ("ca-file", "timeout")
"""The options of every service: who vouches for it, and how many seconds it may take."""
_HERE = ("127.0.0.1", "::1", "localhost")


class ServiceUri(NamedTuple):
    """What a URI says."""

    place: str
    options: dict[str, str]

    @classmethod
    def parse(cls, text: str, known: Collection[str]) -> "ServiceUri":
        """Read what follows ``SCHEME:``; *known*: its options. Raises InputInvalidError."""
        path, _, query = text.partition("?")
        options: dict[str, str] = {}
        for part in query.split("&") if query else ():
            name, equals, value = part.partition("=")
            if name not in (*known, *COMMON):
                reason = f"it has {name[:32]!r}, which is not supported here"
                raise invalid(f"{reason}; there are {', '.join((*known, *COMMON))}")
            if not (equals and value) or name in options:
                raise invalid(
                    f"it names {name} {'twice' if name in options else 'without a value'}"
                )
            options[name] = unquote(value)
        return cls(path.removeprefix("//"), options)

    @property
    def patience(self) -> float:
        """Seconds that an answer may take. Raises InputInvalidError."""
        text = self.options.get("timeout", f"{PATIENCE:g}")
        if not (text.isascii() and text.isdigit() and 1 <= int(text) <= _LONGEST):
            raise invalid(f"its timeout is not a whole number of seconds from 1 to {_LONGEST}")
        return float(text)

    def context(self) -> ssl.SSLContext:
        """How the service is verified: by the system's certificates, or those of ``ca-file``.

        Raises SignerUnavailableError.
        """
        path = self.options.get("ca-file")
        try:
            return ssl.create_default_context(cafile=path)
        except OSError as error:  # an SSLError is one, too
            words = error.strerror or str(error)
            reason = f"the certificates in {path} cannot be read ({words})"
            raise SignerUnavailableError(reason=reason) from error

    def file(self, name: str) -> str | None:
        """The path that the option *name* gives. Raises InputInvalidError."""
        path = self.options.get(name)
        if path is None:
            return None
        path = path.removeprefix("file:").removeprefix("//")
        if not path.startswith("/"):
            raise invalid(f"its {name} is not a file; use {name}=/…")
        return path


def base_of(url: str, what: str) -> str:
    """*url* as the beginning of addresses: TLS, unless it stays on this machine.

    Raises InputInvalidError.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # a port that is none raises ValueError
    except ValueError:
        host = None
    if not host or parts.username is not None or parts.query or parts.fragment:
        raise invalid(f"its {what} is not an address")
    if parts.scheme != "https" and not (parts.scheme == "http" and host in _HERE):
        raise invalid(f"its {what} does not begin with https://")
    return url.rstrip("/")


def invalid(reason: str) -> InputInvalidError:
    """That LICENSE_SERVER_SIGNER is wrong, and why."""
    return InputInvalidError(field="LICENSE_SERVER_SIGNER", reason=reason)
