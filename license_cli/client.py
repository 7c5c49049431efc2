"""The HTTP edge of the client: fetches a licence from the vendor's server."""

from __future__ import annotations

from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError  # its own before Python 3.11
from threading import Thread
from urllib.parse import urlsplit

import httpx

from license_cli import bearer
from license_cli.answers import problem_of
from license_core.armor import MAX_FILE
from license_core.errors import (
    NotPermittedError,
    ServerUnreachableError,
    UsageError,
)
from license_core.paths import too_large
from license_core.reason import Reason

_SECONDS = 60.0
_SILENT_SECONDS = 30.0


def fetch(url: str, token: str | None, seconds: float = _SECONDS, cap: int = MAX_FILE) -> bytes:
    """The bytes at *url*, at most *cap*, within *seconds* in all.

    *token* is sent as a bearer token (RFC 6750). Raises UsageError for a token that cannot be
    sent, NotPermittedError for one that would travel in clear, ServerUnreachableError,
    FileTooLargeError, ListTooLargeError, or the problem that the server names (RFC 9457).
    """
    if token and not (token.isascii() and token.isprintable() and " " not in token):
        reason = (
            "The API token is not one line of printable ASCII characters; it is not shown here."
        )
        raise UsageError(reason=reason)
    answer: Future[bytes] = Future()

    def ask() -> None:
        try:
            answer.set_result(_get(url, token, cap))
        except Exception as error:  # noqa: BLE001  # raised again by result()
            answer.set_exception(error)

    # The library's time limits are for each step: a server that drips would never reach one.
    Thread(target=ask, daemon=True).start()
    try:
        return answer.result(seconds)
    except FutureTimeoutError as error:
        reason = Reason("no complete response within {seconds:g} seconds", seconds=seconds)
        raise ServerUnreachableError(url=url, reason=reason) from error


def _get(url: str, token: str | None, cap: int) -> bytes:
    # What is packed could unpack to any size.
    headers = {"Accept-Encoding": "identity"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    try:
        if token and bearer.in_clear(url):
            host = urlsplit(url).hostname
            reason = Reason("an API token is never sent unencrypted to {host}", host=host)
            raise NotPermittedError(reason=reason)
        with _open() as client, client.stream("GET", url, headers=headers) as response:
            body = _read(response, url, cap)
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, ValueError) as error:
        raise ServerUnreachableError(url=url, reason=str(error) or type(error).__name__) from error
    if response.status_code != httpx.codes.OK:
        raise problem_of(response.status_code, body, url)
    return body


def _open() -> httpx.Client:
    """The library's client, which reads the environment. Raises ValueError for one of no use."""
    try:
        return httpx.Client(timeout=_SILENT_SECONDS)
    except (ImportError, OSError, ValueError, httpx.InvalidURL) as error:
        reason = Reason(
            "the proxy or certificates set in the environment cannot be used ({error})",
            error=error,
        )
        raise ValueError(reason) from error


def _read(response: httpx.Response, url: str, cap: int) -> bytes:
    packed = response.headers.get("Content-Encoding", "identity")
    if packed.lower() != "identity":
        raise ServerUnreachableError(
            url=url, reason=Reason("its response is compressed ({encoding})", encoding=packed)
        )
    body = bytearray()
    for piece in response.iter_raw():
        body += piece
        if len(body) > cap:
            raise too_large(url, len(body), cap, bytes(body))
    return bytes(body)
