"""Access tokens for mailboxes (OAuth 2.0, RFC 6749), as Microsoft and Google want them.

With a refresh token it is a person's mailbox; without one the client has a mailbox of its own
(client credentials). A token is asked for when it is needed, and kept until shortly before its end.
Where a new refresh token comes with it, the former ends one day (Microsoft's after 90 days): the
new one is kept.
"""

import asyncio
import ssl
import threading
from collections.abc import Callable
from typing import NamedTuple

import httpx
import structlog

from license_core.wording import printable
from license_server import exchange
from license_server.exchange import Reply, is_token, members

_ANSWERS_WITHIN = 30
_BEFORE_ITS_END = 60
_USUAL_LIFE = 300
"""Seconds; what has no end is asked for again after that."""
_log = structlog.get_logger()


class TokenRefusedError(OSError):
    """There is no token: why, as the token server says it."""


class Grant(NamedTuple):
    """What tokens are asked for with."""

    url: str
    client_id: str
    secret: Callable[[], str] | None
    refresh_token: Callable[[], str] | None
    scope: str | None
    context: ssl.SSLContext
    """How the token server is verified."""
    keep: Callable[[str], None] = lambda _: None
    """Keeps a new refresh token in place of the former. Raises OSError."""
    answers_within: float = _ANSWERS_WITHIN
    """Seconds, for the whole answer."""


class AccessTokens:
    """The tokens of one grant."""

    def __init__(self, grant: Grant, clock: Callable[[], int]) -> None:
        self.grant, self._clock = grant, clock
        self._kept: tuple[str, int] | None = None
        self._renewed: tuple[str, str] | None = None
        """A refresh token that could not be kept, and the one that it is in place of."""
        self._lock = threading.Lock()

    def current(self) -> str:
        """A token that is valid. Raises TokenRefusedError."""
        with self._lock:
            now = self._clock()
            if self._kept is None or now >= self._kept[1]:
                self._kept = self._ask(now)
            return self._kept[0]

    def forget(self) -> None:
        """Ask for another one next time: this one was refused."""
        with self._lock:
            self._kept = None

    def _ask(self, now: int) -> tuple[str, int]:
        grant = self.grant
        fields = {"client_id": grant.client_id, "grant_type": "client_credentials"}
        if grant.secret is not None:
            fields["client_secret"] = grant.secret()
        if grant.refresh_token is not None:
            former = self._refresh_token(grant.refresh_token())
            fields |= {"grant_type": "refresh_token", "refresh_token": former}
        if grant.scope is not None:
            fields["scope"] = grant.scope
        try:
            # In a loop of its own: it is called in threads that have none.
            reply = asyncio.run(_answer(grant, fields))
        except TimeoutError as error:
            raise TokenRefusedError("the token server: timed out") from error
        except (httpx.HTTPError, ValueError) as error:
            raise TokenRefusedError(f"the token server: {exchange.why(error)}") from error
        status, found = reply.status, members(reply.content)
        token = found.get("access_token")
        if status != 200 or not isinstance(token, str) or not is_token(token):
            told = f"{found.get('error', '')} {found.get('error_description', '')}"[:300]
            told = f"the token server answered {status} {printable(told.strip())}"
            raise TokenRefusedError(" ".join(told.split())[:300])
        renewed = found.get("refresh_token")
        if "refresh_token" in fields and isinstance(renewed, str) and is_token(renewed):
            self._keep(fields["refresh_token"], renewed)
        life = found.get("expires_in")
        seconds = life if isinstance(life, int) and life > 0 else _USUAL_LIFE
        return token, now + max(1, seconds - _BEFORE_ITS_END)

    def _refresh_token(self, told: str) -> str:
        """The one to ask with: the newest, unless somebody has *told* another one since."""
        if self._renewed is not None and told == self._renewed[0]:
            return self._renewed[1]
        self._renewed = None
        return told

    def _keep(self, former: str, renewed: str) -> None:
        if renewed == former:
            return
        first = self._renewed[0] if self._renewed is not None else former
        try:
            self.grant.keep(renewed)
            self._renewed = None
        except OSError as error:
            if self._renewed is None:
                _log.warning("refresh token not kept", reason=str(error))
            self._renewed = first, renewed


async def _answer(grant: Grant, fields: dict[str, str]) -> Reply:
    async with exchange.new_client(grant.context) as client:
        question = client.build_request("POST", grant.url, data=fields)
        return await exchange.answered(client, question, grant.answers_within)
