"""Webhooks at the desk: added, shown once, changed, paused, tried, filtered and sent again."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from license_server.actor import COMMAND
from license_server.deliveries import delivery_store
from license_server.deliveries.delivery_store import DeliveryFilter
from license_server.webhooks import endpoints, webhook_store
from tests.support.desk import Desk, last_event, unique
from tests.support.desk_user import DeskUser
from tests.support.pages import faults, form

URL = "https://crm.invalid/T00/hook"


@pytest.fixture(autouse=True)
def quiet(desk: Desk) -> Iterator[None]:
    """Nothing is sent any more once a test is over: the desk is that of other tests, too."""
    yield
    write, now = desk.site.database.write, desk.clock.now
    for one in desk.site.database.read(webhook_store.listed):
        write(lambda c, id_=one.id: endpoints.remove(c, id_, COMMAND, now))  # type: ignore[misc]


def add(desk: Desk, admin: DeskUser, **fields: str) -> tuple[str, str, str]:
    """Another webhook: its name, its secret, and its page."""
    name = unique(desk, "CRM")
    page = admin.get("/webhooks/new").text
    reply = admin.send(page, "/webhooks", **{"name": name, "url": URL} | fields)
    assert reply.status_code == 201, reply.text
    secret = re.search(r"whsec_[A-Za-z0-9+/=]+", reply.text)
    where = re.search(r'href="(/webhooks/\d+)"', reply.text)
    assert secret
    assert where
    return name, secret[0], where[1]


def deliveries(desk: Desk, page: str, **wanted: Any) -> list[delivery_store.Delivery]:
    asked = DeliveryFilter(webhook_id=int(page.rpartition("/")[2]), **wanted)
    read = desk.site.database.read
    return read(lambda c: delivery_store.listed(c, asked, before=None, limit=50))


def test_secret_is_shown_once_though_the_form_is_sent_twice(desk: Desk, admin: DeskUser) -> None:
    page = admin.get("/webhooks/new").text
    fields = form(page, "/webhooks") | {"name": unique(desk, "CRM"), "url": URL}
    first, second = admin.post("/webhooks", **fields), admin.post("/webhooks", **fields)
    assert "whsec_" in first.text
    assert second.status_code == 303
    again = admin.get(second.headers["location"]).text
    assert "whsec_" not in again
    assert "already been submitted" in again


def test_wrong_fields_are_marked_and_nothing_is_added(desk: Desk, admin: DeskUser) -> None:
    page = admin.get("/webhooks/new").text
    reply = admin.send(page, "/webhooks", name="", url="https://10.0.0.1/", products="a b,!")
    assert reply.status_code == 422
    assert set(faults(reply.text)) == {"name", "url", "products"}
    assert "No webhook was added." in reply.text


def test_webhook_is_changed_and_a_second_change_from_the_old_page_is_not(
    desk: Desk, admin: DeskUser
) -> None:
    name, _, page = add(desk, admin)
    seen = admin.get(page).text
    changed = {"url": "https://erp.invalid/", "event:license.issued": "yes", "products": "darwin"}
    assert admin.send(seen, page, **changed).status_code == 303
    _, action, details = last_event(desk, name)
    assert action == "webhook.changed"
    assert details["changed"]["events"] == [None, ["license.issued"]]
    assert "T00" not in str(details)
    late = admin.send(seen, page, url="https://other.invalid/")
    assert late.status_code == 412


def test_test_event_is_sent_once_for_each_form_and_its_attempts_are_shown(
    desk: Desk, admin: DeskUser
) -> None:
    _, _, page = add(desk, admin)
    fields = form(admin.get(page).text, f"{page}/test")
    first, second = admin.post(f"{page}/test", **fields), admin.post(f"{page}/test", **fields)
    assert first.headers["location"] == second.headers["location"]
    (delivery,) = deliveries(desk, page)
    desk.site.database.write(
        lambda c: delivery_store.add_attempt(
            c,
            delivery.id,
            desk.clock.now,
            milliseconds=12,
            status=302,
            problem="redirect",
            detail="https://elsewhere.invalid/<b>",
            answer=b"<script>alert(1)</script>\0\xff",
        )
    )
    shown = admin.get(first.headers["location"]).text
    assert "302 · redirected; redirects are not followed" in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
    assert "<script>alert" not in shown


def test_paused_webhook_says_what_waits_and_is_resumed_with_or_without_it(
    desk: Desk, admin: DeskUser
) -> None:
    _, _, page = add(desk, admin, **{"event:license.issued": "yes"})
    for discard in (False, True):
        admin.send(admin.get(page).text, f"{page}/pause")
        admin.issue()
        paused = admin.get(page).text
        assert "1 delivery waits." in paused
        more = {"discard": "yes"} if discard else {}
        admin.send(paused, f"{page}/resume", **more)
        waiting = deliveries(desk, page, state="waiting")
        assert len(waiting) == (0 if discard else 1)
        write, now = desk.site.database.write, desk.clock.now
        write(lambda c: delivery_store.discard(c, int(page.rpartition("/")[2]), now))  # noqa: B023


def test_overview_names_webhooks_that_paused_by_themselves(desk: Desk, admin: DeskUser) -> None:
    name, _, page = add(desk, admin)
    id_, now = int(page.rpartition("/")[2]), desk.clock.now
    assert name not in admin.get("/overview").text
    desk.site.database.write(lambda c: endpoints.pause(c, id_, COMMAND, now, webhook_store.GONE))
    assert name in admin.get("/").text
    assert name in admin.get("/overview").text
    assert "it answered 410" in admin.get(page).text
    reader = DeskUser(desk, "reader")
    assert name not in reader.get("/").text
    admin.send(admin.get(page).text, f"{page}/remove")
    assert name not in admin.get("/overview").text


def test_deliveries_are_filtered_and_sent_again(desk: Desk, admin: DeskUser) -> None:
    name, _, page = add(desk, admin, **{"event:license.issued": "yes"})
    numbers = [admin.issue() for _ in range(2)]
    id_ = page.rpartition("/")[2]
    listed = admin.get("/deliveries", webhook=id_).text
    assert all(number in listed for number in numbers)
    one = admin.get("/deliveries", webhook=id_, license=numbers[0]).text
    assert numbers[0] in one.partition("<table")[2]
    assert numbers[1] not in one.partition("<table")[2]
    assert (
        "Nothing was sent that matches"
        in admin.get("/deliveries", webhook=id_, state="failed").text
    )
    sheet = admin.get("/deliveries/list.csv", webhook=id_).text
    assert sheet.count("license.issued") == 2
    write, now = desk.site.database.write, desk.clock.now
    write(lambda c: delivery_store.discard(c, int(id_), now))
    delivery = deliveries(desk, page)[0]
    here = f"/deliveries/{delivery.id}"
    assert admin.send(admin.get(here).text, f"{here}/replay").status_code == 303
    assert [found.id for found in deliveries(desk, page, state="waiting")] == [delivery.id]
    _, action, details = last_event(desk, name)
    assert (action, details["count"]) == ("webhook.replayed", 1)
    span = {"since": "2020-01-01", "until": ""}
    assert admin.send(admin.get(page).text, f"{page}/replay", **span).status_code == 303
    assert len(deliveries(desk, page, state="waiting")) == 2
    wrong = admin.send(admin.get(page).text, f"{page}/replay", since="yesterday")
    assert "since" in faults(wrong.text)


def test_new_secret_is_shown_once_and_the_former_signs_for_a_while(
    desk: Desk, admin: DeskUser
) -> None:
    _, secret, page = add(desk, admin)
    reply = admin.send(admin.get(page).text, f"{page}/rotate", hours="2")
    assert "whsec_" in reply.text
    assert secret not in reply.text
    assert "The former secret signs too until" in admin.get(page).text
    wrong = admin.send(admin.get(page).text, f"{page}/rotate", hours="9999")
    assert "hours" in faults(wrong.text)


def test_removed_webhook_is_listed_no_more_and_its_deliveries_stay(
    desk: Desk, admin: DeskUser
) -> None:
    name, _, page = add(desk, admin)
    admin.send(admin.get(page).text, f"{page}/test")
    assert name in admin.get("/webhooks").text
    admin.send(admin.get(page).text, f"{page}/remove")
    assert name not in admin.get("/webhooks").text.partition("<table")[2]
    assert name in admin.get("/deliveries").text
    assert [one.state for one in deliveries(desk, page)] == ["discarded"]
    with desk.site.database.reading() as connection:
        found = webhook_store.by_name(connection, name)
    assert found is not None
    assert found.state == "removed"
