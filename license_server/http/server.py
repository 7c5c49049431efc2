"""The HTTP server: where it listens, how it is served, graceful stop."""

import errno
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, MutableMapping
from types import FrameType
from typing import Any

import structlog
import uvicorn

from license_core.errors import OutputFailedError
from license_core.paths import words
from license_server.db.errors import InputInvalidError
from license_server.http import protocols
from license_server.http.errors import AddressInUseError
from license_server.operations import process

_log = structlog.get_logger()
FIRST_HANDED = 3
"""The first descriptor that systemd hands over."""
_DIGITS = 4
"""Of the number of sockets that are handed over."""
IDLE = 5
"""Seconds that a connection is kept for another request."""
GRACE = 25
"""Seconds for requests that have begun to be finished, once the server is to stop."""
LIMIT = 30
"""Seconds until the process ends in any case."""


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
        http=protocols.QuickConnection,
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
