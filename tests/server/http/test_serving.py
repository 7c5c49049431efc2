"""A server process: how it stops, slow requests, and security headers."""

import asyncio
import json
import os
import re
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
import pytest
from fastapi.routing import iter_route_contexts
from starlette.types import Message, Receive, Scope, Send

from license_server.http.middleware import MAX_BODY, SECURITY
from license_server.licenses import license_store
from license_server.licenses.search import Filter
from license_server.operations.data_folder import open_database
from tests.support import server
from tests.support.desk import Desk
from tests.support.postgres import new_database, on_sqlite
from tests.support.raw import Raw
from tests.support.server import LINE

ORDER = {"customer": "ACME", "product": "darwin", "days": 30, "host": LINE}


Connect = Callable[[str], Raw]


@pytest.fixture
def connect() -> Iterator[Connect]:
    with ExitStack() as stack:

        def connect(url: str) -> Raw:
            made = Raw(url)
            stack.enter_context(made.socket)
            return made

        yield connect


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[server.Running]:
    with server.running_server(tmp_path_factory.mktemp("serving")) as made:
        yield made


def issue_head(token: str, length: int) -> bytes:
    return (
        f"POST /api/v1/licenses HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Length: {length}\r\nExpect: 100-continue\r\n\r\n"
    ).encode()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_stopping_server_finishes_begun_requests_and_exits_0(
    tmp_path: Path, kind: str, connect: Connect
) -> None:
    database = None if kind == "sqlite" else new_database()
    with server.running_server(tmp_path, database, "tests.support.patient") as running:
        body = json.dumps(ORDER).encode()
        slow, idle = connect(running.url), connect(running.url)
        idle.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b'{"alive":true}' in idle.until(b"}")
        slow.send(issue_head(running.token, len(body)))
        assert b"100 Continue" in slow.until(b"\r\n\r\n")  # the server is at it
        slow.send(body[:10])
        os.kill(running.process.pid, signal.SIGTERM)
        assert idle.rest() == b""
        _await_refusal(running.url)
        slow.send(body[10:])
        reply = slow.rest()
        assert reply.startswith(b"HTTP/1.1 201 "), reply
        assert running.process.wait(60) == 0
        number = json.loads(reply.partition(b"\r\n\r\n")[2])["id"]
    opened = open_database(server.settings(running.data, database))
    with opened.reading() as connection:
        assert [
            s.number
            for s in license_store.listed(connection, Filter(), 0, before=None, limit=9).rows
        ] == [number]
    opened.close()
    log = (tmp_path / "server.log").read_text()
    assert "Traceback" not in log
    assert "cut off" not in log


def test_idle_server_stops_at_once(tmp_path: Path) -> None:
    with server.running_server(tmp_path) as running:
        os.kill(running.process.pid, signal.SIGTERM)
        assert running.process.wait(60) == 0


def _await_refusal(url: str) -> None:
    """Until nobody can connect any more."""
    while True:
        try:
            Raw(url).socket.close()
        except ConnectionError:
            return


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),  # no Host
        (b"GET /healthz HTTP/1.1\r\nHost: a\r\nA: " + b"x" * 40_000, 400),
        (b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", 400),
        (
            (
                b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            ),
            None,
        ),
        (b"GET /nothing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 404),
        (b"PUT /login HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 405),
        (b"BREW /login HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 405),
        (b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 200),
        (b"GET /licenses HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 303),
        (
            b"POST /login HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
            b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 999999\r\n\r\n"
            + b"x"
            * (MAX_BODY + 1),
            413,
        ),
    ],
)
def test_every_raw_reply_has_the_security_headers(
    running: server.Running, connect: Connect, sent: bytes, status: int | None
) -> None:
    connection = connect(running.url)
    connection.send(sent)
    head, _, _ = connection.until(b"\r\n\r\n").partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    if status is not None:
        assert first.startswith(f"HTTP/1.1 {status} "), head
    got = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    for name, value in SECURITY.items():
        assert got[name.lower()] == value, name
    assert "server" not in got


def _paths(app: Any) -> set[tuple[str, str]]:
    return {
        (method, re.sub(r"\{\w+(:\w+)?\}", "1", context.path or ""))
        for context in iter_route_contexts(app.routes)
        for method in (*(context.methods or ()), "DELETE", "OPTIONS", "TRACE")
    }


@on_sqlite
def test_every_route_replies_with_the_security_headers(desk: Desk) -> None:
    routes = _paths(desk.client.app)
    assert len(routes) > 60
    statuses = set()
    for method, path in sorted(routes):
        for headers in ({}, desk.bearer):
            reply = desk.client.request(method, path, headers=headers)
            statuses.add(reply.status_code)
            for name, value in SECURITY.items():
                public = path.startswith("/static/") or path == "/license.revocations"
                cached = name == "Cache-Control" and public
                assert cached or reply.headers[name] == value, (method, path, name)
            assert reply.headers["x-request-id"]
    assert {200, 400, 401, 403, 404, 405} <= statuses | {400}


def test_internal_error_has_the_security_headers_and_no_details(desk: Desk) -> None:
    with patch.object(type(desk.site), "read", side_effect=RuntimeError("canary")):
        reply = desk.client.get("/api/v1/licenses", headers=desk.bearer)
    assert reply.status_code == 500
    assert "canary" not in reply.text
    for name, value in SECURITY.items():
        assert reply.headers[name] == value


def test_request_cancelled_by_the_stop_is_told_to_come_again(desk: Desk) -> None:
    gate = threading.Event()
    desk.site.database.writer.submit(lambda _: gate.wait(60))

    async def cancel() -> httpx.Response:
        reading = asyncio.Event()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            async def receiving() -> Message:
                reading.set()
                return await receive()

            await desk.client.app(scope, receiving, send)

        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
            post = client.post("/api/v1/licenses", json=ORDER, headers=desk.bearer)
            task = asyncio.create_task(post)
            await reading.wait()
            task.cancel()
            return await task

    try:
        reply = asyncio.run(cancel())
    finally:
        gate.set()
    assert (reply.status_code, reply.json()["type"]) == (503, "/problems/server-stopping")
    assert reply.headers["Retry-After"] == "5"


@pytest.mark.parametrize(("more", "status"), [(0, 422), (1, 413)])
@pytest.mark.parametrize("chunked", [False, True])
def test_body_may_have_256_kib_and_no_byte_more(
    desk: Desk, more: int, status: int, chunked: bool
) -> None:
    begin = b'{"customer": "'
    body = begin + b"x" * (MAX_BODY + more - len(begin) - 2) + b'"}'
    assert len(body) == 256 * 1024 + more
    headers = desk.bearer | {"Content-Type": "application/json"}
    content = iter([body[:9], body[9:]]) if chunked else body
    reply = desk.client.post("/api/v1/licenses", content=content, headers=headers)
    assert reply.status_code == status, reply.text


@pytest.mark.parametrize(("more", "status"), [(0, 422), (1, 413)])
def test_import_may_have_16_mib_and_no_byte_more(desk: Desk, more: int, status: int) -> None:
    headers = desk.bearer | {"Content-Type": "text/csv"}
    reply = desk.client.post(
        "/api/v1/imports", content=b"x" * (16 * 1024 * 1024 + more), headers=headers
    )
    assert reply.status_code == status, reply.text
