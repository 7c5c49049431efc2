"""HTTP with an end: a server that drips comes to it, too.

The time limits of a socket are for each step. Here each read of an answer, the status line and
the headers among them, may take what is left until the request's end, and no more.
"""

from __future__ import annotations

import http.client
import io
import socket
import urllib.request
from functools import partial

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from typing import Any

    Clock = Callable[[], float]

_SILENT_SECONDS = 30.0


class Request(urllib.request.Request):
    """A request whose answer is complete when *clock* shows *ends*, in seconds, or is given up."""

    def __init__(
        self, url: str, body: bytes | None, headers: dict[str, str], clock: Clock, ends: float
    ) -> None:
        super().__init__(url, body, headers)
        self._clock, self._ends = clock, ends

    def seconds_left(self) -> float:
        """For how many seconds one may wait for the next bytes. Raises TimeoutError for none."""
        left = self._ends - self._clock()
        if left <= 0:
            raise TimeoutError
        return min(left, _SILENT_SECONDS)


class Handler(urllib.request.HTTPHandler, urllib.request.HTTPSHandler):
    """Opens HTTP and HTTPS; each step takes as long as a ``Request`` has left."""

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__()
        self._tls = context

    def http_open(self, req: Any) -> Any:
        """The answer over HTTP."""
        return self._open(http.client.HTTPConnection, req)

    def https_open(self, req: Any) -> Any:
        """The answer over HTTPS."""
        return self._open(partial(http.client.HTTPSConnection, context=self._tls), req)

    def _open(self, kind: Callable[..., http.client.HTTPConnection], request: Request) -> Any:
        def connection(host: str, **_: Any) -> http.client.HTTPConnection:
            made = kind(host, timeout=request.seconds_left())
            made.response_class = partial(_response, request=request)  # type: ignore[assignment]
            return made

        return self.do_open(connection, request)


def _response(
    sock: socket.socket, *args: Any, request: Request, **options: Any
) -> http.client.HTTPResponse:
    made = http.client.HTTPResponse(sock, *args, **options)
    made.fp = io.BufferedReader(_Reads(made.fp.detach(), sock, request))
    return made


class _Reads(io.RawIOBase):
    """What is read of a socket while the request may last."""

    def __init__(self, raw: Any, sock: socket.socket, request: Request) -> None:
        self._raw, self._sock, self._request = raw, sock, request

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._request.seconds_left())
        read: int | None = self._raw.readinto(buffer)
        return read

    def close(self) -> None:
        self._raw.close()
        super().close()
