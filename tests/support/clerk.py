"""Somebody at the desk who answers requests, by its forms, whichever of its servers is there.

What a server had not acknowledged when it ended is sent again, the same, to another one.
"""

import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Event

import httpx

from tests.support.pages import form, hidden
from tests.support.server import EMAIL, PASSWORD

_ORDER = {"product": "darwin", "term": "days", "days": "30"}
_AWAY = (502, 503, 504)
_PATIENCE = 300
"""Seconds for which a server is looked for."""


class Clerk:
    """An administrator who is signed in."""

    def __init__(self, urls: Callable[[], Sequence[str]], customer: str) -> None:
        """*urls*: of the servers that are there now; *customer*: to whom licences are issued."""
        self._urls, self._order = urls, _ORDER | {"customer": customer}
        self._client, self._ticks = httpx.Client(timeout=60), Event()
        token = hidden(self._ask("GET", "/login").text, "form_token")
        fields = {"form_token": token, "email": EMAIL, "password": PASSWORD, "next": ""}
        assert self._ask("POST", "/login", **fields).status_code == 303

    def close(self) -> None:
        self._client.close()

    def answer(self, request: int) -> None:
        """Issue what a request asks for and mail it; or refuse it, where it names no host.

        What another has answered by then is left as it is.
        """
        here = f"/requests/{request}"
        page = self._ask("GET", here).text
        if f'action="{here}/issue"' not in page:
            if f'action="{here}/refuse"' in page:
                given = form(page, f"{here}/refuse") | {"reason": "it names no host"}
                self._ask("POST", f"{here}/refuse", **given)
            return
        made = self._ask("POST", f"{here}/issue", **form(page, f"{here}/issue") | self._order)
        if made.status_code != 303:
            return
        number = made.headers["location"].partition("?")[0]
        sent = {"form_token": hidden(page, "form_token"), "once": os.urandom(6).hex()}
        queued = self._ask("POST", f"{number}/mail", **sent, request=str(request))
        assert queued.status_code == 303, queued.text

    def _ask(self, method: str, path: str, **fields: str) -> httpx.Response:
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            for url in self._urls():
                with suppress(httpx.HTTPError):
                    reply = self._client.request(method, url + path, data=fields or None)
                    if reply.status_code not in _AWAY:
                        return reply
            self._ticks.wait(0.05)
        raise AssertionError(f"no server answers {method} {path}")
