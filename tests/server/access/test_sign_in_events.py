"""Failed sign-ins and locks are in the audit log and the server's log, and a flood is bounded."""

import json
from typing import Any

from structlog.testing import capture_logs

from license_server.access import access_store, login, sign_in_events
from license_server.access.login import Attempt
from license_server.audit import audit_store
from license_server.audit.audit_store import Event, EventFilter
from tests.support.desk import Desk
from tests.support.desk_user import DeskUser
from tests.support.pages import hidden
from tests.support.server import EMAIL, PASSWORD

ADDRESS = "testclient"


def events(desk: Desk, **wanted: Any) -> list[Event]:
    """The newest events of this hour, after all that waits to be written."""
    desk.site.database.write(lambda _: None)
    asked = EventFilter(since=desk.clock.now - 60, **wanted)
    with desk.site.database.reading() as connection:
        return audit_store.events(connection, asked, before=None, limit=100)


def details(event: Event) -> dict[str, Any]:
    return dict(json.loads(event.details))


def try_(desk: Desk, email: str, password: str) -> Any:
    page = desk.client.get("/login").text
    fields = {"email": email, "password": password, "form_token": hidden(page, "form_token")}
    return desk.client.post("/login", data=fields)


def test_failed_sign_in_is_told_with_account_address_and_slug(desk: Desk) -> None:
    with capture_logs() as logged:
        assert try_(desk, EMAIL, "a wrong password").status_code == 401
    (event,) = events(desk, subject=EMAIL)
    assert (event.action, event.actor, event.address) == ("sign-in.failed", "nobody", ADDRESS)
    assert details(event) == {"slug": "not-authenticated", "failures": 1}
    (line,) = [one for one in logged if one["event"] == "sign-in failed"]
    told = {"account": EMAIL, "address": ADDRESS, "slug": "not-authenticated"}
    assert told.items() <= line.items()


def test_password_typed_as_an_account_is_nowhere(desk: Desk) -> None:
    typed = f"hunter2 {desk.clock.now}"
    with capture_logs() as logged:
        try_(desk, typed, "x")
    assert all(typed not in json.dumps(one, default=str) for one in logged)
    (event,) = events(desk, kind="sign-ins")
    assert event.subject == "unknown account"
    assert typed not in event.details


def test_successful_sign_in_says_how_often_it_failed_before(desk: Desk) -> None:
    for _ in range(2):
        try_(desk, EMAIL, "a wrong password")
    with capture_logs() as logged:
        assert try_(desk, EMAIL, PASSWORD).status_code == 303
    (event, *_) = events(desk, action="session.opened")
    assert (event.address, details(event)) == (ADDRESS, {"failures": 2})
    assert {"event": "signed in", "account": EMAIL, "address": ADDRESS} in [
        {name: one.get(name) for name in ("event", "account", "address")} for one in logged
    ]


def test_what_was_locked_is_told_with_the_seconds(desk: Desk) -> None:
    user = DeskUser(desk)
    for _ in range(6):
        reply = try_(desk, user.email, "a wrong password")
    assert reply.status_code == 429
    locked = [one for one in events(desk, subject=user.email) if one.action == "sign-in.locked"]
    assert [details(one) for one in locked] == [{"locked": "pair", "seconds": 2}]


def guess(desk: Desk, email: str, address: str) -> None:
    """Fail to sign in once."""

    def work(connection: Any) -> None:
        user = access_store.user_by_email(connection, email)
        now, slug = desk.clock.now, "not-authenticated"
        attempt = login.count(connection, Attempt.of(email, address), now)
        sign_in_events.failed(connection, attempt, user, address, slug, now)

    desk.site.database.write(work)


def test_a_flood_of_guesses_makes_a_bounded_number_of_events_an_hour(desk: Desk) -> None:
    desk.clock.now += -desk.clock.now % 3600  # an hour of the clock begins
    for number in range(300):
        guess(desk, f"nobody-{number}@example.com", f"198.51.{number // 200}.{number % 200}")
    listed = events(desk, subject=sign_in_events.UNKNOWN)
    assert len(listed) == sign_in_events.MOST_AN_HOUR
    user = DeskUser(desk)
    guess(desk, user.email, "192.0.2.77")
    assert next(one.action for one in events(desk, subject=user.email)) == "sign-in.failed"
    desk.clock.now += 3600
    guess(desk, "nobody@example.com", "203.0.113.1")
    told = [details(one) for one in events(desk, subject=sign_in_events.UNKNOWN)]
    assert {"slug": "not-authenticated", "failures": 1} in told
    (rest,) = [one for one in told if "not_listed" in one]
    assert rest["not_listed"] == 240


def test_failures_are_told_at_the_first_the_tenth_the_hundredth(desk: Desk) -> None:
    user, counts = DeskUser(desk), range(1, 131)
    attempt = Attempt.of(user.email, "192.0.2.78")
    (pair, *_) = attempt.allowances()

    def work(connection: Any) -> None:
        stored = access_store.user_by_email(connection, user.email)
        for count in counts:
            one = attempt._replace(counted={pair: count})
            sign_in_events.failed(
                connection, one, stored, "192.0.2.78", "not-authenticated", desk.clock.now
            )

    desk.site.database.write(work)
    failed = [one for one in events(desk, subject=user.email) if one.action == "sign-in.failed"]
    assert [details(one)["failures"] for one in reversed(failed)] == [1, 10, 100]
