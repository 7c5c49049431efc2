"""Sessions at the desk and the cookies that carry them."""

import pytest

from tests.support.desk import Desk
from tests.support.pages import (
    all_hidden,
    hidden,
    sign_in,
)


def test_signing_out_invalidates_a_copied_cookie(signed_in: Desk) -> None:
    cookies = dict(signed_in.client.cookies)
    token = hidden(signed_in.client.get("/licenses").text, "form_token")
    signed_in.client.post("/logout", data={"form_token": token})
    signed_in.client.cookies.update(cookies)
    assert signed_in.client.get("/licenses").status_code == 303


def test_session_expires_after_12_hours(signed_in: Desk) -> None:
    signed_in.clock.now += 12 * 3600
    assert signed_in.client.get("/licenses").status_code == 303


def test_session_cookie_is_httponly_and_samesite(desk: Desk) -> None:
    cookie = sign_in(desk).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie


def test_cookies_have_the_host_prefix_over_https(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = desk.client
    monkeypatch.setattr(client, "base_url", "https://testserver")
    assert sign_in(desk).status_code == 303
    assert {"__Host-hostseal_session", "__Host-hostseal_browser"} <= set(client.cookies.keys())
    secret = client.cookies["__Host-hostseal_session"]
    page = client.get("/account").text
    client.cookies.clear()
    client.cookies.set("hostseal_session", secret)  # as another host might plant it
    assert client.get("/account").status_code == 303
    client.cookies.set("__Host-hostseal_session", secret)
    gone = client.post("/logout", data=all_hidden(page)).headers["set-cookie"]
    assert gone.startswith('__Host-hostseal_session="";')
    assert "secure" in gone.lower()


def test_each_sign_in_sets_a_new_session_cookie(desk: Desk) -> None:
    first, second = sign_in(desk), sign_in(desk)
    assert first.cookies["hostseal_session"] != second.cookies["hostseal_session"]
