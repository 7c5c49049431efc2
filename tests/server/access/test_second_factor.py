"""Signing in with a password and a one-time code or recovery code."""

import base64
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pyotp
import pytest
import sqlalchemy

from license_core.errors import LicenseError
from license_server.access import (
    access_store,
    accounts,
    login,
    totp,
)
from license_server.actor import COMMAND
from license_server.operations import data_folder
from license_server.permissions import PERMISSIONS
from license_server.web.session import SESSION
from tests.support.api import bearer
from tests.support.desk import Desk
from tests.support.pages import hidden, sign_in
from tests.support.second_factor import PASSWORD, CodeUser, act, enrol


@pytest.fixture
def person(desk: Desk) -> CodeUser:
    email, seed, sealed = enrol(desk)
    code = pyotp.TOTP(seed).at(desk.clock.now)
    page = act(desk, "/codes/confirm", sealed=sealed, code=code)
    codes = re.findall(r"[A-Z2-7]{4}(?:-[A-Z2-7]{4}){3}", page.text)
    assert (page.status_code, len(codes)) == (200, 10)
    desk.client.cookies.clear()
    desk.clock.now += 30
    return CodeUser(desk, email, seed, codes)


def test_password_alone_opens_no_session(person: CodeUser) -> None:
    desk = person.desk
    reply = sign_in(desk, PASSWORD, person.email)
    assert (reply.status_code, reply.headers["location"]) == (303, "/login/code")
    assert SESSION not in desk.client.cookies
    assert desk.client.get("/licenses").status_code == 303
    assert person.give(person.code).headers["location"] == "/"
    assert desk.client.get("/licenses").status_code == 200


def test_return_address_survives_the_code_page(person: CodeUser) -> None:
    desk = person.desk
    token = hidden(desk.client.get("/login").text, "form_token")
    fields = {"form_token": token, "email": person.email, "password": PASSWORD, "next": "/account"}
    reply = desk.client.post("/login", data=fields)
    page = desk.client.get(reply.headers["location"]).text
    fields = {name: hidden(page, name) for name in ("form_token", "next")} | {"code": person.code}
    assert desk.client.post("/login/code", data=fields).headers["location"] == "/account"


def test_one_time_code_alone_opens_no_session(person: CodeUser) -> None:
    assert person.give(person.code).headers["location"] == "/login"
    assert SESSION not in person.desk.client.cookies


@pytest.mark.parametrize(
    "forge",
    [
        lambda _: "",
        lambda kept: kept[:-1],
        lambda kept: "9" + kept,
        lambda kept: kept.replace(".", ".9", 1),
        lambda _: "...",
        lambda _: "1.99999999999.x.y",
    ],
)
def test_forged_half_sign_in_cookie_is_rejected(
    person: CodeUser, forge: Callable[[str], str]
) -> None:
    desk = person.desk
    sign_in(desk, PASSWORD, person.email)
    kept = desk.client.cookies["hostseal_half"]
    desk.client.cookies.delete("hostseal_half")
    desk.client.cookies.set("hostseal_half", forge(kept))
    assert person.give(person.code).headers["location"] == "/login"


def test_code_too_long_after_the_password_is_rejected(person: CodeUser) -> None:
    sign_in(person.desk, PASSWORD, person.email)
    person.desk.clock.now += login.HALF_SECONDS
    assert person.give(person.code).headers["location"] == "/login"


def test_password_change_cancels_a_half_finished_sign_in(person: CodeUser) -> None:
    desk = person.desk
    sign_in(desk, PASSWORD, person.email)
    desk.site.database.write(
        lambda c: accounts.set_password(c, person.email, PASSWORD, COMMAND, desk.clock.now)
    )
    assert person.give(person.code).headers["location"] == "/login"


def test_one_time_code_is_accepted_only_once(person: CodeUser) -> None:
    desk = person.desk
    for expected in (303, 401):
        desk.client.cookies.clear()
        sign_in(desk, PASSWORD, person.email)
        assert person.give(person.code).status_code == expected


def test_concurrent_uses_of_one_code_succeed_once(person: CodeUser) -> None:
    desk = person.desk
    seeds = data_folder.open_seeds(desk.settings)
    code = person.code

    def accept(_: int) -> bool:
        def work(connection: sqlalchemy.Connection) -> None:
            user = accounts.find(connection, person.email)
            totp.accept(connection, user, code, seeds, desk.clock.now, COMMAND)

        try:
            desk.site.database.write(work)
        except LicenseError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(accept, range(8))) == 1


def test_recovery_code_works_only_once(person: CodeUser) -> None:
    desk, code = person.desk, person.recovery[3]
    for typed, expected in ((code.lower().replace("-", " "), 303), (code, 401)):
        desk.client.cookies.clear()
        sign_in(desk, PASSWORD, person.email)
        assert person.give(typed).status_code == expected


def test_code_guesses_are_throttled_like_password_guesses(person: CodeUser) -> None:
    desk = person.desk
    sign_in(desk, PASSWORD, person.email)
    wrong = f"{(int(person.code) + 1) % 10**6:06}"
    assert [person.give(wrong).status_code for _ in range(6)] == [401] * 5 + [429]
    # A right password does not give more guesses.
    desk.client.cookies.clear()
    assert sign_in(desk, PASSWORD, person.email).status_code == 303
    assert person.give(wrong).status_code == 429
    desk.clock.now += login.LONGEST_WAIT
    sign_in(desk, PASSWORD, person.email)
    assert person.give(person.code).status_code == 303


def test_database_contains_no_plaintext_seed_or_recovery_code(person: CodeUser) -> None:
    raw = base64.b32decode(person.seed)
    with person.desk.site.database.reading() as connection:
        for table in ("users", "recovery_codes", "audit_events"):
            rows = connection.execute(sqlalchemy.text(f"select * from {table}")).all()
            stored = b"\n".join(
                bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
                for row in rows
                for value in row
            )
            secrets = (raw, person.seed.encode(), person.recovery[0].replace("-", "").encode())
            assert not any(secret in stored for secret in secrets), table


def enter(person: CodeUser) -> None:
    sign_in(person.desk, PASSWORD, person.email)
    assert person.give(person.code).status_code == 303
    person.desk.clock.now += 30


def test_removing_the_authenticator_needs_password_and_code(person: CodeUser) -> None:
    enter(person)
    desk = person.desk
    for fields in (
        {"current": PASSWORD, "code": "000000"},
        {"current": "wrong", "code": person.code},
    ):
        assert act(desk, "/codes/end", **fields).status_code == 422
    assert act(desk, "/codes/end", current=PASSWORD, code=person.code).status_code == 303
    desk.client.cookies.clear()
    assert sign_in(desk, PASSWORD, person.email).headers["location"] == "/"


def test_changing_the_password_needs_a_code_where_codes_are_on(person: CodeUser) -> None:
    enter(person)
    desk = person.desk
    new = {"current": PASSWORD, "password": "another password", "again": "another password"}
    assert 'id="password-code"' in desk.client.get("/account").text
    for fields in (new, new | {"code": "000000"}, new | {"code": person.code, "current": "wrong"}):
        assert act(desk, "/password", **fields).status_code == 422
    assert act(desk, "/password", **new, code=person.code).status_code == 303
    desk.client.cookies.clear()
    assert sign_in(desk, PASSWORD, person.email).status_code == 401
    assert sign_in(desk, "another password", person.email).headers["location"] == "/login/code"


def test_code_guesses_at_the_password_form_are_throttled(person: CodeUser) -> None:
    enter(person)
    desk = person.desk
    wrong = f"{(int(person.code) + 1) % 10**6:06}"
    new = {"current": PASSWORD, "password": "another password", "again": "another password"}
    seen = [act(desk, "/password", **new, code=wrong).status_code for _ in range(6)]
    assert seen == [422] * 5 + [429]


def test_new_recovery_codes_replace_the_former_ones(person: CodeUser) -> None:
    enter(person)
    desk = person.desk
    page = act(desk, "/recovery-codes", current=PASSWORD, code=person.code).text
    fresh = re.findall(r"[A-Z2-7]{4}(?:-[A-Z2-7]{4}){3}", page)
    assert len(set(fresh) - set(person.recovery)) == 10
    for code, expected in ((person.recovery[0], 401), (fresh[0], 303)):
        desk.client.cookies.clear()
        sign_in(desk, PASSWORD, person.email)
        assert person.give(code).status_code == expected


def test_administrator_can_remove_a_users_authenticator(person: CodeUser) -> None:
    desk = person.desk
    with desk.site.database.reading() as connection:
        user = access_store.user_by_email(connection, person.email)
    assert user is not None
    path = f"/api/v1/users/{user.id}/end-codes"
    headers = bearer(desk, *PERMISSIONS)
    assert desk.client.post(path, headers=headers).json()["totp"] is False
    assert sign_in(desk, PASSWORD, person.email).headers["location"] == "/"
