"""A portal that drips, and a link that is for another server: an end in time, and no secret out."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from license_cli import portal
from license_core.errors import ServerUnreachableError
from tests.support.cli import World, code

pytestmark = pytest.mark.python_only("a portal, which that client does not reach")

SECRET = "s" * 43
HEADERS = b"HTTP/1.1 %d OK\r\nContent-Length: 15000\r\n\r\n"


class Clock:
    """Seven seconds later each time that it is looked at; a server may then send a byte."""

    def __init__(self) -> None:
        self.now, self.ticks = 0.0, threading.Semaphore(0)

    def __call__(self) -> float:
        self.now += 7
        self.ticks.release()
        return self.now


@contextmanager
def dripping(start: bytes, clock: Clock) -> Iterator[str]:
    """A server that sends *start* and then a byte for each look at the clock, without end."""
    listening = socket.create_server(("127.0.0.1", 0))

    def answer(line: socket.socket) -> None:
        with line, suppress(OSError):
            line.recv(4096)
            line.sendall(start)
            while clock.ticks.acquire(timeout=60):
                line.sendall(b" ")

    def serve() -> None:
        with suppress(OSError):
            while True:
                answer(listening.accept()[0])

    serving = threading.Thread(target=serve, daemon=True)
    serving.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/portal?secret={SECRET}"
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        clock.ticks.release(1000)
        serving.join(60)


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """A server that sends *answer* once, and closes."""

    def serve(listening: socket.socket) -> None:
        with listening.accept()[0] as line:
            line.recv(4096)
            line.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = threading.Thread(target=serve, args=(listening,), daemon=True)
        serving.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/portal?secret={SECRET}"
        serving.join(60)


@pytest.mark.parametrize(
    "start",
    [b"HTTP/1.1 200 OK\r\nX: ", HEADERS % 200, HEADERS % 404],
    ids=["headers", "body", "error"],
)
@pytest.mark.parametrize("what", ["list", "file"])
def test_a_portal_that_drips_is_given_up_when_its_minute_is_over(start: bytes, what: str) -> None:
    clock = Clock()
    with dripping(start, clock) as url:
        way = portal.Way(sleep=lambda _: None, clock=clock)
        opened = portal.Portal(portal.link(url, None), way)
        with pytest.raises(ServerUnreachableError) as caught:
            opened.file("HS-1") if what == "file" else opened.licence_of("1", 0, other_than=None)
    assert "no complete response within 60 seconds" in caught.value.sentence
    assert clock.now < 60 + 5 * 7


@pytest.mark.parametrize(
    "length", ["\u00b2", "9" * 5000, "-1", "1, 2"], ids=["power", "long", "negative", "two"]
)
def test_a_length_that_is_none_is_passed_over(length: str) -> None:
    answer = f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n[]".encode("latin-1")
    with answering(answer) as url:
        opened = portal.Portal(portal.link(url, None), portal.Way(sleep=lambda _: None))
        assert opened.file("HS-1") == b"[]"


@pytest.mark.parametrize("host", ["127.0.0.1..a", "a" * 70 + ".x"])
def test_of_a_name_that_no_host_can_have_it_is_said_that_it_is_the_name(host: str) -> None:
    opened = portal.Portal(portal.link(f"https://{host}/portal", SECRET), portal.Way())
    for ask in (lambda: opened.submit("x"), lambda: opened.file("HS-1")):
        with pytest.raises(ServerUnreachableError) as caught:
            ask()
        assert "idna" in caught.value.sentence


@pytest.mark.parametrize("path", ["portal", "license.dat"])
def test_a_link_is_sent_to_no_server_but_its_own(world: World, path: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0)
        here = f"http://127.0.0.1:{listening.getsockname()[1]}"
        for there in ("https://127.0.0.1", "http://127.0.0.1:1", "http://localhost", "https://[x"):
            link = f"{there}/portal/open?secret={SECRET}"
            for given in (("--token-file", world.write(link.encode(), "link")), ()):
                env = {} if given else {"LICENSE_TOKEN": link}
                for command in (("install",), ("request", "--submit")):
                    done = world.run(*command, f"{here}/{path}", *given, env=env)
                    assert done.exit_code == code("usage"), (there, command, done.err)
                    assert SECRET not in done.out + done.err
        with pytest.raises(BlockingIOError):
            listening.accept()
