"""How long a connection waits for its client: to the second, on a clock that only a test moves."""

import asyncio
import itertools
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from license_server.http import server
from license_server.http.protocols import LAST_WORDS, PATIENCE, Connection, QuickConnection
from license_server.http.server import IDLE
from tests.support.transport import Transport

MOMENT = 0.1
PARTS = [
    pytest.param(b"", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", id="nothing"),
    pytest.param(b"GET / HTTP/1.1\r\nHo", b"st: a\r\n\r\n", id="half a head"),
    pytest.param(
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\na=", b"12", id="half a body"
    ),
]


class Loop(asyncio.SelectorEventLoop):
    """A loop whose time passes only when it is told."""

    now = 0.0
    connection: type[Any] = Connection

    def time(self) -> float:
        return self.now

    def go(self, seconds: float = 0.0) -> None:
        """Let so much time pass, and do all that is due."""
        self.now += seconds
        for _ in range(10):
            self.run_until_complete(asyncio.sleep(0))


class Client:
    """A connection and its two ends."""

    def __init__(self, loop: Loop, seconds: float = 0.0) -> None:
        """Each answer takes so many *seconds*."""
        self.cancelled = False

        async def answer(_: Any, receive: Any, send: Any) -> None:
            message = await receive()
            while message.get("more_body"):
                message = await receive()
            if message["type"] == "http.disconnect":
                return
            try:
                await asyncio.sleep(seconds)
            except asyncio.CancelledError:
                self.cancelled = True
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body"})

        config = server.configured(answer)
        config.lifespan = "off"
        config.load()
        self.server = uvicorn.Server(config)
        self.server.servers, self.server.lifespan = [], config.lifespan_class(config)
        self.loop, self.transport = loop, Transport()
        self.transport.protocol = loop.connection(config, self.server.server_state, {}, loop)
        self.connection.connection_made(self.transport)
        loop.go()

    @property
    def connection(self) -> Any:
        """What reads what is sent, by now."""
        return self.transport.protocol

    def stop(self, seconds: float) -> None:
        """Let the server stop, and so much time pass."""
        stopping = self.loop.create_task(self.server.shutdown())
        until = self.loop.now + seconds
        while self.loop.now < until:
            self.loop.go(MOMENT)
        stopping.cancel()
        self.loop.go()

    def send(self, data: bytes) -> None:
        if data:
            self.connection.data_received(data)
            self.loop.go()


@pytest.fixture(params=[Connection, QuickConnection])
def loop(request: pytest.FixtureRequest) -> Iterator[Loop]:
    made = Loop()
    made.connection = request.param
    yield made
    made.close()


@pytest.mark.parametrize(("first", "rest"), PARTS)
def test_request_may_take_60_seconds_to_be_sent_and_no_longer(
    loop: Loop, first: bytes, rest: bytes
) -> None:
    assert PATIENCE == 60
    client, late = Client(loop), Client(loop)
    for one in (client, late):
        one.send(first)
    loop.go(PATIENCE - MOMENT)
    client.send(rest)
    assert (client.transport.answers, late.transport.closed) == (1, False)
    loop.go(2 * MOMENT)
    assert (late.transport.answers, late.transport.closed) == (0, True)
    assert not client.transport.closed


def test_a_drop_now_and_then_does_not_prolong_the_time(loop: Loop) -> None:
    client = Client(loop)
    for sent in itertools.islice(itertools.cycle([b"G"]), 6):
        client.send(sent)
        loop.go(PATIENCE / 6 - MOMENT)
    assert not client.transport.closed
    loop.go(6 * MOMENT + MOMENT)
    assert client.transport.closed


def test_answer_may_take_longer_than_a_request(loop: Loop) -> None:
    client = Client(loop, seconds=PATIENCE * 4)
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    loop.go(PATIENCE * 4 - MOMENT)
    assert (client.transport.answers, client.transport.closed) == (0, False)
    loop.go(2 * MOMENT)
    assert client.transport.answers == 1


def test_connection_is_kept_for_5_seconds_and_no_longer(loop: Loop) -> None:
    assert IDLE == 5
    request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    client, late = Client(loop), Client(loop)
    for one in (client, late):
        one.send(request)
    loop.go(IDLE - MOMENT)
    client.send(request)
    loop.go(2 * MOMENT)
    assert (client.transport.answers, client.transport.closed) == (2, False)
    assert (late.transport.answers, late.transport.closed) == (1, True)


@pytest.mark.parametrize(("first", "rest"), PARTS[2:])
def test_stopping_server_waits_5_seconds_for_the_rest_of_a_request(
    loop: Loop, first: bytes, rest: bytes
) -> None:
    assert LAST_WORDS == 5
    client, late = Client(loop), Client(loop)
    for one in (client, late):
        one.send(first)
        one.connection.shutdown()
    loop.go(LAST_WORDS - MOMENT)
    client.send(rest)
    assert (client.transport.answers, late.transport.closed) == (1, False)
    loop.go(2 * MOMENT)
    assert (late.transport.answers, late.transport.closed) == (0, True)


@pytest.mark.parametrize(("first", "rest"), PARTS[:2])
def test_stopping_server_waits_for_no_request_that_has_not_begun(
    loop: Loop, first: bytes, rest: bytes
) -> None:
    client = Client(loop)
    client.send(first)
    client.connection.shutdown()
    assert client.transport.closed, rest


def test_stop_prolongs_no_time(loop: Loop) -> None:
    client = Client(loop)
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\na=")
    loop.go(PATIENCE - 1)
    client.connection.shutdown()
    loop.go(1 + MOMENT)
    assert client.transport.closed


@pytest.mark.parametrize(("seconds", "cancelled"), [(-1, False), (1, True)])
def test_stopping_server_cancels_what_takes_longer_than_25_seconds(
    loop: Loop, seconds: int, cancelled: bool
) -> None:
    assert server.GRACE == 25
    client = Client(loop, seconds=server.GRACE + seconds)
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    client.stop(server.GRACE + 0.5)
    assert (client.transport.answers, client.cancelled) == (1, cancelled)
    assert client.transport.closed


def test_unusual_head_prolongs_no_time(loop: Loop) -> None:
    client = Client(loop)
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n")
    loop.go(PATIENCE - 1)
    client.send(b"Transfer-Encoding: chunked\r\n\r\n")
    assert isinstance(client.connection, Connection)
    loop.go(1 + MOMENT)
    assert client.transport.closed
