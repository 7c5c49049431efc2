"""Errors at the desk are pages for people."""

from tests.support.desk import Desk
from tests.support.pages import (
    all_hidden,
    preview,
    sign_in,
)


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
    assert reply.status_code == 403
