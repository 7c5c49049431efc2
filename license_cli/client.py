"""The HTTP edge of the client: fetches a licence from the vendor's server."""

from typing import Any
from urllib.parse import urlsplit

import httpx

from license_core import errors, strictjson
from license_core.armor import MAX_FILE
from license_core.errors import (
    FileTooLargeError,
    LicenseError,
    NotPermittedError,
    ServerUnreachableError,
)
from license_core.problems import PROBLEMS

_SECONDS = 30.0
_LOCAL = ("127.0.0.1", "::1", "localhost")


def fetch(url: str, token: str | None) -> bytes:
    """The bytes at *url*, at most MAX_FILE. *token* is sent as a bearer token (RFC 6750).

    Raises ServerUnreachableError, FileTooLargeError, NotPermittedError for a token that would
    travel in clear, or the problem that the server names (RFC 9457).
    """
    address = urlsplit(url)
    if token and address.scheme == "http" and address.hostname not in _LOCAL:
        raise NotPermittedError(reason=f"a token is not sent in clear to {address.hostname}")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with httpx.stream("GET", url, headers=headers, timeout=_SECONDS) as response:
            body = _read(response, url)
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, ValueError) as error:
        raise ServerUnreachableError(url=url, reason=str(error) or type(error).__name__) from error
    if response.status_code != httpx.codes.OK:
        raise _problem(response, body, url)
    return body


def _read(response: httpx.Response, url: str) -> bytes:
    body = b""
    for piece in response.iter_bytes():
        body += piece
        if len(body) > MAX_FILE:
            raise FileTooLargeError(path=url, size=len(body), cap=MAX_FILE)
    return body


def _problem(response: httpx.Response, body: bytes, url: str) -> LicenseError:
    """The error that a problem document names; its words are the server's facts in our table."""
    unknown = ServerUnreachableError(url=url, reason=f"it answered {response.status_code}")
    try:
        document = strictjson.loads(body)
    except ValueError:
        return unknown
    if not isinstance(document, dict):
        return unknown
    slug = str(document.get("type", "")).rpartition("/")[2]
    name = next((name for name, row in PROBLEMS.items() if row.slug == slug), None)
    if name is None:
        return unknown
    kind: type[LicenseError] = getattr(errors, name)
    return kind(**{fact: _fact(document.get(fact)) for fact in kind.__annotations__})


def _fact(value: Any) -> Any:
    return value if isinstance(value, str | int) else None
