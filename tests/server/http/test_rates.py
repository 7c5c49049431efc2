"""The rate limit of the API."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from license_core.errors import RateLimitedError
from license_server.app import create_app
from license_server.http.rate_limit import Rates
from tests.support import server
from tests.support.desk import Clock

LIMIT = 6


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(tmp_path: Path, clock: Clock) -> Iterator[TestClient]:
    data = tmp_path / "server"
    server.make(data, now=clock.now)
    app = create_app(server.settings(data, rate=LIMIT), clock=clock, random=os.urandom)
    with TestClient(app) as made:
        made.headers["Authorization"] = (
            f"Bearer {server.new_token(app.state.server.site.database, 'one', clock.now)}"
        )
        yield made


def ask(client: TestClient, **headers: str) -> tuple[int, str, str]:
    reply = client.get("/api/v1/licenses", headers=headers)
    assert reply.headers["ratelimit-policy"] == f'"default";q={LIMIT};w=60'
    return reply.status_code, reply.headers["ratelimit"], reply.headers.get("retry-after", "")


def test_client_over_the_rate_limit_gets_429_and_retry_after(
    client: TestClient, clock: Clock
) -> None:
    seen = [ask(client) for _ in range(LIMIT + 1)]
    assert [status for status, _, _ in seen] == [200] * LIMIT + [429]
    assert [re.findall(r"r=(\d+)", left)[0] for _, left, _ in seen] == list("5432100")
    assert seen[-1][2] == "10"
    clock.now += 9
    assert ask(client)[0] == 429
    clock.now += 1
    assert ask(client)[0] == 200
    assert ask(client)[0] == 429


def test_rate_limit_problem_states_the_limit(client: TestClient) -> None:
    for _ in range(LIMIT):
        ask(client)
    document = client.get("/api/v1/licenses").json()
    assert document["type"] == "/problems/rate-limited"
    assert f"{LIMIT} requests a minute" in document["detail"]


def test_each_token_has_its_own_rate_limit(client: TestClient, clock: Clock) -> None:
    app = client.app
    assert isinstance(app, FastAPI)
    other = server.new_token(app.state.server.site.database, "two", clock.now)
    for _ in range(LIMIT + 1):
        ask(client)
    assert ask(client, Authorization=f"Bearer {other}")[0] == 200


def test_invalid_tokens_count_against_the_address_only(client: TestClient) -> None:
    tokens = [f"Bearer hst_{number:012}_AAAA" for number in range(LIMIT + 1)]
    assert [
        ask(client, Authorization=token, **{"X-Forwarded-For": f"192.0.2.{number}"})[0]
        for number, token in enumerate(tokens)
    ] == [401] * LIMIT + [429]
    assert ask(client)[0] == 200


def test_desk_pages_are_not_rate_limited(client: TestClient) -> None:
    for _ in range(LIMIT + 2):
        reply = client.get("/login")
        assert (reply.status_code, "ratelimit" in reply.headers) == (200, False)


def test_rate_limit_refills_to_its_maximum() -> None:
    rates = Rates(3)
    assert [rates.take("a", 100).remaining for _ in range(3)] == [2, 1, 0]
    assert rates.take("a", 10_000) == (3, 2, 20)
    assert rates.take("a", 9_000).remaining == 1  # a clock that goes back gives nothing


def test_clock_that_was_ahead_locks_nobody_out() -> None:
    rates, ahead = Rates(60), 400 * 86400
    for _ in range(60):
        rates.take("a", ahead)
    with pytest.raises(RateLimitedError):
        rates.take("a", 1_000)
    assert rates.take("a", 1_001).remaining == 0
    assert rates.take("a", 1_060).remaining == 58


def test_number_of_rate_limit_buckets_is_bounded() -> None:
    rates = Rates(2)
    for number in range(30_000):
        rates.take(f"address:{number}", 100)
    assert len(rates._buckets) <= 10_000
    rates.take("one", 100)
    rates.take("one", 100)
    with pytest.raises(RateLimitedError):
        rates.take("one", 100)
