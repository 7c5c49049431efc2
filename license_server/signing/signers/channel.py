"""Questions to a service over HTTPS: short ones, with answers in JSON, each within its time.

What a service says, and what goes wrong on the way to it, leaves here without a secret that was
sent, on one line and shortened.
"""

import asyncio
import collections
import ssl
import threading
import weakref
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import httpx

from license_core.errors import SignerUnavailableError
from license_server import exchange

_LONGEST = 200
_LEAST = 8
"""Letters; what is shorter is no secret, and in many words."""
_SECRETS = 64
"""So many of the last secrets are looked for in what is said."""


class Answer(NamedTuple):
    """What a service answers."""

    status: int
    members: dict[str, Any]
    """Of its JSON object; empty where it is none."""
    text: str


class _Loop:
    """Where all channels ask, so that connections can be kept: begun with the first question."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def current(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                running = self._loop.run_forever
                threading.Thread(target=running, name="channels", daemon=True).start()
            return self._loop


_loop = _Loop()


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
        self._client = exchange.new_client(context, proxies=proxies)
        self._secrets: collections.deque[str] = collections.deque(maxlen=_SECRETS)
        weakref.finalize(
            self, _close, self._client
        ).atexit = False  # connections end with the process

    def ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
        secrets: Collection[str] = (),
    ) -> Answer:
        """The answer of *url*; *secrets* of the question are not said again.

        Raises SignerUnavailableError where there is none.
        """
        self._secrets += [one for one in secrets if len(one) >= _LEAST and one not in self._secrets]
        try:
            question = self._client.build_request(method, url, headers=dict(headers), content=body)
            # To sign the same again gives the same (RFC 8032).
            asked = exchange.answered(self._client, question, self.patience, again=True)
            reply = asyncio.run_coroutine_threadsafe(asked, _loop.current()).result()
        except TimeoutError as error:
            reason = f"it has not answered within {self.patience:g} seconds"
            raise self.unavailable(reason) from error
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            reason = f"it cannot be reached ({self.told(exchange.why(error))})"
            raise self.unavailable(reason) from error
        text = reply.content.decode("utf-8", "replace")
        return Answer(reply.status, exchange.members(reply.content), text)

    def token(self, text: str, what: str) -> str:
        """The secret *text*, without what its file or variable ends in.

        Raises SignerUnavailableError, without the secret, where it cannot stand in a header.
        """
        found = text.strip()
        if not exchange.is_token(found):
            raise self.unavailable(f"{what} is not one word of plain characters")
        return found

    def told(self, said: object) -> str:
        """What a service *said*, on one line and shortened, without a secret that it was sent."""
        printable = "".join(c if c.isprintable() else " " for c in self._hidden(str(said)))
        words = " ".join(printable.split())
        return words if len(words) <= _LONGEST else f"{words[:_LONGEST]}…"

    def unavailable(self, reason: str) -> SignerUnavailableError:
        """That the service does not sign, and why."""
        return SignerUnavailableError(reason=f"{self.name}: {self._hidden(reason)}")

    def _hidden(self, text: str) -> str:
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, "(secret)")
        return text


def _close(client: httpx.AsyncClient) -> None:
    asyncio.run_coroutine_threadsafe(client.aclose(), _loop.current())
