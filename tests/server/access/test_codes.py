"""The second factor: one-time codes, recovery codes, and one's own account at the desk."""

import base64
import os
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from typing import Any, NamedTuple

import pyotp
import pytest
import segno
import sqlalchemy
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from license_core.errors import LicenseError, SignerUnavailableError
from license_server.access import (
    access_store,
    accounts,
    login,
    passwords,
    totp,
)
from license_server.access.totp_seeds import Seeds
from license_server.actor import COMMAND
from license_server.operations import data_folder
from license_server.permissions import PERMISSIONS
from license_server.web.session import SESSION
from tests.support import server
from tests.support.api import bearer
from tests.support.desk import Desk
from tests.support.pages import hidden, sign_in

PASSWORD = "a password of somebody"
HASHED = passwords.hash_(PASSWORD)
RFC_6238 = [  # appendix B, SHA-1; the last six of its eight digits
    (59, "287082"),
    (1111111109, "081804"),
    (1111111111, "050471"),
    (1234567890, "005924"),
    (2000000000, "279037"),
    (20000000000, "353130"),
]
SEED = b"12345678901234567890"


@pytest.mark.parametrize(("instant", "code"), RFC_6238)
def test_the_codes_are_those_of_rfc_6238(instant: int, code: str) -> None:
    assert totp.step_of(SEED, code, instant) == instant // 30


@pytest.mark.parametrize(
    ("offset", "accepted"), [(-60, False), (-30, True), (30, True), (60, False)]
)
def test_a_code_holds_one_step_before_and_after(offset: int, accepted: bool) -> None:
    code = pyotp.TOTP(base64.b32encode(SEED).decode()).at(1_000_000_020)
    assert (totp.step_of(SEED, code, 1_000_000_020 + offset) is not None) is accepted


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "１２３４５６", "28708２"])
def test_what_is_no_code_is_of_no_step(code: str) -> None:
    assert totp.step_of(SEED, code, 59) is None


def test_a_seed_opens_for_its_user_and_under_its_key_only() -> None:
    seeds = Seeds(Ed25519PrivateKey.generate())
    sealed = seeds.seal(7, SEED, os.urandom)
    assert SEED not in sealed
    assert sealed != seeds.seal(7, SEED, os.urandom)
    assert seeds.open(7, sealed) == SEED
    with pytest.raises(SignerUnavailableError):
        seeds.open(8, sealed)
    with pytest.raises(SignerUnavailableError):
        Seeds(Ed25519PrivateKey.generate()).open(7, sealed)
    for changed in (sealed[:-1], b"", sealed[:12], bytes(len(sealed))):
        with pytest.raises(SignerUnavailableError):
            seeds.open(7, changed)


class Person(NamedTuple):
    """Somebody who is asked for codes."""

    desk: Desk
    email: str
    seed: str
    recovery: list[str]

    @property
    def code(self) -> str:
        return pyotp.TOTP(self.seed).at(self.desk.clock.now)

    def give(self, code: str) -> Any:
        token = hidden(self.desk.client.get("/login/code").text, "form_token")
        return self.desk.client.post("/login/code", data={"form_token": token, "code": code})


def add(desk: Desk) -> str:
    email = f"coded-{os.urandom(4).hex()}@example.com"
    desk.site.database.write(
        lambda c: accounts.insert(c, email, HASHED, "reader", COMMAND, desk.clock.now)
    )
    return email


def act(desk: Desk, path: str, **fields: str) -> Any:
    token = hidden(desk.client.get("/account").text, "form_token")
    return desk.client.post(f"/account{path}", data={"form_token": token} | fields)


def enrol(desk: Desk) -> tuple[str, str, str]:
    """The address, the seed and the sealed seed of somebody who sets up codes."""
    email = add(desk)
    assert sign_in(desk, PASSWORD, email).status_code == 303
    page = act(desk, "/codes/new", current=PASSWORD).text
    shown = re.search(r"<pre[^>]*>([A-Z2-7 ]+)</pre>", page)
    assert shown
    seed = shown[1].replace(" ", "")
    assert f"secret={seed}" in unescape(page)
    assert unescape(page).count("otpauth://totp/") == 1
    return email, seed, hidden(page, "sealed")


@pytest.fixture
def person(desk: Desk) -> Person:
    email, seed, sealed = enrol(desk)
    code = pyotp.TOTP(seed).at(desk.clock.now)
    page = act(desk, "/codes/confirm", sealed=sealed, code=code)
    codes = re.findall(r"[A-Z2-7]{4}(?:-[A-Z2-7]{4}){3}", page.text)
    assert (page.status_code, len(codes)) == (200, 10)
    desk.client.cookies.clear()
    desk.clock.now += 30
    return Person(desk, email, seed, codes)


def test_nobody_is_in_before_the_code(person: Person) -> None:
    desk = person.desk
    reply = sign_in(desk, PASSWORD, person.email)
    assert (reply.status_code, reply.headers["location"]) == (303, "/login/code")
    assert SESSION not in desk.client.cookies
    assert desk.client.get("/licenses").status_code == 303
    assert person.give(person.code).headers["location"] == "/"
    assert desk.client.get("/licenses").status_code == 200


def test_the_way_back_survives_the_code(person: Person) -> None:
    desk = person.desk
    token = hidden(desk.client.get("/login").text, "form_token")
    fields = {"form_token": token, "email": person.email, "password": PASSWORD, "next": "/account"}
    reply = desk.client.post("/login", data=fields)
    page = desk.client.get(reply.headers["location"]).text
    fields = {name: hidden(page, name) for name in ("form_token", "next")} | {"code": person.code}
    assert desk.client.post("/login/code", data=fields).headers["location"] == "/account"


def test_a_code_alone_opens_nothing(person: Person) -> None:
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
def test_what_the_browser_keeps_between_the_two_cannot_be_made(
    person: Person, forge: Callable[[str], str]
) -> None:
    desk = person.desk
    sign_in(desk, PASSWORD, person.email)
    kept = desk.client.cookies["hostseal_half"]
    desk.client.cookies.delete("hostseal_half")
    desk.client.cookies.set("hostseal_half", forge(kept))
    assert person.give(person.code).headers["location"] == "/login"


def test_the_code_must_come_soon_after_the_password(person: Person) -> None:
    sign_in(person.desk, PASSWORD, person.email)
    person.desk.clock.now += login.HALF_SECONDS
    assert person.give(person.code).headers["location"] == "/login"


def test_a_password_that_was_changed_meanwhile_ends_what_was_half_done(person: Person) -> None:
    desk = person.desk
    sign_in(desk, PASSWORD, person.email)
    desk.site.database.write(
        lambda c: accounts.set_password(c, person.email, PASSWORD, COMMAND, desk.clock.now)
    )
    assert person.give(person.code).headers["location"] == "/login"


def test_a_code_is_accepted_once(person: Person) -> None:
    desk = person.desk
    for expected in (303, 401):
        desk.client.cookies.clear()
        sign_in(desk, PASSWORD, person.email)
        assert person.give(person.code).status_code == expected


def test_a_code_of_many_at_once_lets_one_in(person: Person) -> None:
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


def test_a_recovery_code_lets_in_once(person: Person) -> None:
    desk, code = person.desk, person.recovery[3]
    for typed, expected in ((code.lower().replace("-", " "), 303), (code, 401)):
        desk.client.cookies.clear()
        sign_in(desk, PASSWORD, person.email)
        assert person.give(typed).status_code == expected


def test_guessing_codes_is_slowed_like_guessing_passwords(person: Person) -> None:
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


def test_a_seed_is_nothing_until_its_code_was_seen(desk: Desk) -> None:
    email, seed, sealed = enrol(desk)
    wrong = f"{(int(pyotp.TOTP(seed).at(desk.clock.now)) + 1) % 10**6:06}"
    reply = act(desk, "/codes/confirm", sealed=sealed, code=wrong)
    assert (reply.status_code, seed[:4] in reply.text) == (422, True)
    desk.client.cookies.clear()
    assert sign_in(desk, PASSWORD, email).headers["location"] == "/"


def test_a_seed_is_shown_as_a_qr_code_and_a_wrong_code_is_told_at_its_field(desk: Desk) -> None:
    email = add(desk)
    sign_in(desk, PASSWORD, email)
    page = act(desk, "/codes/new", current=PASSWORD).text
    address = re.search(r"otpauth://totp/[^<]+", unescape(page))
    assert address
    code = segno.make_qr(address[0], error="m")
    drawn = re.search(r'<path class="qrline" stroke="#000" d="([^"]+)"', page)
    assert drawn
    assert drawn[1] in code.svg_inline(border=4)
    assert "style=" not in page
    reply = act(desk, "/codes/confirm", sealed=hidden(page, "sealed"), code="12")
    told = re.search(r'<span class="fault" id="code-fault">(.*?)</span>', reply.text, re.DOTALL)
    assert told
    assert told[1].strip().endswith("is the clock of your device right?")
    assert 'aria-describedby="code-fault' in reply.text
    assert "<svg" in reply.text


def test_a_seed_that_was_sealed_for_somebody_else_is_refused(desk: Desk) -> None:
    _, seed, sealed = enrol(desk)
    desk.client.cookies.clear()
    enrol(desk)
    code = pyotp.TOTP(seed).at(desk.clock.now)
    reply = act(desk, "/codes/confirm", sealed=sealed, code=code)
    assert (reply.status_code, "recovery" in reply.text.lower()) == (422, False)


def test_the_database_holds_no_seed_and_no_recovery_code_in_the_clear(person: Person) -> None:
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


def enter(person: Person) -> None:
    sign_in(person.desk, PASSWORD, person.email)
    assert person.give(person.code).status_code == 303
    person.desk.clock.now += 30


def test_both_factors_are_needed_to_give_one_up(person: Person) -> None:
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


def test_new_recovery_codes_replace_the_former(person: Person) -> None:
    enter(person)
    desk = person.desk
    page = act(desk, "/recovery-codes", current=PASSWORD, code=person.code).text
    fresh = re.findall(r"[A-Z2-7]{4}(?:-[A-Z2-7]{4}){3}", page)
    assert len(set(fresh) - set(person.recovery)) == 10
    for code, expected in ((person.recovery[0], 401), (fresh[0], 303)):
        desk.client.cookies.clear()
        sign_in(desk, PASSWORD, person.email)
        assert person.give(code).status_code == expected


def test_who_lost_everything_is_let_in_by_an_administrator(person: Person) -> None:
    desk = person.desk
    with desk.site.database.reading() as connection:
        user = access_store.user_by_email(connection, person.email)
    assert user is not None
    path = f"/api/v1/users/{user.id}/end-codes"
    headers = bearer(desk, *PERMISSIONS)
    assert desk.client.post(path, headers=headers).json()["totp"] is False
    assert sign_in(desk, PASSWORD, person.email).headers["location"] == "/"


def test_a_session_is_another_after_signing_in_and_the_former_is_over(desk: Desk) -> None:
    email = add(desk)
    sign_in(desk, PASSWORD, email)
    former = desk.client.cookies[SESSION]
    sign_in(desk, PASSWORD, email)
    assert desk.client.cookies[SESSION] != former
    desk.client.cookies.clear()
    desk.client.cookies.set(SESSION, former)
    assert desk.client.get("/licenses").status_code == 303


def test_a_session_that_somebody_else_planted_is_not_opened(desk: Desk) -> None:
    email = add(desk)
    desk.client.cookies.set(SESSION, "planted")
    sign_in(desk, PASSWORD, email)
    assert desk.client.get("/licenses").status_code == 200
    desk.client.cookies.clear()
    desk.client.cookies.set(SESSION, "planted")
    assert desk.client.get("/licenses").status_code == 303


def test_where_one_is_signed_in_is_listed_and_ended(desk: Desk) -> None:
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


def test_nobody_ends_a_session_of_somebody_else(desk: Desk) -> None:
    sign_in(desk, PASSWORD, add(desk))
    other = hidden(desk.client.get("/account").text, "session")
    desk.client.cookies.clear()
    sign_in(desk, PASSWORD, add(desk))
    assert act(desk, "/sessions/end", session=other).status_code == 404


def test_another_password_signs_out_everywhere_else(desk: Desk) -> None:
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


def test_upgrade_makes_the_key_of_the_seeds_where_it_is_missing(data: Any) -> None:
    made = server.settings(data)
    before = made.seeds_key.read_bytes()
    names = {path.name for path in made.seeds_key.parent.iterdir()}
    data_folder.ensure_seeds_key(made, os.urandom)
    assert made.seeds_key.read_bytes() == before
    made.seeds_key.unlink()
    data_folder.ensure_seeds_key(made, os.urandom)
    assert data_folder.open_seeds(made)
    assert made.seeds_key.stat().st_mode & 0o777 == 0o600
    assert {path.name for path in made.seeds_key.parent.iterdir()} == names
