"""Signatures as Standard Webhooks has them, and the schedule of attempts."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from license_server.webhooks import schedule, signature

# The example of the specification's reference implementations.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE, INSTANT = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330
BODY = b'{"test": 2432232314}'
SIGNED = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_example_of_the_scheme_is_signed_as_it_says() -> None:
    assert signature.headers([SECRET], MESSAGE, INSTANT, BODY) == {
        "webhook-id": MESSAGE,
        "webhook-timestamp": str(INSTANT),
        "webhook-signature": SIGNED,
    }


def test_published_package_verifies_and_refuses_what_was_changed() -> None:
    now = int(datetime.now(UTC).timestamp())
    secret, former = signature.new_secret(lambda n: b"7" * n), SECRET
    headers = signature.headers([secret, former], MESSAGE, now, BODY)
    for one in (secret, former):
        assert Webhook(one).verify(BODY, headers) == {"test": 2432232314}
    with pytest.raises(Exception, match="No matching signature"):
        Webhook(secret).verify(BODY + b" ", headers)


@given(st.floats(0, 1), st.integers(0, 10**6))
def test_delays_grow_to_hours_and_end_after_three_days(spread: float, asked: int) -> None:
    now = 1_795_000_000
    for tries, delay in enumerate(schedule.DELAYS, 1):
        again = schedule.next_try(tries, now, spread)
        assert again is not None
        assert 0.8 * delay - 1 <= again - now <= 1.2 * delay + 1
        patient = schedule.next_try(tries, now, spread, asked)
        assert patient is not None
        assert again <= patient <= max(again, now + 6 * 3600)
    assert schedule.next_try(len(schedule.DELAYS) + 1, now, spread) is None
    assert 2.5 < schedule.SPAN / 86400 < 3.5
