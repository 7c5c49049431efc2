"""Two ways to read a request, one meaning: what httptools is trusted with, h11 reads the same."""

import asyncio
import importlib.util
import re
import sys
from typing import Any

import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st

from license_server.http import protocols, server
from license_server.http.protocols import LARGEST_HEAD, Connection, QuickConnection, plain_length
from tests.support.transport import Transport

Read = list[tuple[dict[str, Any], bytes]]
PLAIN = b"POST /api?a=%20 HTTP/1.1\r\nHost: a\r\nX-A:  b c\r\nContent-Length: 3\r\n\r\nabc"
UNUSUAL = {
    "another method": b"BREW / HTTP/1.1\r\nHost: a\r\n\r\n",
    "a proxy's target": b"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "a fragment": b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n",
    "an old version": b"GET / HTTP/1.0\r\nHost: a\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\nA: b\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n",
    "chunks": b"POST / HTTP/1.1\r\nHost: a\r\ntransfer-encoding: chunked\r\n\r\n"
    b"3\r\nabc\r\n0\r\n\r\n",
    "expect": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc",
    "upgrade": b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
    "what is said to proxies": b"GET / HTTP/1.1\r\nHost: a\r\nProxy-Connection: close\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
    b"content-length: 3\r\n\r\nabc",
    "a list of lengths": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc",
    "a signed length": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc",
    "a folded line": b"GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n c\r\n\r\n",
    "a space before the colon": b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    "a control character": b"GET / HTTP/1.1\r\nHost: a\r\nA: b\0c\r\n\r\n",
    "a lone carriage return": b"GET / HTTP/1.1\r\nHost: a\r\nA: b\rc\r\n\r\n",
    "a bare line feed": b"GET / HTTP/1.1\r\nHost: a\nA: b\r\n\r\n",
    "a blank line first": b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "a target that is not ASCII": b"GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n",
    "a large head": b"GET / HTTP/1.1\r\nHost: a\r\nA: " + b"b" * LARGEST_HEAD + b"\r\n\r\n",
}


def read(kind: type[Any], *parts: bytes, full: bool = False) -> tuple[Read, list[bytes], bool]:
    """What an application is given of *parts*, how each is answered, and whether that is all.

    *full*: after the first part nobody takes what is written.
    """
    found: Read = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        body, message = b"", await receive()
        while message["type"] == "http.request":
            body += message["body"]
            if not message["more_body"]:
                break
            message = await receive()
        found.append((scope, body))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async def serve() -> tuple[bytes, bool]:
        config = server.configured(app)
        config.lifespan = "off"
        config.load()
        made = kind(config, uvicorn.Server(config).server_state, {}, asyncio.get_running_loop())
        transport = Transport(made)
        made.connection_made(transport)
        for part in parts:
            if not transport.closed:
                transport.protocol.data_received(part)
            for _ in range(8):
                await asyncio.sleep(0)
            if full and part is parts[0]:
                transport.protocol.pause_writing()
        closed = transport.closed
        transport.protocol.connection_lost(None)
        return transport.said, closed

    said, closed = asyncio.run(serve())
    return found, re.findall(rb"HTTP/1\.1 ([0-9]+) ", said), closed


def test_plain_request_is_read_by_httptools() -> None:
    quick, slow = read(QuickConnection, PLAIN), read(Connection, PLAIN)
    assert quick[0] == slow[0]
    scope, body = quick[0][0]
    assert (scope["method"], scope["raw_path"], scope["query_string"]) == (
        "POST",
        b"/api",
        b"a=%20",
    )
    assert (b"x-a", b"b c") in scope["headers"]
    assert (body, plain_length(PLAIN[:-3])) == (b"abc", 3)


@pytest.mark.parametrize("name", UNUSUAL)
def test_unusual_request_is_left_to_h11(name: str) -> None:
    request = UNUSUAL[name]
    assert plain_length(request.partition(b"\r\n\r\n")[0] + b"\r\n\r\n") is None
    assert read(QuickConnection, request) == read(Connection, request)
    assert read(QuickConnection, PLAIN, request) == read(Connection, PLAIN, request)


@pytest.mark.parametrize("begin", [b"\x16\x03\x01\x02\x00", b"\r\n", b"\0"])
def test_what_is_no_request_is_refused_at_once(begin: bytes) -> None:
    for before in ([], [PLAIN]):
        found = read(QuickConnection, *before, begin)
        assert found == read(Connection, *before, begin)
        assert found[1][-1:] == [b"400"]


@pytest.mark.parametrize("kind", [QuickConnection, Connection])
def test_unusual_request_waits_for_a_client_that_takes_no_answers(kind: type[Any]) -> None:
    assert read(kind, PLAIN, UNUSUAL["chunks"], full=True)[1] == [b"204"]


@pytest.mark.parametrize("size", [1, 7, 50, 1000])
def test_requests_are_the_same_in_whatever_parts_they_come(size: int) -> None:
    whole = PLAIN * 3 + UNUSUAL["chunks"] + PLAIN
    parts = [whole[at : at + size] for at in range(0, len(whole), size)]
    quick, slow = read(QuickConnection, *parts), read(Connection, *parts)
    assert quick[0] == slow[0]
    assert len(quick[0]) == 5


NAMES = st.sampled_from(
    [
        *("Host", "Content-Length", "Connection", "Accept", "X-Any", "Upgrade", "hOST"),
        *("Proxy-Connection", "Keep-Alive", "TE"),
    ]
)
VALUES = st.one_of(
    st.sampled_from(["a", "3", "0", "close", "keep-alive", "chunked", "", "3, 3", "a\tb ", "\x7f"]),
    st.text(st.characters(max_codepoint=255), max_size=8),
)
TARGETS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12)


@given(
    st.sampled_from(["GET", "HEAD", "POST", "PUT", "get", "PRI", "CONNECT"]),
    TARGETS.map("/".__add__),
    st.lists(st.tuples(NAMES, st.sampled_from([": ", ":", " :"]), VALUES), max_size=5),
)
def test_whatever_httptools_is_given_h11_reads_the_same(
    method: str, target: str, lines: list[tuple[str, str, str]]
) -> None:
    head = f"{method} {target} HTTP/1.1\r\nHost: a\r\n" + "".join(
        f"{name}{sign}{value}\r\n" for name, sign, value in lines
    )
    request = head.encode("latin-1") + b"\r\nabc"
    assert read(QuickConnection, request) == read(Connection, request)


def test_without_httptools_h11_reads_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn.protocols.http.httptools_impl", None)
    spec = importlib.util.spec_from_file_location("protocols_alone", protocols.__file__)
    assert spec is not None
    assert spec.loader is not None
    alone = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(alone)
    assert alone.QuickConnection is alone.Connection
