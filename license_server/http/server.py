"""The HTTP server: limits of a connection, answers to malformed requests, graceful stop."""

import asyncio
import errno
import os
import re
import signal
import socket
import sys
import threading
from collections.abc import Callable, MutableMapping
from types import FrameType
from typing import Any

import h11
import structlog
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from license_core.errors import OutputFailedError
from license_core.paths import words
from license_server.db.errors import InputInvalidError
from license_server.http.errors import AddressInUseError
from license_server.http.middleware import SECURITY
from license_server.operations import process

_log = structlog.get_logger()
LARGEST_HEAD = 32 * 1024
"""Bytes of a request's first line and headers."""
FIRST_HANDED = 3
"""The first descriptor that systemd hands over."""
_DIGITS = 4
"""Of the number of sockets that are handed over."""
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
PATIENCE = 60
"""Seconds within which a request must be there as a whole."""
IDLE = 5
"""Seconds that a connection is kept for another request."""
GRACE = 25
"""Seconds for requests that have begun to be finished, once the server is to stop."""
LAST_WORDS = 5
"""Seconds of that within which a request must be there as a whole."""
LIMIT = 30
"""Seconds until the process ends in any case."""


class _Strict(h11.Connection):
    """Refuses heads that another server might read otherwise (RFC 9112 sections 2.2, 6.3, 11)."""

    def next_event(self) -> Any:
        """What has come. Raises RemoteProtocolError."""
        if self.their_state is h11.IDLE:
            head = self.trailing_data[0]
            end = _END_OF_HEAD.search(head)
            head, size = (head[: end.end()], end.start()) if end else (head, len(head))
            if size > LARGEST_HEAD:
                raise h11.RemoteProtocolError("the head is too large", error_status_hint=431)
            if head.count(b"\n") != head.count(b"\r\n"):
                raise h11.RemoteProtocolError("a line of the head ends in a bare line feed")
        event = super().next_event()
        if isinstance(event, h11.Request):
            names = {name for name, _ in event.headers}
            if {b"content-length", b"transfer-encoding"} <= names:
                raise h11.RemoteProtocolError("the length of the body is said in two ways")
        return event


class Connection(H11Protocol):
    """A connection that waits for its client's request only so long."""

    _due: asyncio.TimerHandle | None = None

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.conn = _Strict(h11.SERVER, LARGEST_HEAD)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody has connected."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Something has come."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """They are gone."""
        self._rest()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """The server is to stop: what has come as a whole is finished, the rest is not awaited."""
        super().shutdown()
        if self._due is not None and not self.transport.is_closing():
            self._wait(min(LAST_WORDS, self._due.when() - self.loop.time()))

    def send_400_response(self, msg: str) -> None:
        """Answer what is no request with the headers that every answer has."""
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.close()  # it came in the middle of an answer
            return
        headers = [("Content-Type", "text/plain; charset=utf-8"), ("Connection", "close")]
        answer = [
            h11.Response(status_code=400, headers=headers + list(SECURITY.items())),
            h11.Data(data=msg.encode("ascii")),
            h11.EndOfMessage(),
        ]
        for event in answer:
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _watch(self) -> None:
        """Begin to wait, or stop waiting where the request is there."""
        whole = (
            self.cycle is not None and not self.cycle.response_complete and not self.cycle.more_body
        )
        if whole or self.transport.is_closing():
            self._rest()
        elif self._due is None:
            self._wait(PATIENCE)

    def _wait(self, seconds: float) -> None:
        self._rest()
        self._due = self.loop.call_later(seconds, self._give_up)

    def _rest(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _give_up(self) -> None:
        self._due = None
        self.transport.close()


class _Server(uvicorn.Server):
    """Says when it is ready, and when it is about to stop."""

    def __init__(
        self, config: uvicorn.Config, ready: Callable[[], None], stopping: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._ready, self._stopping = ready, stopping
        self._last = threading.Timer(LIMIT, self._cut_off)
        self._last.daemon = True

    unsaid: Exception | None = None
    """Why nobody could be told that it is ready."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        try:
            self._ready()
        except (OutputFailedError, BrokenPipeError) as error:
            self.unsaid, self.should_exit = error, True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._stopping()
        if self._last.ident is None:
            self._code = 130 if sig == signal.SIGINT else 0
            self._last.start()
        super().handle_exit(sig, frame)

    def _cut_off(self) -> None:
        """End now: something that was begun does not come to its end."""
        _log.error("cut off", seconds=LIMIT)
        process.settle_logs()
        os._exit(self._code)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises AddressInUseError, InputInvalidError."""
    if not host.strip():
        reason = "it is empty; to listen on every address, say 0.0.0.0 or ::"
        raise InputInvalidError(field="--host", reason=reason)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named, or asyncio would leave Nagle's algorithm on: 40 ms an answer.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(2048)
    except (OSError, TypeError) as error:  # TypeError: what is no text is no name either
        listening.close()
        if isinstance(error, OSError) and error.errno in (errno.EADDRINUSE, errno.EACCES):
            raise AddressInUseError(address=f"{host}:{port}", reason=words(error)) from error
        reason = f"'{host}' is not an address of this machine ({error})"
        raise InputInvalidError(field="--host", reason=reason) from error
    return listening


def handed_over(environ: MutableMapping[str, str]) -> socket.socket | None:
    """The listening socket that systemd opened for this process (sd_listen_fds(3)), if it did.

    Of several the first one; what this process starts is told nothing of it. Raises
    InputInvalidError for one that is not of TCP.
    """
    process, number = (environ.pop(name, "") for name in ("LISTEN_PID", "LISTEN_FDS"))
    if process != str(os.getpid()) or not number:
        return None
    if not (number.isascii() and number.isdigit() and len(number) <= _DIGITS):
        raise _unusable(f"{number[:32]!r} is not the number of the sockets that are handed over")
    if int(number) < 1:
        return None
    try:
        os.set_inheritable(FIRST_HANDED, False)
        listening = socket.socket(fileno=FIRST_HANDED)
    except OSError as error:
        raise _unusable(f"descriptor {FIRST_HANDED} is not a socket ({words(error)})") from error
    tcp = listening.family in (socket.AF_INET, socket.AF_INET6)
    if not (tcp and listening.type == socket.SOCK_STREAM):
        listening.close()
        raise _unusable("the socket is not of TCP; name an address and a port in ListenStream=")
    if not listening.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        listening.close()
        raise _unusable("the socket does not listen; systemd hands such a one over by Accept=no")
    return listening


def _unusable(reason: str) -> InputInvalidError:
    return InputInvalidError(field="LISTEN_FDS", reason=reason)


def configured(app: Any) -> uvicorn.Config:
    """How *app* is served."""
    return uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # proxies.py
        timeout_keep_alive=IDLE,
        timeout_graceful_shutdown=GRACE,
    )


def run(
    app: Any, listening: socket.socket, ready: Callable[[], None], stopping: Callable[[], None]
) -> None:
    """Serve *app* until a signal; what has begun is finished first.

    SIGTERM and SIGHUP end the process with 0, SIGINT as an interrupt, after LIMIT seconds at the
    latest. SIGHUP that was ignored before, as by nohup, stays so. Raises what *ready* could not
    say.
    """
    # uvicorn stops at the signal, finishes, and then raises it again for this handler.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    server = _Server(configured(app), ready, stopping)
    process.settle_garbage()
    server.run([listening])
    if server.unsaid is not None:
        raise server.unsaid
