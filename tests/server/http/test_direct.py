"""The route that is answered directly answers as it does within the framework."""

import asyncio
import json
import os
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from license_server.access import tokens
from license_server.api import licenses
from license_server.app import create_app
from tests.support import server
from tests.support.desk import Desk
from tests.support.postgres import on_sqlite
from tests.support.server import LINE

PATH = "/api/v1/licenses"
ORDER = {"customer": "ACME", "product": "darwin", "days": 30, "host": LINE}
BODIES = (
    *(json.dumps(ORDER | more).encode() for more in ({}, {"days": -1}, {"customer": "New"})),
    *(b"", b"{", b"[]", b"\xff", b'{"days":1,"days":1}', b'{"customer":"\\ud800"}'),
    *(b"[" * 100_000, b"x" * (256 * 1024 + 1)),
)
QUERIES = (b"", b"", b"dry_run=true", b"dry_run=1", b"x=1", b"dry_run&dry_run", b"%ff")
NAMES = (b"content-type", b"idempotency-key", b"if-match", b"origin", b"x-forwarded-for", b"expect")
VALUES = (b"", b"k", b'"a"', b"application/json; charset=x", b"text/plain", b"127.0.0.1", b"\xff")
DRAWN = re.compile(rb"HS-\d{4}-[0-9A-Z]{8}|\b[0-9a-f]{16}\b|;r=\d+;t=\d+")
"""What differs from one answer to the next."""


async def answer(app: Any, scope: dict[str, Any], body: bytes) -> list[dict[str, Any]]:
    """What *app* sends, but for what is drawn for each answer."""
    said: list[dict[str, Any]] = []
    rest = [body[: len(body) // 2], body[len(body) // 2 :]]

    async def receive() -> dict[str, Any]:
        if not rest:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": rest.pop(0), "more_body": bool(rest)}

    async def send(message: dict[str, Any]) -> None:
        if "headers" in message:
            headers = [(name, DRAWN.sub(b"", value)) for name, value in message["headers"]]
            message |= {"headers": sorted(headers)}
        if "body" in message:
            message |= {"body": DRAWN.sub(b"", message["body"])}
        said.append(message)

    await app(scope, receive, send)
    return said


@on_sqlite
def test_direct_answer_is_the_one_of_the_framework(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert licenses.DIRECT  # which the application of the desk has
    monkeypatch.setattr(licenses, "DIRECT", {})
    framework: Any = create_app(desk.settings, clock=desk.clock, random=os.urandom)
    reader = tokens.Grant(frozenset({"licenses:read"}))
    site = desk.site
    other = server.new_token(site.database, "only reads", desk.clock.now, reader)
    mine = f"bearer  {desk.token}".encode()
    auths = (mine, mine, mine, f"Bearer {other}".encode(), b"Bearer", b"Basic eDp4", b"\xff", None)
    desk.client.post(PATH, json=ORDER, headers=desk.bearer).raise_for_status()
    desk.client.post(PATH, json=ORDER | {"customer": "New"}, headers=desk.bearer)

    @settings(max_examples=60)
    @given(
        query=st.sampled_from(QUERIES),
        auth=st.sampled_from(auths),
        more=st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES)), max_size=2),
        body=st.sampled_from(BODIES),
    )
    def check(
        query: bytes,
        auth: bytes | None,
        more: list[tuple[bytes, bytes]],
        body: bytes,
    ) -> None:
        headers = [(b"host", b"testserver"), *more]
        headers += [] if auth is None else [(b"authorization", auth)]
        found = []
        for app in (desk.client.app, framework):
            scope = {
                "type": "http",
                "asgi": {"version": "3.0"},
                "http_version": "1.1",
                "method": "POST",
                "path": PATH,
                "raw_path": PATH.encode(),
                "query_string": query,
                "root_path": "",
                "scheme": "https",
                "headers": list(headers),
                "client": ("127.0.0.1", 1),
                "server": ("testserver", 443),
            }
            found.append(asyncio.run(answer(app, scope, body)))
        assert found[0] == found[1]

    check()
    framework.state.server.site.database.close()
