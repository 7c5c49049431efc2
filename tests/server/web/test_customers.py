"""Customers at the desk: added, changed, found, and checked for duplicates."""

import os
import re
from html import unescape

import pytest

from tests.support.attacks import ATTACKS, LONG, RTL
from tests.support.desk import Desk, last_event, row, unique
from tests.support.desk_forms import add_customer, host, upload
from tests.support.desk_user import DeskUser
from tests.support.pages import faults, form
from tests.support.server import LINE


def test_added_customer_can_be_found_and_is_in_the_audit_log(desk: Desk, admin: DeskUser) -> None:
    name = unique(desk, "上海示例 Werke")
    notes = "calls on Mondays\n<b>not</b> bold"
    path = add_customer(
        admin, name, contact_name="Li", contact_email="li@x.cn", language="zh", notes=notes
    )
    stored = row(desk, "customers", name=name)
    assert (stored.contact_name, stored.contact_email) == ("Li", "li@x.cn")
    assert (stored.language, stored.notes, f"/customers/{stored.id}") == ("zh", notes, path)
    assert last_event(desk, name)[:2] == (f"user:{admin.email}", "customer.added")
    assert name in admin.get(f"/customers?q=示例+{desk.clock.now}").text
    assert "No matching customers" in admin.get("/customers?q=zzzzzzzz").text
    assert "Customer added." in admin.get(f"{path}?added=1").text


def test_form_sent_twice_adds_one_customer(desk: Desk, admin: DeskUser) -> None:
    fields = form(admin.get("/customers/new").text, "/customers")
    fields |= {"name": unique(desk, "Twice")}
    first, again = (admin.post("/customers", **fields) for _ in range(2))
    assert first.headers["location"] == again.headers["location"]
    assert row(desk, "customers", name=fields["name"])


def test_customer_form_marks_every_wrong_field(desk: Desk, admin: DeskUser) -> None:
    typed = {"name": " ", "contact_name": "a\0b", "contact_email": LONG, "language": "tlh"}
    reply = admin.send(admin.get("/customers/new").text, "/customers", notes=LONG, **typed)
    assert reply.status_code == 422
    assert faults(reply.text).keys() == {*typed, "notes"}
    assert LONG in reply.text  # what was typed is kept
    name = unique(desk, "Taken")
    path = add_customer(admin, name)
    reply = admin.send(admin.get("/customers/new").text, "/customers", name=name, notes="kept")
    assert (reply.status_code, set(faults(reply.text))) == (409, {"name"})
    assert ">kept</textarea>" in reply.text
    other = add_customer(admin, unique(desk, "Other"))
    assert faults(admin.send(admin.get(other).text, other, name=name).text).keys() == {"name"}
    assert faults(admin.send(admin.get(path).text, path, name="").text).keys() == {"name"}


def test_concurrent_customer_edits_are_reported(desk: Desk, admin: DeskUser) -> None:
    name = unique(desk, "Both")
    path = add_customer(admin, name, contact_name="first")
    seen = admin.get(path).text
    other = DeskUser(desk, "issuer")
    assert other.send(other.get(path).text, path, contact_name="theirs").status_code == 303
    collided = admin.send(seen, path, contact_name="mine", notes="my note")
    assert collided.status_code == 412
    assert faults(collided.text) == {
        "contact_name": "saved value: theirs.",
        "notes": "saved value: empty.",
    }
    assert row(desk, "customers", name=name).contact_name == "theirs"
    kept = form(collided.text, path)
    assert (kept["contact_name"], kept["notes"]) == ("mine", "my note")
    # Seen and meant: the second time it holds.
    assert admin.post(path, **kept).status_code == 303
    assert row(desk, "customers", name=name).contact_name == "mine"
    assert last_event(desk, name)[:2] == (f"user:{admin.email}", "customer.changed")


def test_field_error_does_not_hide_a_concurrent_edit(desk: Desk, admin: DeskUser) -> None:
    path = add_customer(admin, unique(desk, "Hidden"), contact_name="first")
    seen = admin.get(path).text
    admin.send(admin.get(path).text, path, contact_name="theirs")
    wrong = admin.send(seen, path, contact_name="mine", language="tlh")
    assert wrong.status_code == 422
    assert admin.send(wrong.text, path, language="zh").status_code == 412


@pytest.mark.parametrize("attack", ATTACKS)
def test_hostile_text_in_a_customer_is_escaped(desk: Desk, admin: DeskUser, attack: str) -> None:
    name = unique(desk, attack)
    path = add_customer(admin, name, contact_name=attack, contact_email=attack, notes=attack + RTL)
    reader = DeskUser(desk, "reader")
    for page in (
        admin.get(path).text,
        reader.get(path).text,
        reader.get(f"/customers?q={desk.clock.now}").text,
    ):
        assert attack in unescape(page)
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "49" not in re.findall(r"<h1>(.*?)</h1>", page)
    shown = reader.get(path).text
    assert "\u202e" not in shown
    assert "\\u202e" in shown
    assert faults(
        admin.send(admin.get("/customers/new").text, "/customers", name=RTL, notes="").text
    ).keys() == {"name"}


ALIKE = (
    ("{0} Optics", "{0}  OPTICS"),
    ("{0} Optics", "{0}Optics Inc."),
    ("{0} Ltd", "{0} Limited"),
    ("云渲{0}有限公司", "云渲{0}"),
    ("{0} Optics", "{1} ｏｐｔｉｃｓ"),
)


@pytest.mark.parametrize(("there", "typed"), ALIKE)
def test_similar_customer_name_needs_confirmation(
    desk: Desk, admin: DeskUser, there: str, typed: str
) -> None:
    token = f"Q{os.urandom(4).hex()}"
    wide = "".join(chr(ord(c) + 0xFEE0) for c in token)
    there, typed = there.format(token, wide), typed.format(token, wide)
    path = add_customer(admin, there)
    asked = admin.send(admin.get("/customers/new").text, "/customers", name=typed)
    assert asked.status_code == 409
    assert f'<a href="{path}">{there}</a>' in unescape(asked.text)
    # On a sheet and on the form for a licence, too.
    job = upload(admin, f"customer,product,host,days\n{typed},bulk,{host()},3\n")
    page = admin.get(job).text
    assert f'<a href="{path}">' in page
    refused = admin.send(page, f"{job}/issue")
    assert (refused.status_code, set(faults(refused.text))) == (422, {"alike"})
    order = {"customer": typed, "product": "bulk", "days": 3, "host": LINE}
    told = desk.client.post("/api/v1/licenses?dry_run=true", json=order, headers=desk.bearer).json()
    assert "customer-alike" in {one["slug"] for one in told["notices"]}
    # It is added all the same by who says so.
    made = admin.send(asked.text, "/customers", name=typed, sure="yes")
    assert made.status_code == 303
    assert row(desk, "customers", name=" ".join(typed.split())).name
    assert admin.send(admin.get(job).text, f"{job}/issue").status_code == 303


def test_customer_page_lists_live_licences_first_and_the_history(
    desk: Desk, admin: DeskUser
) -> None:
    name = unique(desk, "First")
    numbers = []
    for days in (400, 1, 1, 1, 1, 1):
        order = {"customer": name, "product": "bulk", "days": days, "host": LINE}
        made = desk.client.post("/api/v1/licenses", json=order, headers=desk.bearer)
        numbers.append(made.json()["id"])
    desk.clock.now += 3 * 86400
    admin = DeskUser(desk)
    id_ = row(desk, "customers", name=name).id
    page = admin.get(f"/customers/{id_}").text
    row_ = r'<th scope="row"[^>]*><a href="/licenses/(HS-[\w-]+)"'
    assert re.findall(row_, page) == numbers[:1]  # the only one that is not over
    assert re.findall(row_, admin.get(f"/customers/{id_}", state="all").text) == numbers[::-1]
    life = re.findall(r"<strong>([^<]+)</strong>", page[page.index('<ol class="life">') :])
    assert [one.strip().lower() for one in life] == ["issued"] * 6 + ["customer added"]
    link = re.search(r'href="(/record\?customer=[^"]+)"', page)
    assert link
    record = admin.get(unescape(link[1])).text
    assert record.count("licence issued</td>") == 6
    assert f'<a href="/customers/{id_}">' in record
    rows = admin.get(unescape(link[1]).replace("/record", "/record/events.csv")).text
    assert rows.count("license.issued") == 6
    assert admin.get("/record?customer=Nobody+at+all").status_code == 422
