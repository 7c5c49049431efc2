"""Questions to a service over HTTPS: short ones, with answers in JSON, each within its time."""

import json
import ssl
import time
import weakref
from collections.abc import Mapping
from typing import Any, NamedTuple

import httpx

from license_core.errors import SignerUnavailableError

_MOST = 256 * 1024
_LONGEST = 200
_LOST = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)
"""A connection that was kept had ended meanwhile."""


class Answer(NamedTuple):
    """What a service answers."""

    status: int
    members: dict[str, Any]
    """Of its JSON object; empty where it is none."""
    text: str
    headers: Mapping[str, str]


class Channel:
    """Asks the service *name*; connections are kept, also by several threads."""

    def __init__(
        self,
        name: str,
        patience: float,
        context: ssl.SSLContext | bool = True,
        *,
        proxies: bool = True,
    ) -> None:
        """*patience*: seconds; *proxies*: whether those of the environment lie between."""
        self.name, self.patience = name, patience
        self._client = httpx.Client(
            timeout=patience,
            verify=context,
            follow_redirects=False,
            trust_env=proxies,
            headers={"User-Agent": "Hostseal", "Accept-Encoding": "identity"},
        )
        weakref.finalize(self, self._client.close)

    def ask(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Answer:
        """The answer of *url*. Raises SignerUnavailableError where there is none."""
        try:
            try:
                return self._once(method, url, headers, body)
            except _LOST:  # to sign the same again gives the same (RFC 8032)
                return self._once(method, url, headers, body)
        except httpx.TimeoutException as error:
            reason = f"it has not answered within {self.patience:g} seconds"
            raise self.unavailable(reason) from error
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise self.unavailable(f"it cannot be reached ({plain(str(error))})") from error

    def _once(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        end, content = time.monotonic() + self.patience, b""
        with self._client.stream(method, url, headers=dict(headers), content=body) as reply:
            for piece in reply.iter_raw():
                content += piece
                if len(content) > _MOST:
                    raise ValueError("its answer is too long")
                if time.monotonic() > end:
                    raise httpx.ReadTimeout("its answer takes too long")
        text = content.decode("utf-8", "replace")
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        members = found if isinstance(found, dict) else {}
        return Answer(reply.status_code, members, text, reply.headers)

    def unavailable(self, reason: str) -> SignerUnavailableError:
        """That the service does not sign, and why."""
        return SignerUnavailableError(reason=f"{self.name}: {reason}")


def plain(text: str) -> str:
    """*text* of a service on one line, shortened."""
    printable = "".join(c if c.isprintable() else " " for c in text)
    words = " ".join(printable.split())
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]}…"
