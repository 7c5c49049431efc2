"""Sessions at the desk and the cookies that carry them."""

import pytest

from tests.support.desk import Desk
from tests.support.pages import (
    all_hidden,
    hidden,
    sign_in,
)


def test_signing_out_ends_the_session_for_whoever_kept_the_cookie(signed_in: Desk) -> None:
    cookies = dict(signed_in.client.cookies)
    token = hidden(signed_in.client.get("/licenses").text, "form_token")
    signed_in.client.post("/logout", data={"form_token": token})
    signed_in.client.cookies.update(cookies)
    assert signed_in.client.get("/licenses").status_code == 303


def test_a_session_ends_by_itself(signed_in: Desk) -> None:
    signed_in.clock.now += 12 * 3600
    assert signed_in.client.get("/licenses").status_code == 303


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(desk: Desk) -> None:
    cookie = sign_in(desk).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie


def test_over_https_no_other_host_can_set_a_cookie_for_this_one(
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


def test_a_signing_in_gives_another_cookie_each_time(desk: Desk) -> None:
    first, second = sign_in(desk), sign_in(desk)
    assert first.cookies["hostseal_session"] != second.cookies["hostseal_session"]
