"""A connection to an IMAP server on which nothing lasts, or grows, without a bound.

It reads by itself, so that it can wait for what the server announces, too: what ``imaplib`` reads
with cannot be used any more once a wait has ended.
"""

import imaplib
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from license_server.mail import limits

LONGEST_LINE = 1_000_000
LARGEST_ANSWER = 4 * limits.LARGEST
"""The most bytes between two commands, however many lines and mails they are."""
_AT_ONCE = 64 * 1024
_SLICE = 1.0
"""Seconds after which one that waits looks whether it is to go on."""
_ALIVE = (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4))
"""A peer that is gone without a word is noticed within two minutes."""
_TAG = b"IDLE"


class Deadline:
    """Breaks a connection off that takes too long: what waits for an answer gets an error."""

    def __init__(self, seconds: float) -> None:
        self.imap: imaplib.IMAP4 | None = None
        self._seconds = seconds
        self._timer = self._started(seconds)

    def restart(self, more: float = 0) -> None:
        """Let there be as much time once more, and so many seconds *more*."""
        self._timer.cancel()
        self._timer = self._started(self._seconds + more)

    def _started(self, seconds: float) -> threading.Timer:
        timer = threading.Timer(seconds, self._break_off)
        timer.daemon = True
        timer.start()
        return timer

    def cancel(self) -> None:
        """Let there be any time: the session is over."""
        self._timer.cancel()

    def _break_off(self) -> None:
        if self.imap is not None:
            with suppress(OSError):
                self.imap.socket().shutdown(socket.SHUT_RDWR)


class Connection(imaplib.IMAP4):
    """Reads no more than a mail may have."""

    def __init__(self, deadline: Deadline, host: str, port: int, **more: Any) -> None:
        self._deadline = deadline
        self._received = bytearray()
        self._received_from: socket.socket | None = None
        self._answered = 0
        super().__init__(host, port, **more)

    def open(self, *given: Any, **more: Any) -> None:
        """Connect."""
        super().open(*given, **more)
        self._deadline.imap = self
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _ALIVE:
            if hasattr(socket, name):
                self.sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)

    def send(self, data: Any) -> None:
        """Send a command, or a part of one."""
        self._answered = 0
        super().send(data)

    def read(self, size: int) -> bytes:
        """So many bytes, or fewer at the end."""
        if size > limits.LARGEST + limits.HEADER:
            raise self.abort(f"the server sends {size} bytes at once")
        while len(self._pending()) < size and self._receive():
            pass
        return self._take(size)

    def readline(self) -> bytes:
        """A line, or what there is of it at the end."""
        looked = 0
        while (end := self._pending().find(b"\n", looked)) < 0:
            looked = len(self._received)
            if looked > LONGEST_LINE or not self._receive():
                break
        line = self._take(end + 1 if end >= 0 else len(self._received))
        if len(line) > LONGEST_LINE:
            raise self.abort("the server sends a line without an end")
        return line

    def _pending(self) -> bytearray:
        """What was received and not read. What came before TLS began is not of the server."""
        if self.sock is not self._received_from:
            self._received.clear()
            self._received_from = self.sock
        return self._received

    def _take(self, size: int) -> bytes:
        taken = bytes(self._received[:size])
        del self._received[:size]
        return taken

    def _receive(self) -> bool:
        """Whether something came, before the end."""
        received = self.sock.recv(_AT_ONCE)
        self._received += received
        self._answered += len(received)
        if self._answered > LARGEST_ANSWER:
            raise self.abort("the server sends an answer without an end")
        return bool(received)

    def await_news(
        self,
        seconds: float,
        goes_on: Callable[[], bool],
        passing: Callable[[], float] = time.monotonic,
    ) -> None:
        """Wait until the server announces a change, so long, or until it is not to go on.

        RFC 2177. What the server says besides makes it no longer. Raises OSError or IMAP4.error.
        """
        self._deadline.restart(seconds)
        until = passing() + seconds
        self.send(_TAG + b" IDLE\r\n")
        is_news = False
        while not (line := self._line()).startswith(b"+"):
            is_news |= _announces(line)
            if line.startswith(_TAG + b" "):
                raise self.error(line.decode("utf-8", "replace").strip())
        while not is_news and passing() < until and goes_on():
            is_news = self._is_news()
        self.send(b"DONE\r\n")
        while not (line := self._line()).startswith(_TAG + b" "):
            pass
        if not line.upper().startswith(_TAG + b" OK"):
            raise self.error(line.decode("utf-8", "replace").strip())
        self._deadline.restart()

    def _is_news(self) -> bool:
        """Whether a change is announced by the next line; it is waited for shortly."""
        if b"\n" in self._pending():
            return _announces(self._line())
        if len(self._received) > LONGEST_LINE:
            raise self.abort("the server sends a line without an end")
        is_here = isinstance(self.sock, ssl.SSLSocket) and self.sock.pending() > 0
        is_here = is_here or bool(select.select([self.sock], [], [], _SLICE)[0])
        if is_here and not self._receive():
            raise self.abort("the server closed the connection")
        return False

    def _line(self) -> bytes:
        line = self.readline()
        if not line.endswith(b"\n"):
            raise self.abort("the server closed the connection")
        if line.upper().startswith(b"* BYE"):
            raise self.abort(line.decode("utf-8", "replace").strip())
        return line


def _announces(line: bytes) -> bool:
    """Whether a line says that a mail came."""
    return line.startswith(b"* ") and line.upper().rstrip().endswith((b" EXISTS", b" RECENT"))


class TlsConnection(Connection, imaplib.IMAP4_SSL):
    """The same, with TLS from the beginning."""
