"""Password guesses stay under the stated limit, and nobody learns who has an account.

The limit (docs/PEOPLE.md): of passwords that are looked at within any hour there are at most 40
from one address, and at most 120 at one account from wherever.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from argon2.exceptions import VerifyMismatchError

from license_core.errors import LicenseError
from license_server.access import access_store, login, passwords
from license_server.access.login import Attempt
from tests.support.desk import Desk
from tests.support.pages import hidden, sign_in
from tests.support.server import EMAIL

SECONDS, HOUR = 10_000, 3600
"""For how long somebody guesses."""
EACH = [20, pytest.param(1, marks=pytest.mark.torture)]
"""Seconds from one guess to the next: far fewer than from one that is looked at to the next."""
FROM_ONE_ADDRESS, AT_ONE_ACCOUNT = 40, 120


class Hasher:
    """In place of argon2, at its edge: it counts how often it is asked."""

    memory_cost, time_cost, parallelism = 8, 1, 1

    def __init__(self) -> None:
        self.asked = 0

    def verify(self, hashed: str, password: bytes) -> bool:
        assert hashed.startswith("$argon2id$")
        assert password
        self.asked += 1
        raise VerifyMismatchError


@pytest.fixture
def hasher(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hasher]:
    made = Hasher()
    monkeypatch.setattr(passwords, "HASHER", made)
    yield made


def judged_hours(desk: Desk, hasher: Hasher, email: str, addresses: int, each: int) -> Counter[int]:
    """How many of the guesses were looked at: in the hour that ends with each."""
    began = desk.clock.now
    looked_at: list[int] = []

    def guess(connection: Any) -> None:
        for number, now in enumerate(range(began, began + SECONDS, each)):
            attempt = Attempt.of(email, f"198.51.100.{number % addresses}")
            before = hasher.asked
            try:
                login.count(connection, attempt, now)
                login.judge(None, f"guess {number}")
            except LicenseError:
                pass
            looked_at.extend([now] * (hasher.asked - before))

    desk.site.database.write(guess)
    desk.clock.now += SECONDS
    assert looked_at
    return Counter({end: sum(end - HOUR < at <= end for at in looked_at) for end in looked_at})


@pytest.mark.parametrize("each", EACH)
@pytest.mark.parametrize("addresses", [1, 100])
def test_guesses_at_one_account_stay_under_the_hourly_limit(
    desk: Desk, hasher: Hasher, addresses: int, each: int
) -> None:
    email = f"guessed-{addresses}-{desk.clock.now}@example.com"
    hours = judged_hours(desk, hasher, email, addresses, each)
    most = max(hours.values())
    assert 5 <= most <= (FROM_ONE_ADDRESS if addresses == 1 else AT_ONE_ACCOUNT)


@pytest.mark.parametrize("each", EACH)
def test_guesses_from_one_address_stay_under_the_hourly_limit(
    desk: Desk, hasher: Hasher, each: int
) -> None:
    began, looked_at = desk.clock.now, []

    def guess(connection: Any) -> None:
        for number, now in enumerate(range(began, began + SECONDS, each)):
            try:
                login.count(connection, Attempt.of(f"{number}@x", "203.0.113.9"), now)
                looked_at.append(now)
            except LicenseError:
                pass

    desk.site.database.write(guess)
    desk.clock.now += SECONDS
    most = max(sum(end - HOUR < at <= end for at in looked_at) for end in looked_at)
    assert 20 <= most <= FROM_ONE_ADDRESS


def test_good_sign_ins_from_one_address_never_lock_it(desk: Desk) -> None:
    def office(connection: Any) -> tuple[int, int] | None:
        failed = login.count(connection, Attempt.of("0@office", "198.51.100.200"), desk.clock.now)
        for number in range(100):
            desk.clock.now += 1
            attempt = Attempt.of(f"{number}@office", "198.51.100.200")
            login.succeeded(connection, login.count(connection, attempt, desk.clock.now))
        return access_store.failures(connection, failed.of_address)

    began = desk.clock.now
    assert desk.site.database.write(office) == (1, began)


def test_a_good_sign_in_takes_back_no_failure_of_another(desk: Desk) -> None:
    def office(connection: Any) -> tuple[int, int] | None:
        good = login.count(connection, Attempt.of("1@both", "198.51.100.201"), desk.clock.now)
        desk.clock.now += 7
        login.count(connection, Attempt.of("2@both", "198.51.100.201"), desk.clock.now)
        login.succeeded(connection, good)
        return access_store.failures(connection, good.of_address)

    assert desk.site.database.write(office) == (1, desk.clock.now)


def test_spoofed_forwarding_headers_gain_no_extra_guesses(desk: Desk, hasher: Hasher) -> None:
    desk.client.get("/login")
    token = hidden(desk.client.get("/login").text, "form_token")
    email = f"spoofed-{desk.clock.now}@example.com"
    replies = []
    for number in range(30):
        claimed = f"203.0.113.{number}"
        headers = {"X-Forwarded-For": claimed, "Forwarded": f"for={claimed}", "X-Real-IP": claimed}
        fields = {"form_token": token, "email": email, "password": "wrong"}
        replies.append(desk.client.post("/login", data=fields, headers=headers).status_code)
    assert replies == [401] * 5 + [429] * 25
    assert hasher.asked == 5


def test_account_owner_signs_in_from_a_known_browser_during_an_attack(desk: Desk) -> None:
    assert sign_in(desk).status_code == 303
    desk.client.cookies.delete("hostseal_session")

    def guess(connection: Any) -> None:
        for number in range(1_000):
            try:
                attempt = Attempt.of(EMAIL, f"198.51.100.{number % 100}")
                login.count(connection, attempt, desk.clock.now)
            except LicenseError:
                pass

    desk.site.database.write(guess)
    assert sign_in(desk).status_code == 303
    desk.client.cookies.clear()
    assert sign_in(desk).status_code == 429


def test_known_and_unknown_accounts_get_the_same_work_and_reply(desk: Desk, hasher: Hasher) -> None:
    mark = desk.clock.now
    seen = {}
    for email in (EMAIL, f"nobody-{mark}@example.com"):
        desk.clock.now += 2 * HOUR
        desk.client.cookies.clear()
        before = hasher.asked
        reply = sign_in(desk, "wrong", email)
        page = reply.text.replace(email, "EMAIL")
        page = page.replace(hidden(page, "form_token"), "TOKEN")
        seen[email] = (hasher.asked - before, reply.status_code, page)
    known, unknown = seen.values()
    assert known == unknown
    assert known[0] == 1
