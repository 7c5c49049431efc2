"""The head of a request: how large it may be, and that no other server can read it otherwise."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from license_core.errors import LicenseError
from license_server.http.protocols import LARGEST_HEAD
from license_server.http.server import listen
from tests.support import server
from tests.support.raw import Raw

CLOSE = "Connection: close\r\n"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with server.running_server(tmp_path_factory.mktemp("heads")) as made:
        yield made.url


def answer(url: str, *parts: bytes) -> bytes:
    """What the server says to *parts*, each sent by itself, until it closes the connection."""
    raw = Raw(url)
    with raw.socket:
        for part in parts:
            raw.send(part)
        return raw.rest()


def of_size(size: int) -> bytes:
    """A request whose head has so many bytes before the blank line."""
    begin = b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\nA: "
    return begin + b"x" * (size - len(begin)) + b"\r\n\r\n"


@pytest.mark.parametrize("split", [None, 100, LARGEST_HEAD - 1])
@pytest.mark.parametrize(("more", "status"), [(0, b"200"), (1, b"400"), (8_000, b"400")])
def test_head_may_have_32_kib_and_no_byte_more(
    url: str, more: int, status: bytes, split: int | None
) -> None:
    request = of_size(LARGEST_HEAD + more)
    parts = [request] if split is None else [request[:split], request[split:]]
    assert answer(url, *parts).startswith(b"HTTP/1.1 " + status)


@pytest.mark.parametrize(
    "head",
    [
        b"GET /healthz HTTP/1.1\nHost: a\n\n",
        b"GET /healthz HTTP/1.1\nHost: a\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\n\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\n\r\n",
    ],
)
def test_bare_line_feeds_are_refused(url: str, head: bytes) -> None:
    assert answer(url, head).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize("first", ["Content-Length: 4\r\n", "Transfer-Encoding: chunked\r\n"])
def test_two_lengths_are_refused_and_the_connection_is_closed(url: str, first: str) -> None:
    both = {"Content-Length: 4\r\n", "Transfer-Encoding: chunked\r\n"}
    (second,) = both - {first}
    request = f"POST /login HTTP/1.1\r\nHost: a\r\n{first}{second}\r\n0\r\n\r\n"
    smuggled = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
    reply = answer(url, (request + smuggled).encode())
    assert reply.startswith(b"HTTP/1.1 400")
    assert b"alive" not in reply


def test_requests_that_follow_one_another_are_each_looked_at(url: str) -> None:
    good = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
    reply = answer(url, good + good + b"GET /healthz HTTP/1.1\nHost: a\n\n")
    assert reply.count(b'{"alive":true}') == 2
    assert reply.count(b"HTTP/1.1 400") == 1


@pytest.mark.parametrize("host", ["", " ", "\t"])
def test_empty_address_does_not_listen_everywhere(host: str) -> None:
    with pytest.raises(LicenseError, match="it is empty"):
        listen(host, 0)


@pytest.mark.parametrize(
    ("hours", "code"), [("1", 0), ("8760", 0), ("0", 76), ("-3", 76), ("8761", 76)]
)
def test_session_hours_have_bounds(tmp_path: Path, hours: str, code: int) -> None:
    env = server.environment(server.make(tmp_path / "server").data)
    done = server.at_once("user", "list", env=env | {"LICENSE_SERVER_SESSION_HOURS": hours})
    assert done.returncode == code
    if code:
        assert "LICENSE_SERVER_SESSION_HOURS" in done.stderr
