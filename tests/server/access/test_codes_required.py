"""Roles that need one-time codes: who has none opens their own account, and nothing else."""

import os
from collections.abc import Iterator

import pyotp
import pytest
from sqlalchemy import Connection

from license_core.errors import LicenseError
from license_server.access import accounts, passwords, sessions
from license_server.actor import COMMAND
from license_server.settings import ServerSettings
from license_server.web.session import SESSION
from tests.support.desk import Desk
from tests.support.pages import sign_in
from tests.support.routes import ANYONE, PORTAL, ROWS, SIGNED_IN
from tests.support.second_factor import HASHED, PASSWORD, act, add, enrol


@pytest.fixture
def strict(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A server whose readers need codes."""
    settings = desk.site.settings.model_copy(update={"codes_required": frozenset({"reader"})})
    state = desk.client.app.state.server  # type: ignore[attr-defined]
    monkeypatch.setattr(state, "site", state.site._replace(settings=settings))
    yield desk


def test_who_has_no_codes_opens_nothing_but_their_account(strict: Desk) -> None:
    sign_in(strict, PASSWORD, add(strict))
    for path in ("/", "/licenses", "/keys", "/customers"):
        reply = strict.client.get(path)
        assert (reply.status_code, reply.headers.get("location")) == (303, "/account"), path
    page = strict.client.get("/account")
    assert page.status_code == 200
    assert "Your role requires one-time codes." in page.text
    sent = strict.client.post("/licenses/preview", data={"form_token": "x"})
    assert sent.status_code == 403


def test_every_page_but_the_account_stays_closed_until_codes_are_set_up(strict: Desk) -> None:
    sign_in(strict, PASSWORD, add(strict))
    pages = [row for row in ROWS if row.startswith("GET /") and "/api/" not in row]
    for row in pages:
        path = row.split()[1]
        if "{" in path or ROWS[row] in (SIGNED_IN, ANYONE, PORTAL):
            continue
        reply = strict.client.get(path)
        assert reply.headers.get("location") == "/account", row


def test_who_sets_codes_up_goes_on_at_once_and_cannot_turn_them_off(strict: Desk) -> None:
    _, seed, sealed = enrol(strict)
    code = pyotp.TOTP(seed).at(strict.clock.now)
    assert act(strict, "/codes/confirm", sealed=sealed, code=code).status_code == 200
    assert strict.client.get("/licenses").status_code == 200
    page = strict.client.get("/account").text
    assert "Turn off one-time codes" not in page
    strict.clock.now += 60
    code = pyotp.TOTP(seed).at(strict.clock.now)
    refused = act(strict, "/codes/end", current=PASSWORD, code=code)
    assert (refused.status_code, "One-time codes are required" in refused.text) == (403, True)
    assert strict.client.get("/licenses").status_code == 200


@pytest.mark.parametrize(
    ("role", "hashed"), [("issuer", HASHED), ("reader", passwords.NONE)], ids=["role", "provider"]
)
def test_other_roles_and_those_whom_a_provider_signs_in_go_on_without_codes(
    strict: Desk, role: str, hashed: str
) -> None:
    now, random = strict.clock.now, os.urandom
    email = f"{role}{now}@example.com"

    def signed_in(connection: Connection) -> str:
        user = accounts.insert(connection, email, hashed, role, COMMAND, now)
        return sessions.open_session(connection, user, now, 1, random, "192.0.2.1").secret

    strict.client.cookies.set(SESSION, strict.site.database.write(signed_in))
    assert strict.client.get("/licenses").status_code == 200


@pytest.mark.parametrize(
    ("typed", "roles"),
    [
        ("administrator, issuer", {"administrator", "issuer"}),
        ("reader", {"reader"}),
        ("", set()),
    ],
)
def test_setting_names_roles(monkeypatch: pytest.MonkeyPatch, typed: str, roles: set[str]) -> None:
    monkeypatch.setenv("LICENSE_SERVER_CODES_REQUIRED", typed)
    assert ServerSettings.read().codes_required == roles


def test_setting_that_names_no_role_says_which_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LICENSE_SERVER_CODES_REQUIRED", "admin")
    with pytest.raises(LicenseError) as refused:
        ServerSettings.read()
    assert "'admin' is not a role; the roles are administrator" in refused.value.sentence
