"""Sign-in is throttled for guessers, and nobody else is held up."""

import threading
from concurrent.futures import ThreadPoolExecutor, wait

import pytest
from anyio.to_thread import current_default_thread_limiter

from license_server.access import login, passwords
from license_server.access.errors import TooManyAttemptsError
from license_server.access.login import Attempt
from tests.support.desk import Desk
from tests.support.pages import hidden, sign_in
from tests.support.server import EMAIL

GUESSES = 16


def guess(desk: Desk, email: str, address: str) -> None:
    """One wrong attempt, counted and not yet judged."""
    attempt = Attempt.of(email, address)
    now = desk.clock.now
    desk.site.database.writer.submit(
        lambda connection: login.count(connection, attempt, now)
    ).result()


def guess_from_everywhere(desk: Desk, email: str) -> None:
    with pytest.raises(TooManyAttemptsError):
        for number in range(200):
            guess(desk, email, f"192.0.2.{number}")


def test_guessing_strangers_do_not_lock_out_a_known_browser(desk: Desk) -> None:
    assert sign_in(desk).status_code == 303
    guess_from_everywhere(desk, EMAIL)
    assert sign_in(desk).status_code == 303
    desk.client.cookies.clear()  # another browser
    assert sign_in(desk).status_code == 429


def test_known_browser_is_limited_too(desk: Desk) -> None:
    assert sign_in(desk).status_code == 303
    assert [sign_in(desk, "wrong").status_code for _ in range(6)] == [401] * 5 + [429]


def test_known_browser_counts_only_for_its_own_account(desk: Desk) -> None:
    assert sign_in(desk).status_code == 303
    guess_from_everywhere(desk, "other@example.com")
    assert sign_in(desk, "wrong", "other@example.com").status_code == 429


@pytest.mark.parametrize("cookie", ["", "x", "x.y", "a" * 22 + "." + "b" * 43, "é.é", "..."])
def test_forged_browser_cookie_gains_nothing(desk: Desk, cookie: str) -> None:
    guess_from_everywhere(desk, EMAIL)
    token = hidden(desk.client.get("/login").text, "form_token")
    form = desk.client.cookies["hostseal_form"]
    desk.client.cookies.clear()
    reply = desk.client.post(
        "/login",
        data={"form_token": token, "email": EMAIL, "password": "wrong"},
        headers={b"cookie": f"hostseal_form={form}; hostseal_browser={cookie}".encode("latin-1")},
    )
    assert reply.status_code == 429


def test_throttled_sign_in_sends_retry_after(desk: Desk) -> None:
    email = "guessed-again@example.com"
    replies = [sign_in(desk, "wrong", email) for _ in range(6)]
    assert replies[-1].status_code == 429
    assert int(replies[-1].headers["retry-after"]) > 0


def test_ipv6_network_counts_as_one_address() -> None:
    one = Attempt.of("a@example.com", "2001:db8:1:2::1")
    assert one == Attempt.of("a@example.com", "2001:db8:1:2:ffff::9")
    assert one != Attempt.of("a@example.com", "2001:db8:1:3::1")
    mapped = Attempt.of("a@example.com", "::ffff:192.0.2.7")
    assert mapped == Attempt.of("a@example.com", "192.0.2.7")
    assert mapped != Attempt.of("a@example.com", "192.0.2.8")
    assert Attempt.of("a@example.com", "testclient").address == "testclient"


def test_flood_of_guesses_does_not_block_other_requests(desk: Desk) -> None:
    assert desk.client.portal is not None
    threads = desk.client.portal.call(current_default_thread_limiter)
    former, threads.total_tokens = threads.total_tokens, GUESSES // 2
    go_on = threading.Event()
    busy = [passwords.WORKERS.submit(go_on.wait) for _ in range(8)]
    token = hidden(desk.client.get("/login").text, "form_token")
    with ThreadPoolExecutor(GUESSES) as strangers:
        try:
            guesses = []
            for number in range(GUESSES):
                fields = {"form_token": token, "email": f"{number}@flood", "password": "wrong"}
                guesses.append(strangers.submit(desk.client.post, "/login", data=fields))
            while desk.count("attempts where subject like 'account:%@flood'") < GUESSES:
                assert not any(guess.done() for guess in guesses)
            # Every guess was counted and none can be judged, and yet the server answers.
            with ThreadPoolExecutor(1) as reader:
                url = "/api/v1/licenses"
                reply = reader.submit(desk.client.get, url, headers=desk.bearer).result(120)
            assert reply.status_code == 200
            assert not wait(guesses, timeout=1).done
        finally:
            go_on.set()
            threads.total_tokens = former
    assert all(waited.result() for waited in busy)
