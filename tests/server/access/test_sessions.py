"""Sessions: new at each sign-in, listed, and ended."""

from license_server.web.session import SESSION
from tests.support.desk import Desk
from tests.support.pages import hidden, sign_in
from tests.support.second_factor import PASSWORD, act, add


def test_signing_in_again_replaces_the_session(desk: Desk) -> None:
    email = add(desk)
    sign_in(desk, PASSWORD, email)
    former = desk.client.cookies[SESSION]
    sign_in(desk, PASSWORD, email)
    assert desk.client.cookies[SESSION] != former
    desk.client.cookies.clear()
    desk.client.cookies.set(SESSION, former)
    assert desk.client.get("/licenses").status_code == 303


def test_planted_session_cookie_is_not_adopted(desk: Desk) -> None:
    email = add(desk)
    desk.client.cookies.set(SESSION, "planted")
    sign_in(desk, PASSWORD, email)
    assert desk.client.get("/licenses").status_code == 200
    desk.client.cookies.clear()
    desk.client.cookies.set(SESSION, "planted")
    assert desk.client.get("/licenses").status_code == 303


def test_account_page_lists_sessions_and_ends_them(desk: Desk) -> None:
    email = add(desk)
    desk.client.headers["user-agent"] = "Browser <b>one</b>"
    try:
        sign_in(desk, PASSWORD, email)
    finally:
        del desk.client.headers["user-agent"]
    first = desk.client.cookies[SESSION]
    desk.client.cookies.clear()
    sign_in(desk, PASSWORD, email)
    page = desk.client.get("/account").text
    assert "Browser &lt;b&gt;one&lt;/b&gt;" in page
    assert "testclient" in page
    rows = [row for row in page.split("<tr>") if "&lt;b&gt;one" in row]
    assert act(desk, "/sessions/end", session=hidden(rows[0], "session")).status_code == 303
    assert desk.client.get("/account").status_code == 200
    desk.client.cookies.clear()
    desk.client.cookies.set(SESSION, first)
    assert desk.client.get("/account").status_code == 303


def test_user_cannot_end_another_users_session(desk: Desk) -> None:
    sign_in(desk, PASSWORD, add(desk))
    other = hidden(desk.client.get("/account").text, "session")
    desk.client.cookies.clear()
    sign_in(desk, PASSWORD, add(desk))
    assert act(desk, "/sessions/end", session=other).status_code == 404


def test_password_change_ends_all_other_sessions(desk: Desk) -> None:
    email = add(desk)
    sign_in(desk, PASSWORD, email)
    elsewhere = desk.client.cookies[SESSION]
    desk.client.cookies.clear()
    sign_in(desk, PASSWORD, email)
    new = {"password": "another password", "again": "another password"}
    assert act(desk, "/password", current="wrong", **new).status_code == 422
    assert act(desk, "/password", current=PASSWORD, **(new | {"again": "x"})).status_code == 422
    assert act(desk, "/password", current=PASSWORD, **new).status_code == 303
    assert desk.client.get("/account").status_code == 200
    desk.client.cookies.clear()
    desk.client.cookies.set(SESSION, elsewhere)
    assert desk.client.get("/account").status_code == 303
    desk.client.cookies.clear()
    assert sign_in(desk, PASSWORD, email).status_code == 401
    assert sign_in(desk, "another password", email).status_code == 303
