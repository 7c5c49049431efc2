"""The vendor's customer portal, for a container that has a way out (docs/API.md).

A link opens it: its secret is the bearer token, and is shown nowhere. Proxies are those of the
environment. What broke off is done again: a request that is sent twice is one, and a file goes on
where it stopped. The standard library is enough.
"""

from __future__ import annotations

import http.client
import re
import ssl
import time
import urllib.error
import urllib.request
from urllib.parse import parse_qs, quote, urlsplit

from license_cli import bearer, deadline
from license_cli.answers import problem_of
from license_core import strictjson
from license_core.armor import MAX_FILE
from license_core.errors import (
    FileTooLargeError,
    FileUnreadableError,
    LicenseError,
    NotFoundError,
    NotPermittedError,
    ServerUnreachableError,
    UsageError,
)
from license_core.reason import Reason
from license_core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_SECONDS = 60.0
"""For how long one question may take, with all that is done again."""
_ATTEMPTS = 5
PAUSE = 1.0
"""So many seconds before the second attempt; then twice as many."""
_PIECE = 16 * 1024
_MAX_ANSWER = 1024 * 1024
_BETWEEN = (5.0, 60.0)
"""So many seconds between two questions while one waits: at first, and at most."""
_PATH = re.compile(r"(?P<above>.*)/portal(?:/open|/api(?:/requests/(?P<id>[0-9]{1,18}))?)?/?")
_BROKEN = (OSError, http.client.HTTPException)


class Link(NamedTuple):
    """Where a portal is, and what opens it."""

    api: str
    """The address of its routes for programs, without the secret."""
    secret: str
    request: int | None = None
    """The request that the address names."""


class Way(NamedTuple):
    """How the portal is reached, and the time that it may take."""

    ca: str | None = None
    """The file of a private CA; None: those of the system, or SSL_CERT_FILE."""
    insecure_http: bool = False
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic


def is_portal(url: str) -> bool:
    """Whether *url* is of a portal, and not of a file."""
    try:
        parts = urlsplit(url)
    except ValueError:  # what fetches files says so
        return False
    return parts.scheme.lower() in ("http", "https") and bool(_PATH.fullmatch(parts.path))


def link(url: str, token: str | None) -> Link:
    """What *url* says, with the secret in *token* where it has none; that may be a whole link.

    Raises UsageError.
    """
    try:
        parts = urlsplit(url)
        is_whole = bool(parts.hostname) and parts.port != 0  # which raises for one that is none
    except ValueError:
        parts, is_whole = urlsplit(""), False
    path = _PATH.fullmatch(parts.path)
    if path is None or parts.scheme.lower() not in ("http", "https") or not is_whole:
        reason = Reason("This is no address of a customer portal: `https://HOST/portal/…`.")
        raise UsageError(reason=reason)
    secret = _secret(url) or _secret(token or "") or token
    if not secret or not re.fullmatch(r"[A-Za-z0-9_-]{1,200}", secret):
        reason = Reason(
            "The link has no secret: give the whole link that your vendor sent, or put it in a "
            "file and name that with --token-file."
        )
        raise UsageError(reason=reason)
    api = f"{parts.scheme.lower()}://{parts.netloc}{path['above']}/portal/api"
    return Link(api, secret, int(path["id"]) if path["id"] else None)


def _secret(text: str) -> str | None:
    query = text.strip().partition("?")[2].partition("#")[0]
    return next(iter(parse_qs(query).get("secret", ())), None)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows nothing: the secret is for this server alone."""

    def redirect_request(self, *_: Any) -> None:
        """No request."""


class Portal:
    """A customer portal that a link opens."""

    def __init__(self, opened: Link, way: Way) -> None:
        """Raise NotPermittedError where the secret would travel in clear, FileUnreadableError."""
        if bearer.in_clear(opened.api) and not way.insecure_http:
            host = urlsplit(opened.api).hostname
            reason = Reason("the link is never sent unencrypted to {host}", host=host)
            raise NotPermittedError(reason=reason)
        self._link, self._way = opened, way
        try:
            context = ssl.create_default_context(cafile=way.ca)
        except (OSError, ValueError) as error:
            raise FileUnreadableError(path=way.ca or "", reason=str(error)) from error
        self._opener = urllib.request.build_opener(deadline.Handler(context), _NoRedirect())

    def submit(self, text: str) -> dict[str, Any]:
        """File a request; sent again, it is the same one."""
        body = strictjson.dumps({"text": text})
        answer = self._ask("/requests", body)
        request = answer.get("request")
        if not isinstance(request, dict):
            raise self._odd()
        return request

    def licence_of(self, host_key: str, wait: float, *, other_than: str | None) -> dict[str, Any]:
        """The licence that answers the request of the link, else the newest of *host_key*.

        Waits so many seconds for it; *other_than*: the installed one, which is no news to whoever
        waits. Raises NotFoundError while there is none, NotPermittedError for one that was refused.
        """
        ends, pause = self._way.clock() + wait, _BETWEEN[0]
        while True:
            found = self._answer(host_key)
            if found is not None and not (wait and found.get("number") == other_than):
                return found
            left = ends - self._way.clock()
            if left <= 0:
                name = Reason("for this host yet")
                raise NotFoundError(what="licence", name=name).advised(("wait-for-licence",))
            self._way.sleep(min(pause, left))
            pause = min(pause * 2, _BETWEEN[1])

    def _answer(self, host_key: str) -> dict[str, Any] | None:
        if self._link.request is not None:
            asked = self._ask(f"/requests/{self._link.request}")
            if asked.get("state") == "refused":
                replies = asked.get("replies")
                said = replies[-1].get("text") if isinstance(replies, list) and replies else None
                if said:
                    reason = Reason("The vendor refused the request and wrote: {said}", said=said)
                else:
                    reason = Reason("The vendor refused the request")
                raise NotPermittedError(reason=reason).advised(("ask-the-vendor",))
            if asked.get("state") == "expired":
                reason = Reason("The request has expired")
                raise NotPermittedError(reason=reason).advised(("ask-again",))
            found = asked.get("license")
            return found if isinstance(found, dict) and found.get("file") else None
        listed = self._ask(f"/licenses?host_key={quote(host_key)}").get("licenses")
        if not isinstance(listed, list):
            raise self._odd()
        usable = (one for one in listed if isinstance(one, dict) and one.get("file"))
        return next(usable, None)

    def file(self, number: str) -> bytes:
        """The licence file; where the connection breaks off, it goes on from there."""
        return self._whole(f"/licenses/{quote(number, safe='')}/license.dat", MAX_FILE)

    def _ask(self, path: str, body: bytes | None = None) -> dict[str, Any]:
        try:
            answer = strictjson.loads(self._whole(path, _MAX_ANSWER, body))
        except ValueError as error:
            raise self._odd() from error
        if not isinstance(answer, dict):
            raise self._odd()
        return answer

    def _whole(self, path: str, cap: int, body: bytes | None = None) -> bytes:
        """A complete answer of at most *cap* bytes; one with an ETag goes on where it broke off."""
        tag: str | None = None
        data, ends = bytearray(), self._way.clock() + _SECONDS
        failure: BaseException | None = None
        for attempt in range(_ATTEMPTS):
            headers: dict[str, str] = {}
            if data and tag:
                headers = {"Range": f"bytes={len(data)}-", "If-Range": tag}
            try:
                with self._open(path, body, headers, ends) as response:
                    if response.status != 206:  # the whole of it
                        data.clear()
                    tag = response.headers.get("ETag")
                    left = response.length  # None where the answer does not say
                    whole = None if left is None else len(data) + left
                    self._read(response, data, cap)
                if whole is None or len(data) >= whole:
                    return bytes(data)
            except _BROKEN as error:
                failure = error
            self._pause(attempt, ends, failure)
        raise self._unreachable(failure or Reason("it broke off again and again"))

    def _pause(self, attempt: int, ends: float, failure: BaseException | None) -> None:
        """Wait for the next attempt. Raises ServerUnreachableError where no time is left for it."""
        left = ends - self._way.clock()
        if left <= 0:
            late = Reason("no complete response within {seconds:g} seconds", seconds=_SECONDS)
            is_late = failure is None or isinstance(failure, TimeoutError)
            raise self._unreachable(late if is_late else failure)
        self._way.sleep(min(PAUSE * 2**attempt, left))

    def _open(self, path: str, body: bytes | None, more: dict[str, str], ends: float) -> Any:
        """An answer with a good status. Raises the problem that it names, or as a socket does."""
        headers = {"Authorization": f"Bearer {self._link.secret}", "Accept-Encoding": "identity"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        url = self._link.api + path  # http or https: ``link`` lets no other through
        request = deadline.Request(url, body, {**headers, **more}, self._way.clock, ends)
        try:
            return self._opener.open(request)
        except UnicodeError as error:  # no name of a host (IDNA)
            raise self._unreachable(error) from error
        except urllib.error.HTTPError as error:
            with error:
                told = error.read(_MAX_ANSWER)
            if error.code in (502, 503, 504):
                raise ConnectionError(f"status {error.code}") from error
            raise problem_of(error.code, told, self._link.api) from error
        except urllib.error.URLError as error:
            if isinstance(error.reason, ssl.SSLCertVerificationError):
                raise self._unreachable(error.reason).advised(("name-the-ca",)) from error
            raise

    def _read(self, response: Any, data: bytearray, cap: int) -> None:
        while True:
            piece = response.read(_PIECE)
            if not piece:
                return
            data += piece
            if len(data) > cap:
                raise FileTooLargeError(path=self._link.api, size=len(data), cap=cap)

    def _unreachable(self, why: object) -> LicenseError:
        if isinstance(why, urllib.error.URLError):
            why = why.reason
        reason = why if isinstance(why, Reason) else str(why) or type(why).__name__
        return ServerUnreachableError(url=self._link.api, reason=reason)

    def _odd(self) -> LicenseError:
        return self._unreachable(Reason("its answer is no JSON object"))
