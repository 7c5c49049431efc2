"""What expires, at the desk and over the API; and when a product reminds, in its form."""

import json
import re

from license_server.access.tokens import Grant
from license_server.actor import REMINDER
from license_server.mail import outbox
from license_server.mail.outbox import Draft
from license_server.renewals import reminder_store
from tests.support import server
from tests.support.desk import Desk, last_event, row, stored, unique
from tests.support.desk_forms import add_product
from tests.support.desk_user import DeskUser
from tests.support.ledger import line
from tests.support.pages import faults, form, text_of


def test_what_expires_is_listed_by_customer_with_its_owner_and_renewed_by_the_bulk_preview(
    desk: Desk, admin: DeskUser, issuer: DeskUser
) -> None:
    product, first, second = (unique(desk, name) for name in ("darwin", "Alpha", "Beta"))
    room = add_product(admin, product)
    admin.post(f"{room}/reminders", **_rules(admin, room, days="30, 7"))
    near = admin.issue(product=product, customer=first, days=20, host=line(6001))
    far = admin.issue(product=product, customer=second, days=60, host=line(6002))
    also = admin.issue(product=product, customer=first, days=80, host=line(6003))
    admin.issue(product=product, customer=first, days=200, host=line(6004))
    id_ = row(desk, "customers", name=second).id
    page = admin.get(f"/customers/{id_}")
    saved = admin.send(page.text, f"/customers/{id_}", owner=issuer.email, no_reminders="yes")
    assert saved.status_code == 303
    page = admin.get("/renewals", product=product)
    shown, said = page.text, " ".join(text_of(page).split())
    numbers = re.findall(r'name="number" value="([^"]+)"', shown)
    assert numbers == [near, also, far]  # by customer, who of them ends first
    assert f"{second} wants no reminders Owner: {issuer.email}" in said
    assert f"{first} no email address no owner" in said
    mine = issuer.get("/renewals", product=product, owner=issuer.email).text
    assert re.findall(r'name="number" value="([^"]+)"', mine) == [far]
    assert near in admin.get("/renewals", product=product, days="30").text
    assert also not in admin.get("/renewals", product=product, days="30").text
    assert admin.get("/renewals", product=unique(desk, "none")).status_code == 200
    many = issuer.get(f"/licenses/many?act=renew&number={near}&number={far}&scope=chosen")
    assert many.status_code == 200
    looked = issuer.followed(issuer.send(many.text, "/licenses/many", term="days", days="90"))
    assert near in looked.text
    assert far in looked.text


def _rules(admin: DeskUser, room: str, **typed: str) -> dict[str, str]:
    """The form of a product's reminders, as it is filled in."""
    return form(admin.get(f"{room}/reminders").text, f"{room}/reminders") | typed


def test_reminders_of_a_product_are_saved_shown_and_removed(desk: Desk, admin: DeskUser) -> None:
    name = unique(desk, "darwin")
    room = add_product(admin, name)
    place = f"{room}/reminders"
    typed = {
        "days": "30，90、-1",
        "quiet_weekends": "yes",
        "quiet_dates": "2027/1/1 2027-10-01/2027-10-07",
    }
    assert admin.post(place, **_rules(admin, room, **typed)).status_code == 303
    rules = json.loads(row(desk, "products", name=name).reminders)
    assert rules == {
        "days": [90, 30, -1],
        "quiet_weekends": True,
        "quiet_dates": ["2027-01-01", "2027-10-01/2027-10-07"],
        "since": desk.clock.now,
    }
    changed = last_event(desk, name)[2]["changed"]
    assert changed["reminders.days"] == [None, [90, 30, -1]]
    shown = admin.get(place)
    assert form(shown.text, place)["days"] == "90, 30, -1"
    assert "90 days before" in text_of(shown)
    wrong = admin.post(place, **_rules(admin, room, days="soon", quiet_dates="2027-02-30"))
    assert wrong.status_code == 422
    assert faults(wrong.text).keys() == {"days", "quiet_dates"}
    stale = _rules(admin, room, days="14")
    assert admin.post(place, **_rules(admin, room, days="7")).status_code == 303
    assert admin.post(place, **stale).status_code == 412
    assert admin.post(place, **_rules(admin, room, days="")).status_code == 303
    assert row(desk, "products", name=name).reminders is None


def test_api_lists_what_expires_page_by_page_and_only_what_a_token_may_see(desk: Desk) -> None:
    product, other, customer = (unique(desk, name) for name in ("darwin", "other", "ACME"))
    rules = {"days": [30, -1], "quiet_weekends": False, "quiet_dates": []}
    made = desk.client.post(
        "/api/v1/products", json={"name": product, "reminders": rules}, headers=desk.bearer
    )
    assert made.json()["reminders"] == rules
    admin = DeskUser(desk)
    numbers = [
        admin.issue(product=product, customer=customer, days=40 + n, host=line(6100 + n))
        for n in range(3)
    ]
    hidden = admin.issue(product=other, customer=customer, days=10, host=line(6110))
    mine = {"product": product, "limit": "2"}
    first = desk.client.get("/api/v1/renewals", params=mine, headers=desk.bearer).json()
    rest = desk.client.get(
        "/api/v1/renewals", params=mine | {"cursor": first["next_cursor"]}, headers=desk.bearer
    ).json()
    assert [one["license"] for one in first["renewals"] + rest["renewals"]] == numbers
    assert rest["next_cursor"] is None
    one = first["renewals"][0]
    assert (one["customer"], one["days"], one["not_mailed"]) == (customer, 40, "no-address")
    assert (one["reminders"], one["next_reminder"]["days"]) == ([], 30)
    grant = Grant(frozenset({"licenses:read"}), frozenset({product}))
    token = server.new_token(desk.site.database, unique(desk, "token"), desk.clock.now, grant)
    bearer = {"Authorization": f"Bearer {token}"}
    seen = desk.client.get("/api/v1/renewals", params={"customer": customer}, headers=bearer)
    assert [it["license"] for it in seen.json()["renewals"]] == numbers
    assert hidden not in seen.text
    for wrong in ({"days": "0"}, {"days": "x"}, {"limit": "0"}, {"page": "1"}):
        refused = desk.client.get("/api/v1/renewals", params=wrong, headers=desk.bearer)
        assert refused.status_code == 422


def test_owner_must_be_a_user_who_can_sign_in(desk: Desk, issuer: DeskUser) -> None:
    grant = Grant(frozenset({"licenses:read", "customers:write"}))
    token = server.new_token(desk.site.database, unique(desk, "token"), desk.clock.now, grant)
    bearer = {"Authorization": f"Bearer {token}"}
    body: dict[str, object] = {"name": unique(desk, "ACME"), "owner": "nobody@example.com"}
    refused = desk.client.post("/api/v1/customers", json=body, headers=bearer)
    assert refused.status_code == 422, refused.text
    assert refused.json()["field"] == "owner", refused.text
    body |= {"owner": issuer.email.upper(), "no_reminders": True}
    made = desk.client.post("/api/v1/customers", json=body, headers=bearer).json()
    assert (made["owner"], made["no_reminders"]) == (issuer.email, True)
    path = f"/api/v1/customers/{made['id']}"
    left = desk.client.patch(path, json={"no_reminders": False, "owner": None}, headers=bearer)
    assert (left.json()["owner"], left.json()["no_reminders"]) == (None, False)


def test_mail_of_a_reminder_names_its_licences(desk: Desk, admin: DeskUser) -> None:
    number = admin.issue(product="darwin", customer=unique(desk, "ACME"), days=20, host=line(6200))
    write, now = desk.site.database.write, desk.clock.now
    draft = Draft("li@acme.example", "one expires", "Hello\n", product="darwin", automatic=True)
    mail = write(lambda c: outbox.queue(c, draft, REMINDER, now, f"<{number}@vendor.example>"))
    given = {
        "line": number,
        "license": number,
        "last_day": stored(desk, number).last_day,
        "days": 7,
    }
    given |= {"due_at": now, "given_at": now, "outcome": "mailed", "mail": mail.id}
    write(lambda c: reminder_store.add(c, [given]))
    shown = admin.get(f"/outbox/{mail.id}")
    assert f'href="/licenses/{number}"' in shown.text
    assert f'href="/outbox/{mail.id}"' in admin.get("/renewals", product="darwin").text
