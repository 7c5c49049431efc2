"""Errors at the desk are pages for people."""

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from starlette.testclient import TestClient

from license_server.app import create_app
from tests.support import server
from tests.support.desk import Clock, Desk
from tests.support.desk_user import DeskUser
from tests.support.pages import (
    all_hidden,
    preview,
    sign_in,
)
from tests.support.routes import ANYONE, PORTAL, ROWS

OF_A_SESSION = ("users", "sessions")
"""The tables without which nobody is signed in."""
NAMES = {"number": "HS-2026-ZZZZZZZZ", "name": "keyset", "kind": "license", "slug": "not-found"}
ADDRESSES = {
    re.sub(r"{(\w+)}", lambda found: NAMES.get(found[1], "1"), path): permission
    for method, path, permission in ((*row.split(), needed) for row, needed in ROWS.items())
    if method == "GET" and not path.startswith("/api/")
}
"""Each address of the desk, and what it needs."""


@contextmanager
def own_desk(folder: Path, rate: int = server.UNLIMITED) -> Iterator[DeskUser]:
    """Somebody at a desk that no other test uses, on SQLite, which answers where it would raise."""
    clock = Clock()
    server.make(folder, None, clock.now)
    made = server.settings(folder, None, rate=rate)
    app = create_app(made, clock=clock, random=os.urandom)
    with TestClient(
        app, "http://testserver", raise_server_exceptions=False, follow_redirects=False
    ) as client:
        yield DeskUser(Desk(client, app.state.server.site, made, "", clock))


def test_every_page_says_that_there_were_too_many_requests(tmp_path: Path) -> None:
    with own_desk(tmp_path / "server", rate=1) as user:
        assert user.get("/account").status_code == 200
        told = {
            path: user.get(f"{path}?q=x")
            for path, needs in ADDRESSES.items()
            if needs not in (ANYONE, PORTAL)
        }
    assert {path: reply.status_code for path, reply in told.items()} == dict.fromkeys(told, 429)
    assert {reply.headers["content-type"] for reply in told.values()} == {
        "text/html; charset=utf-8"
    }
    assert all("rate-limited" in reply.text for reply in told.values())
    assert 'value="x"' in told["/find"].text


def test_no_page_fails_where_the_database_does(tmp_path: Path) -> None:
    with own_desk(tmp_path / "server") as user:
        with closing(sqlite3.connect(tmp_path / "server" / "hostseal.db")) as database:
            rows = database.execute("select name from sqlite_master where type = 'table'")
            for name in {name for (name,) in rows} - {*OF_A_SESSION}:
                database.execute(f"alter table {name} rename to gone_{name}")
            database.commit()
        told = {path: user.get(f"{path}?q=x") for path in ADDRESSES}
    assert {path for path, reply in told.items() if reply.status_code == 500} == set()
    assert "database-unavailable" in told["/find"].text
    assert sum(reply.status_code == 503 for reply in told.values()) > 20


def test_errors_at_the_desk_are_html_pages(signed_in: Desk) -> None:
    reply = signed_in.client.get("/licenses/HS-2026-ZZZZZZZZ")
    assert (reply.status_code, reply.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "HS-2026-ZZZZZZZZ" in reply.text
    assert signed_in.client.get("/licenses?cursor=x").status_code == 422
    assert signed_in.client.get("/nothing").status_code == 404


def test_control_characters_never_crash_the_desk(signed_in: Desk) -> None:
    assert signed_in.client.get("/licenses", params={"q": "a\0b"}).status_code == 200
    assert signed_in.client.get("/licenses", params={"cursor": "\0"}).status_code == 422
    assert signed_in.client.get("/licenses/new", params={"like": "\0"}).status_code == 404
    assert signed_in.client.get("/problems/%00").status_code == 404
    assert sign_in(signed_in, email="a\0b@example.com", password="\0").status_code == 401
    sign_in(signed_in)
    for name in ("customer", "product", "time_zone", "features", "limits", "edition", "replaces"):
        assert preview(signed_in, **{name: "a\0b"}).status_code == 422, name
    fields = all_hidden(preview(signed_in).text)
    reply = signed_in.client.post("/licenses", data=fields | {"once": "\0"})
    assert reply.status_code == 303  # it waits, filled in
