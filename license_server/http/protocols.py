"""Connections: how requests are read, within bounds of size and time.

Plain requests are read by httptools, where that is installed. Whatever is unusual of a request's
head, or wrong, is left to h11 from there on: so there is one place that refuses, and the quick one
reads nothing that the other would read otherwise.
"""

import asyncio
import re
from typing import TYPE_CHECKING, Any

import h11
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.h11_impl import H11Protocol

from license_server.http.middleware import SECURITY

if TYPE_CHECKING:
    from httptools import HttpParserError
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
else:
    try:
        from httptools import HttpParserError
        from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
    except ImportError:  # there is no wheel of it for this machine
        HttpToolsProtocol = None

LARGEST_HEAD = 32 * 1024
"""Bytes of a request's first line and headers."""
PATIENCE = 60
"""Seconds within which a request must be there as a whole."""
LAST_WORDS = 5
"""Seconds within which a request must be there as a whole, once the server is to stop."""
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_PLAIN = re.compile(
    rb"(?:GET|HEAD|POST|PUT|PATCH|DELETE) /[!-\"$-~]* HTTP/1\.1\r\n"
    rb"(?:(?!(?:transfer-encoding|expect|upgrade|trailer|proxy-connection):)"
    rb"[!#-'*+.^_`|~0-9a-z-]+:[ \t]*(?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?\r\n)+"
    rb"\r\n",
    re.IGNORECASE,
)
"""A head of which each server makes the same, but for its host and length."""
_HOST = re.compile(rb"\nhost:", re.IGNORECASE)
_LENGTH = re.compile(rb"\ncontent-length:[ \t]*([^\r]*)", re.IGNORECASE)
_DIGITS = re.compile(rb"[0-9]{1,15}")


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


class _Patient(asyncio.Protocol):
    """A connection of uvicorn's that waits for its client's request only so long."""

    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
    cycle: Any
    _due: asyncio.TimerHandle | None = None

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
        super().shutdown()  # type: ignore[misc]  # of uvicorn's protocols
        if self._due is not None and not self.transport.is_closing():
            self._wait(min(LAST_WORDS, self._due.when() - self.loop.time()))

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


class Connection(_Patient, H11Protocol):
    """A connection that reads whatever comes."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.conn = _Strict(h11.SERVER, LARGEST_HEAD)

    def take_over(
        self, transport: asyncio.Transport, flow: FlowControl, ahead: bytes, due: float
    ) -> None:
        """Go on with a connection that another has begun to read: what it read *ahead*.

        *flow* knows whether the client takes what is written. The request must be there as a
        whole when it was *due* to be, on the loop's clock.
        """
        self.connection_made(transport)
        self.flow = flow
        self._wait(due - self.loop.time())
        transport.set_protocol(self)
        self.data_received(ahead)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no request with the headers that every answer has."""
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.close()  # it came in the middle of an answer
            return
        headers = [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", str(len(msg))),
            ("Connection", "close"),
        ]
        answer = [
            h11.Response(status_code=400, headers=headers + list(SECURITY.items())),
            h11.Data(data=msg.encode("ascii")),
            h11.EndOfMessage(),
        ]
        for event in answer:
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


def plain_length(head: bytes) -> int | None:
    """How many bytes follow a whole *head*; None: it is not plain, and h11 is to read it."""
    if len(head) > LARGEST_HEAD or not _PLAIN.fullmatch(head) or len(_HOST.findall(head)) != 1:
        return None
    lengths = _LENGTH.findall(head)
    if not lengths:
        return 0
    return int(lengths[0]) if len(lengths) == 1 and _DIGITS.fullmatch(lengths[0]) else None


if HttpToolsProtocol is None:
    QuickConnection: Any = Connection
else:

    class QuickConnection(_Patient, HttpToolsProtocol):  # type: ignore[no-redef]
        """A connection that reads plain requests, and leaves any other to ``Connection``."""

        def __init__(self, *given: Any, **more: Any) -> None:
            super().__init__(*given, **more)
            self._given = given, more
            self._ahead = b""
            """What has come and is not read yet."""
            self._left = 0
            """How much of a body is still to come."""

        def data_received(self, data: bytes) -> None:
            """Something has come."""
            self._unset_keepalive_if_required()
            self._ahead += data
            self._read()

        def on_response_complete(self) -> None:
            """A request is answered: the next one may be there already."""
            super().on_response_complete()
            if self._ahead and not self.transport.is_closing():
                self._unset_keepalive_if_required()
                self._read()

        def _read(self) -> None:
            """Read what has come, up to the end of a request that is not answered yet."""
            while self._ahead and not self.transport.is_closing():
                if self._left:
                    part, self._ahead = self._ahead[: self._left], self._ahead[self._left :]
                    self._left -= len(part)
                    self.parser.feed_data(part)
                elif self.cycle is not None and not self.cycle.response_complete:
                    self.flow.pause_reading()
                    break
                elif (
                    (end := _END_OF_HEAD.search(self._ahead))
                    or len(self._ahead) > LARGEST_HEAD
                    or not self._ahead[:1].isalpha()  # TLS, say: it is refused at once
                ):
                    head = self._ahead[: end.end() if end else None]
                    length = plain_length(head)
                    if length is None:
                        self._leave_to_other()
                        return
                    try:
                        self.parser.feed_data(head)
                    except HttpParserError:  # nothing of it was begun
                        self._leave_to_other()
                        return
                    self._ahead, self._left = self._ahead[len(head) :], length
                else:
                    break
            self._watch()

        def _leave_to_other(self) -> None:
            due = self.loop.time() + PATIENCE if self._due is None else self._due.when()
            self._rest()
            self._unset_keepalive_if_required()
            self.flow.resume_reading()
            self.connections.discard(self)
            given, more = self._given
            Connection(*given, **more).take_over(self.transport, self.flow, self._ahead, due)
