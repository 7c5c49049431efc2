"""``/api/v1/webhooks``: keys, ETags, secrets shown once, and who may not."""

from collections.abc import Iterator
from typing import Any

import pytest

from license_server.access.tokens import Grant
from license_server.actor import COMMAND
from license_server.permissions import PERMISSIONS
from license_server.webhooks import endpoints, webhook_store
from tests.support import server
from tests.support.desk import Desk, unique

ROOM = "/api/v1/webhooks"


@pytest.fixture(autouse=True)
def quiet(desk: Desk) -> Iterator[None]:
    """Nothing is sent any more once a test is over: the desk is that of other tests, too."""
    yield
    write, now = desk.site.database.write, desk.clock.now
    for one in desk.site.database.read(webhook_store.listed):
        write(lambda c, id_=one.id: endpoints.remove(c, id_, COMMAND, now))  # type: ignore[misc]


def caller(desk: Desk) -> dict[str, str]:
    grant = Grant(frozenset(PERMISSIONS))
    token = server.new_token(desk.site.database, unique(desk, "hooks"), desk.clock.now, grant)
    return {"Authorization": f"Bearer {token}"}


def added(desk: Desk, bearer: dict[str, str], **members: Any) -> dict[str, Any]:
    given = {"name": unique(desk, "CRM"), "url": "https://crm.invalid/hook"} | members
    reply = desk.client.post(ROOM, json=given, headers=bearer)
    assert reply.status_code == 201, reply.text
    made: dict[str, Any] = reply.json()
    return made


def test_secret_is_in_the_reply_that_made_it_and_in_no_other(desk: Desk) -> None:
    bearer = caller(desk)
    made = added(desk, bearer)
    assert made["secret"].startswith("whsec_")
    for path in ("", f"/{made['id']}", f"/{made['id']}/deliveries"):
        assert "whsec_" not in desk.client.get(f"{ROOM}{path}", headers=bearer).text
    rotated = desk.client.post(f"{ROOM}/{made['id']}/rotate", json={}, headers=bearer).json()
    assert rotated["secret"] != made["secret"]
    assert rotated["former_until"] is not None


def test_same_key_sends_one_test_event(desk: Desk) -> None:
    bearer = caller(desk)
    made = added(desk, bearer)
    key = bearer | {"Idempotency-Key": unique(desk, "key")}
    first, second = (
        desk.client.post(f"{ROOM}/{made['id']}/test", json={}, headers=key) for _ in range(2)
    )
    assert first.status_code == 202
    assert first.content == second.content
    listed = desk.client.get(f"{ROOM}/{made['id']}/deliveries", headers=bearer).json()
    assert len(listed["deliveries"]) == 1
    assert desk.client.get(first.headers["location"], headers=bearer).status_code == 200


def test_change_with_an_old_etag_is_refused(desk: Desk) -> None:
    bearer = caller(desk)
    here = f"{ROOM}/{added(desk, bearer)['id']}"
    etag = desk.client.get(here, headers=bearer).headers["etag"]
    seen = bearer | {"If-Match": etag}
    assert desk.client.patch(here, json={"products": ["owl"]}, headers=seen).status_code == 200
    late = desk.client.patch(here, json={"products": None}, headers=seen)
    assert late.status_code == 412


def test_every_wrong_member_is_named(desk: Desk) -> None:
    reply = desk.client.post(
        ROOM,
        json={"name": "", "url": "https://10.0.0.1/", "events": ["none"], "other": 1},
        headers=caller(desk),
    )
    assert {one["field"] for one in reply.json()["errors"]} == {"name", "url", "events", "other"}


def test_delivery_of_another_webhook_is_not_found(desk: Desk) -> None:
    bearer = caller(desk)
    one, other = added(desk, bearer), added(desk, bearer)
    sent = desk.client.post(f"{ROOM}/{one['id']}/test", json={}, headers=bearer).json()
    path = f"{ROOM}/{other['id']}/deliveries/{sent['id']}"
    assert desk.client.get(path, headers=bearer).status_code == 404
    assert desk.client.post(f"{path}/replay", json={}, headers=bearer).status_code == 404


def test_deliveries_are_filtered_by_event_licence_and_state(desk: Desk) -> None:
    bearer = caller(desk)
    made = added(desk, bearer, events=["license.issued"])
    order = {"customer": "ACME", "product": "darwin", "days": 9, "host": server.LINE}
    numbers = [
        desk.client.post("/api/v1/licenses", json=order, headers=bearer).json()["id"]
        for _ in range(2)
    ]
    here = f"{ROOM}/{made['id']}/deliveries"
    for query, expected in (
        ("", 2),
        (f"?license={numbers[0]}", 1),
        ("?event=license.renewed", 0),
        ("?state=waiting&limit=1", 1),
        ("?since=2020-01-01&until=2020-01-02", 0),
    ):
        found = desk.client.get(f"{here}{query}", headers=bearer).json()["deliveries"]
        assert len(found) == expected, query
    assert desk.client.get(f"{here}?state=odd", headers=bearer).status_code == 422
