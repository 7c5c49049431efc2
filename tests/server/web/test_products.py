"""Products at the desk: their defaults and rules."""

import json

from tests.support.desk import Desk, last_event, row, unique
from tests.support.desk_forms import RULES, add_product
from tests.support.desk_user import DeskUser
from tests.support.pages import faults, form


def test_product_rules_are_stored_shown_and_removable(desk: Desk, admin: DeskUser) -> None:
    name = unique(desk, "darwin")
    path = add_product(admin, name, **RULES)
    stored = row(desk, "products", name=name)
    assert json.loads(stored.defaults) == {
        "days": 365,
        "edition": "pro",
        "features": ["export", "train"],
        "limits": {"gpus": 4, "seats": 20},
        "match": "anchored",
        "notify_days": 30,
        "grace_days": 7,
    }
    assert (stored.longest_days, stored.rehosts, bool(stored.needs_approval)) == (400, 2, True)
    assert last_event(desk, name)[:2] == (f"user:{admin.email}", "product.added")
    shown = form(admin.get(path).text, path)
    assert {key: shown[key] for key in RULES} == RULES | {"limits": "gpus=4, seats=20"}
    assert 'told warn"' not in admin.get(path).text
    # Nothing ticked and nothing typed: the rule is gone.
    fields = form(admin.get(path).text, path) | dict.fromkeys(RULES, "")
    assert admin.post(path, **fields).status_code == 303
    stored = row(desk, "products", name=name)
    assert (stored.defaults, stored.longest_days, bool(stored.needs_approval)) == (
        None,
        None,
        False,
    )
    assert last_event(desk, name)[1] == "product.changed"
    assert name in admin.get("/products").text or "Next page" in admin.get("/products").text


def test_product_form_marks_every_wrong_field(desk: Desk, admin: DeskUser) -> None:
    typed = {
        "name": "a b",
        "days": "0",
        "edition": "c d",
        "features": "-",
        "limits": "gpus four",
        "match": "loose",
        "notify_days": "-1",
        "grace_days": "x",
        "longest_days": "1.5",
        "rehosts": "-2",
    }
    reply = admin.send(admin.get("/products/new").text, "/products", **typed)
    assert reply.status_code == 422
    assert faults(reply.text).keys() == typed.keys()
    kept = form(reply.text, "/products")
    assert {name: kept[name] for name in typed if name != "match"} == {
        name: value for name, value in typed.items() if name != "match"
    }
    name = unique(desk, "taken")
    path = add_product(admin, name)
    reply = admin.send(admin.get("/products/new").text, "/products", name=name)
    assert (reply.status_code, set(faults(reply.text))) == (409, {"name"})
    reply = admin.send(admin.get(path).text, path, days="x", limits="gpus=1 gpus=2")
    assert faults(reply.text).keys() == {"days", "limits"}


def test_contradictory_product_rules_give_warnings(desk: Desk, admin: DeskUser) -> None:
    path = add_product(
        admin,
        unique(desk, "odd"),
        days="400",
        longest_days="365",
        notify_days="500",
        grace_days="500",
    )
    shown = admin.get(path).text
    assert shown.count('class="told warn"') == 3
    assert "400 days is longer than the longest term of 365 days" in shown


def test_concurrent_product_edits_are_reported(desk: Desk, admin: DeskUser) -> None:
    name = unique(desk, "both")
    path = add_product(admin, name, days="30")
    seen = admin.get(path).text
    assert admin.send(admin.get(path).text, path, days="60", limits="gpus=2").status_code == 303
    collided = admin.send(seen, path, days="90")
    assert collided.status_code == 412
    assert faults(collided.text) == {"days": "saved value: 60.", "limits": "saved value: gpus=2."}
    assert admin.send(collided.text, path).status_code == 303
    assert json.loads(row(desk, "products", name=name).defaults) == {"days": 90}


def test_product_page_links_to_the_order_form(desk: Desk, admin: DeskUser) -> None:
    product = unique(desk, "leads")
    path = add_product(admin, product)
    assert f'href="/licenses/new?product={product}"' in admin.get(path).text
