"""Signing in with a password, and redirects before it."""

import re

import pytest

from tests.support.desk import Desk
from tests.support.pages import (
    hidden,
    sign_in,
)
from tests.support.server import EMAIL, PASSWORD


@pytest.mark.parametrize("path", ["/", "/licenses", "/licenses/new", "/licenses/HS-2026-00000000"])
def test_every_page_redirects_to_sign_in(desk: Desk, path: str) -> None:
    reply = desk.client.get(path)
    assert reply.status_code == 303
    assert reply.headers["location"].startswith("/login")


def test_return_address_after_sign_in_stays_on_this_server(desk: Desk) -> None:
    page = desk.client.get("/login", params={"next": "/licenses/new"}).text
    assert hidden(page, "next") == "/licenses/new"
    for away in ("https://example.com/", "//example.com", "/\\example.com", "/\t/example.com"):
        assert hidden(desk.client.get("/login", params={"next": away}).text, "next") == ""


def test_wrong_password_and_unknown_address_get_the_same_message(desk: Desk) -> None:
    wrong, unknown = sign_in(desk, "wrong"), sign_in(desk, "wrong", "nobody@example.com")
    assert wrong.status_code == unknown.status_code == 401
    said = [re.search(r'role="alert">(.*?)</div>', r.text, re.DOTALL) for r in (wrong, unknown)]
    assert said[0] and said[1] and said[0][1] == said[1][1]


def test_sign_in_is_throttled_after_wrong_attempts_and_recovers(desk: Desk) -> None:
    email = "guessed@example.com"
    assert [sign_in(desk, "wrong", email).status_code for _ in range(6)] == [401] * 5 + [429]
    refused = sign_in(desk, "wrong", email)
    assert re.search(r"allowed in [1-9]\d* s\.", refused.text)
    desk.clock.now += 4
    assert sign_in(desk, "wrong", email).status_code == 401
    assert sign_in(desk).status_code == 303  # somebody else is not held up


def test_sign_in_without_the_form_token_is_rejected(desk: Desk) -> None:
    reply = desk.client.post("/login", data={"email": EMAIL, "password": PASSWORD})
    assert reply.status_code == 403
