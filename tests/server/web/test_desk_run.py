"""The pages on which a vendor is run: customers, products, people, tokens, sheets."""

import csv
import io
import json
import os
import re
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from typing import Any
from urllib.parse import urlencode

import anyio
import pytest
import sqlalchemy

from license_server.access import accounts, tokens
from license_server.actor import COMMAND
from license_server.catalog import products
from license_server.http import middleware
from license_server.licenses import license_store
from license_server.permissions import ROLES
from license_server.settings import ServerSettings
from license_server.sheets import (
    agreement,
    batches,
    importer,
    job_state,
    jobs,
    order_sheet,
    preview,
    runner,
    uploads,
)
from license_server.sheets.agreement import Agreed
from license_server.web import sheets
from tests.support.catalogue import translated
from tests.support.desk import Desk
from tests.support.pages import Page, faults, form
from tests.support.server import LINE

ATTACKS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7*7 }}",
)
RTL = "\u202etxt.exe\u200f"
LONG = "x" * 10_000


def last_event(desk: Desk, subject: str) -> tuple[str, str, dict[str, Any]]:
    """Who did what to *subject* last, and the details."""
    query = sqlalchemy.text(
        "select actor, action, details from audit_events where subject = :s order by id desc"
    )
    with desk.site.database.reading() as connection:
        actor, action, details = connection.execute(query, {"s": subject}).first()  # type: ignore[misc]
    return actor, action, json.loads(details)


def row(desk: Desk, table: str, **where: object) -> Any:
    """The row of *table* that is so."""
    told = " and ".join(f"{name} = :{name}" for name in where)
    query = sqlalchemy.text(f"select * from {table} where {told}")
    with desk.site.database.reading() as connection:
        return connection.execute(query, where).one()


@pytest.fixture
def admin(desk: Desk) -> Page:
    return Page(desk)


def unique(desk: Desk, name: str) -> str:
    return f"{name} {desk.clock.now} {os.urandom(3).hex()}"


# Customers


def add_customer(page: Page, name: str, **fields: str) -> str:
    """The address of a customer that was added at the form."""
    shown = page.get("/customers/new").text
    reply = page.send(shown, "/customers", name=name, **fields)
    assert reply.status_code == 303, faults(reply.text)
    return str(reply.headers["location"].partition("?")[0])


def test_a_customer_is_added_at_the_form_found_and_recorded(desk: Desk, admin: Page) -> None:
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


def test_a_form_that_is_sent_twice_adds_one_customer(desk: Desk, admin: Page) -> None:
    fields = form(admin.get("/customers/new").text, "/customers")
    fields |= {"name": unique(desk, "Twice")}
    first, again = (admin.post("/customers", **fields) for _ in range(2))
    assert first.headers["location"] == again.headers["location"]
    assert row(desk, "customers", name=fields["name"])


def test_every_mistake_in_a_customer_is_told_beside_its_field(desk: Desk, admin: Page) -> None:
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


def test_two_who_change_a_customer_are_told_of_one_another(desk: Desk, admin: Page) -> None:
    name = unique(desk, "Both")
    path = add_customer(admin, name, contact_name="first")
    seen = admin.get(path).text
    other = Page(desk, "issuer")
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


def test_a_mistake_does_not_hide_that_somebody_else_saved(desk: Desk, admin: Page) -> None:
    path = add_customer(admin, unique(desk, "Hidden"), contact_name="first")
    seen = admin.get(path).text
    admin.send(admin.get(path).text, path, contact_name="theirs")
    wrong = admin.send(seen, path, contact_name="mine", language="tlh")
    assert wrong.status_code == 422
    assert admin.send(wrong.text, path, language="zh").status_code == 412


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_attacks_in_a_customer_is_shown_as_text(desk: Desk, admin: Page, attack: str) -> None:
    name = unique(desk, attack)
    path = add_customer(admin, name, contact_name=attack, contact_email=attack, notes=attack + RTL)
    reader = Page(desk, "reader")
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


# Products


def add_product(page: Page, name: str, **fields: str) -> str:
    shown = page.get("/products/new").text
    reply = page.send(shown, "/products", name=name, **fields)
    assert reply.status_code == 303, faults(reply.text)
    return str(reply.headers["location"].partition("?")[0])


def token_name(desk: Desk, name: str) -> str:
    return f"{name}-{os.urandom(4).hex()}"


RULES = {
    "days": "365",
    "edition": "pro",
    "features": "export, train",
    "limits": "gpus=4，seats=20",
    "match": "anchored",
    "notify_days": "30",
    "grace_days": "7",
    "longest_days": "400",
    "rehosts": "2",
    "needs_approval": "yes",
}


def test_a_product_is_added_with_its_rules_and_they_are_shown_again(
    desk: Desk, admin: Page
) -> None:
    name = token_name(desk, "darwin")
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


def test_every_mistake_in_a_product_is_told_beside_its_field(desk: Desk, admin: Page) -> None:
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
    name = token_name(desk, "taken")
    path = add_product(admin, name)
    reply = admin.send(admin.get("/products/new").text, "/products", name=name)
    assert (reply.status_code, set(faults(reply.text))) == (409, {"name"})
    reply = admin.send(admin.get(path).text, path, days="x", limits="gpus=1 gpus=2")
    assert faults(reply.text).keys() == {"days", "limits"}


def test_rules_that_contradict_one_another_are_warned_of(desk: Desk, admin: Page) -> None:
    path = add_product(
        admin,
        token_name(desk, "odd"),
        days="400",
        longest_days="365",
        notify_days="500",
        grace_days="500",
    )
    shown = admin.get(path).text
    assert shown.count('class="told warn"') == 3
    assert "400 days is longer than the longest term of 365 days" in shown


def test_two_who_change_a_product_are_told_of_one_another(desk: Desk, admin: Page) -> None:
    name = token_name(desk, "both")
    path = add_product(admin, name, days="30")
    seen = admin.get(path).text
    assert admin.send(admin.get(path).text, path, days="60", limits="gpus=2").status_code == 303
    collided = admin.send(seen, path, days="90")
    assert collided.status_code == 412
    assert faults(collided.text) == {"days": "saved value: 60.", "limits": "saved value: gpus=2."}
    assert admin.send(collided.text, path).status_code == 303
    assert json.loads(row(desk, "products", name=name).defaults) == {"days": 90}


# Who may


LINKS = {
    "/customers": ("licenses:read", ("/customers/new",), "customers:write"),
    "/products": ("licenses:read", ("/products/new",), "products:write"),
    "/sheets": ("licenses:read", (), "licenses:issue"),
    "/people": ("people:manage", ("/people/new",), "people:manage"),
    "/tokens": ("tokens:manage", ("/tokens/new",), "tokens:manage"),
}
"""Each list: what it demands, what it links to, and what that demands."""


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("room", LINKS)
def test_who_may_not_sees_neither_the_link_nor_the_page(desk: Desk, role: str, room: str) -> None:
    needs, links, more = LINKS[room]
    somebody = Page(desk, role)
    menu = somebody.get("/account").text
    assert (f'href="{room}"' in menu) is (needs in ROLES[role])
    shown = somebody.get(room)
    assert shown.status_code == (200 if needs in ROLES[role] else 403)
    for link in links:
        assert (f'href="{link}"' in shown.text) is (more in ROLES[role])
        assert somebody.get(link).status_code == (200 if more in ROLES[role] else 403)


def test_who_may_only_read_sees_a_customer_and_a_product_without_a_form(
    desk: Desk, admin: Page
) -> None:
    customer = add_customer(admin, unique(desk, "Read"), notes="seen by all of us")
    product = add_product(admin, token_name(desk, "read"), **RULES)
    reader = Page(desk, "reader")
    for path in (customer, product):
        shown = reader.get(path).text
        assert f'action="{path}"' not in shown
        assert reader.post(path, etag="").status_code == 403
    assert "seen by all of us" in reader.get(customer).text
    assert "gpus=4, seats=20" in reader.get(product).text


# People


def person(page: Page, role: str = "reader") -> tuple[str, str]:
    """Somebody else's page and address."""
    email = f"{role}-{os.urandom(4).hex()}@example.com"
    now = page.desk.clock.now
    user = page.desk.site.database.write(
        lambda c: accounts.insert(c, email, "!", role, COMMAND, now)
    )
    return f"/people/{user.id}", email


def test_an_invitation_is_to_the_address_that_is_set(desk: Desk, admin: Page) -> None:
    """Else it is as the browser calls the server, and the page says so."""

    def invited(settings: ServerSettings) -> str:
        monkey.setattr(app.state.server, "site", desk.site._replace(settings=settings))
        email = f"guest-{os.urandom(4).hex()}@example.com"
        made = admin.send(admin.get("/people/new").text, "/people/invitations", email=email)
        assert made.status_code == 201
        return str(made.text)

    app: Any = desk.client.app
    with pytest.MonkeyPatch.context() as monkey:
        assert "starts with the address in your browser: http://testserver" in invited(
            desk.settings
        )
        set_ = desk.settings.model_copy(update={"public_url": "https://licences.example.com"})
        page = invited(set_)
        assert "https://licences.example.com/invitation?secret=" in page
        assert "testserver" not in page


def test_an_invitation_is_shown_once_and_lets_in(desk: Desk, admin: Page) -> None:
    email = f"guest-{os.urandom(4).hex()}@example.com"
    page = admin.get("/people/new").text
    made = admin.send(page, "/people/invitations", email=f" {email.upper()} ", role="auditor")
    assert made.status_code == 201
    found = re.search(r"http://testserver(/invitation\?secret=([\w-]+))", made.text)
    assert found
    path, secret = found[1], found[2]
    assert made.text.count(secret) == 2  # by itself, and in the mail
    assert made.headers["cache-control"] == "no-store"
    assert last_event(desk, email)[:2] == (f"user:{admin.email}", "invitation.made")
    listed = admin.get("/people").text
    assert email in listed
    assert secret not in listed
    assert secret not in str(list(row(desk, "invitations", email=email)))
    desk.client.cookies.clear()
    welcome = desk.client.get(path).text
    assert email in welcome
    fields = form(welcome, "/invitation")
    fields |= {"password": "correct horse battery", "again": "correct horse battery"}
    assert desk.client.post("/invitation", data=fields).status_code == 303
    assert row(desk, "users", email=email).role == "auditor"


def test_an_invitation_is_withdrawn(desk: Desk, admin: Page) -> None:
    email = f"not-{os.urandom(4).hex()}@example.com"
    made = admin.post("/people/invitations", email=email, role="reader", days="3")
    path = re.search(r"/invitation\?secret=[\w-]+", made.text)
    assert path
    (action,) = re.findall(
        rf'{re.escape(email)}.*?action="(/people/invitations/\w+/withdraw)"',
        admin.get("/people").text,
        re.DOTALL,
    )[:1]
    assert admin.post(action).status_code == 303
    assert email not in admin.get("/people").text
    assert last_event(desk, email)[1] == "invitation.withdrawn"
    assert desk.client.get(path[0]).status_code == 410


def test_every_mistake_in_an_invitation_is_told_beside_its_field(desk: Desk, admin: Page) -> None:
    before = desk.count("invitations")
    reply = admin.post("/people/invitations", email="<b>x</b>", role="king", days="31")
    assert reply.status_code == 422
    assert faults(reply.text).keys() == {"email", "role", "days"}
    assert form(reply.text, "/people/invitations")["email"] == "<b>x</b>"
    assert "<b>x</b>" not in reply.text
    _, email = person(admin)
    reply = admin.post("/people/invitations", email=email, role="reader", days="3")
    assert (reply.status_code, set(faults(reply.text))) == (409, {"email"})
    assert desk.count("invitations") == before


def test_a_role_is_changed_and_a_collision_is_told(desk: Desk, admin: Page) -> None:
    path, email = person(admin)
    seen = admin.get(path).text
    assert admin.send(seen, f"{path}/role", role="issuer").status_code == 303
    assert row(desk, "users", email=email).role == "issuer"
    assert last_event(desk, email) == (
        f"user:{admin.email}",
        "user.role-changed",
        {"before": "reader", "role": "issuer"},
    )
    collided = admin.send(seen, f"{path}/role", role="auditor")
    assert collided.status_code == 412
    assert faults(collided.text) == {"role": "saved value: issuer."}
    assert row(desk, "users", email=email).role == "issuer"
    assert admin.send(collided.text, f"{path}/role").status_code == 303
    assert row(desk, "users", email=email).role == "auditor"
    wrong = admin.send(admin.get(path).text, f"{path}/role", role="king")
    assert (wrong.status_code, set(faults(wrong.text))) == (422, {"role"})


def test_an_account_is_ended_and_reopened_and_signed_out(desk: Desk, admin: Page) -> None:
    somebody = Page(desk, "reader")
    path = f"/people/{somebody.session.user_id}"
    shown = admin.get(path).text
    assert "Sessions" in shown
    assert admin.send(shown, f"{path}/end-sessions").status_code == 303
    assert somebody.get("/licenses").status_code == 303  # to the way in
    assert last_event(desk, somebody.email)[1] == "session.ended-all"
    assert admin.send(admin.get(path).text, f"{path}/end").status_code == 303
    assert last_event(desk, somebody.email)[1] == "user.ended"
    assert "disabled" in admin.get(path).text
    assert f'action="{path}/end"' not in admin.get(path).text
    assert admin.send(admin.get(path).text, f"{path}/reopen").status_code == 303
    assert last_event(desk, somebody.email)[1] == "user.reopened"
    assert row(desk, "users", email=somebody.email).ended_at is None


def test_codes_of_somebody_who_lost_them_are_ended(desk: Desk, admin: Page) -> None:
    path, email = person(admin)
    assert f"{path}/end-codes" not in admin.get(path).text
    with desk.site.database.engine.begin() as connection:
        connection.execute(
            sqlalchemy.text("update users set totp = :s where email = :e"),
            {"s": b"sealed", "e": email},
        )
    assert admin.send(admin.get(path).text, f"{path}/end-codes").status_code == 303
    assert row(desk, "users", email=email).totp is None


def test_nobody_changes_themselves(desk: Desk, admin: Page) -> None:
    path = f"/people/{admin.session.user_id}"
    shown = admin.get(path).text
    assert "This is you" in shown
    assert f'action="{path}' not in shown
    for act in ("role", "end"):
        refused = admin.post(f"{path}/{act}", role="reader", etag="")
        assert refused.status_code == 403
        assert "somebody else must change" in refused.text
    assert row(desk, "users", email=admin.email).role == "administrator"


# Tokens


def before_it(desk: Desk, name: str) -> str:
    """The id of the token that stands before the one of this *name*: a page begins after it."""
    query = sqlalchemy.text("select id from tokens where name < :n order by name desc limit 1")
    with desk.site.database.reading() as connection:
        return str(connection.execute(query, {"n": name}).scalar() or "")


def test_a_list_goes_on_on_the_next_page(desk: Desk, admin: Page) -> None:
    mark = f"paged {desk.clock.now}"
    for n in range(60):
        grant = tokens.Grant(frozenset({"licenses:read"}))
        desk.site.database.write(
            lambda c, n=n, grant=grant: tokens.new_token(  # type: ignore[misc]
                c, f"{mark} {n:02}", COMMAND, desk.clock.now, os.urandom, grant
            )
        )
        add_customer(admin, f"{mark} {n:02}")
    for begin in ("/tokens", f"/customers?q={desk.clock.now}"):
        path = begin
        seen: list[str] = []
        shown = ""
        while path:
            shown = admin.get(path).text
            found = re.findall(rf">({mark} \d\d)</a>", shown)
            assert len(re.findall("<tr><td", shown)) <= 50
            assert len(shown.encode()) < 100_000
            seen += found
            further = re.search(r'rel="next" href="([^"]+)"', shown)
            path = unescape(further[1]) if further else ""
        assert seen == [f"{mark} {n:02}" for n in range(60)]
        assert "First page" in shown


def test_a_token_is_shown_once_works_and_is_revoked(desk: Desk, admin: Page) -> None:
    name = unique(desk, "order portal")
    page = admin.get("/tokens/new").text
    made = admin.send(
        page, "/tokens", name=name, products="darwin，other", **{"may:licenses:end": "yes"}
    )
    assert made.status_code == 201
    assert made.headers["cache-control"] == "no-store"
    (secret,) = set(re.findall(r"hst_\w+?_[\w-]+", made.text))
    stored = row(desk, "tokens", name=name)
    assert stored.scopes == "licenses:end licenses:issue licenses:read"
    assert json.loads(stored.products) == ["darwin", "other"]
    assert stored.expires_at == desk.clock.now + 365 * 86400
    assert last_event(desk, name)[:2] == (f"user:{admin.email}", "token.created")
    bearer = {"Authorization": f"Bearer {secret}"}
    assert desk.client.get("/api/v1/licenses", headers=bearer).status_code == 200
    one = f"/tokens/{stored.id}"
    for path in (f"/tokens?after={before_it(desk, name)}", one):
        shown = admin.get(path).text
        assert name in shown
        assert secret not in shown
        assert secret.split("_", 2)[2] not in shown
    assert admin.send(admin.get(one).text, f"{one}/revoke").status_code == 303
    assert last_event(desk, name)[1] == "token.revoked"
    desk.clock.now += 1
    assert desk.client.get("/api/v1/licenses", headers=bearer).status_code == 401
    assert "/revoke" not in admin.get(one).text
    assert name not in admin.get("/tokens").text
    assert name in admin.get("/tokens?revoked=1").text
    assert admin.post(f"{one}/revoke").status_code == 303  # a second click does no harm


def test_every_mistake_in_a_token_is_told_beside_its_field(desk: Desk, admin: Page) -> None:
    before = desk.count("tokens")
    reply = admin.post("/tokens", name=LONG, products="a b/c", days="0")
    assert reply.status_code == 422
    assert faults(reply.text).keys() == {"name", "scopes", "products", "days"}
    kept = form(reply.text, "/tokens")
    assert (kept["name"], kept["products"], kept["days"]) == (LONG, "a b/c", "0")
    whole = admin.post("/tokens", name="x", products="darwin", **{"may:record:read": "yes"})
    assert faults(whole.text).keys() == {"products"}
    name = unique(desk, "taken")
    scope = {"may:licenses:read": "yes"}
    assert admin.post("/tokens", name=name, **scope).status_code == 201
    assert faults(admin.post("/tokens", name=name, **scope).text).keys() == {"name"}
    assert desk.count("tokens") == before + 1


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_attacks_in_a_token_or_an_address_is_shown_as_text(
    desk: Desk, admin: Page, attack: str
) -> None:
    name = unique(desk, attack)
    made = admin.post("/tokens", name=name, **{"may:licenses:read": "yes"})
    path = f"/tokens/{row(desk, 'tokens', name=name).id}"
    email = f"{attack}@{os.urandom(4).hex()}".lower()
    invited = admin.post("/people/invitations", email=email, role="reader", days="1")
    for text, said in (
        (made.text, name),
        (admin.get(path).text, name),
        (admin.get(f"/tokens?after={before_it(desk, name)}").text, name),
        (invited.text, email),
        (admin.get("/people").text, email),
    ):
        assert said in unescape(text)
        assert "<script>alert" not in text
        assert "<img src=x" not in text


# Sheets


def host(line: str = LINE) -> str:
    return '"' + line.replace('"', '""') + '"'


def look_at(page: Page, text: str) -> str:
    """The address of a sheet that was given at the form."""
    reply = page.send(page.get("/sheets").text, "/sheets", sheet=text)
    assert reply.status_code == 303, faults(reply.text)
    return str(reply.headers["location"])


def exported(reply: Any) -> list[dict[str, str]]:
    """The rows of a file that was downloaded, as they stand there."""
    assert reply.status_code == 200
    assert reply.headers["content-type"].startswith("text/csv")
    assert reply.content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(reply.content.decode("utf-8-sig"))))


def test_a_sheet_is_looked_at_then_issued_and_each_line_is_accounted_for(
    desk: Desk, admin: Page
) -> None:
    name, before = unique(desk, "批量"), desk.count("licenses")
    text = f"customer,product,host,days\n{name},bulk,{host()},30\n{name} 2,bulk,{host()},60\n"
    job = look_at(admin, text)
    page = admin.get(job).text
    assert name in page
    assert re.search(r"<strong>2</strong>\s*valid rows", page)
    assert desk.count("licenses") == before
    assert admin.send(page, f"{job}/issue").headers["location"] == job
    assert desk.count("licenses") == before + 2
    shown = admin.get(job).text
    assert "2 of 2 rows done: 2 issued, 0 skipped." in shown
    numbers = re.findall(r'href="/licenses/(HS-[\w-]+)"', shown)
    result = exported(admin.get(f"{job}/result.csv"))
    assert [(one["line"], one["customer"], one["license"]) for one in result] == [
        ("2", name, numbers[0]),
        ("3", f"{name} 2", numbers[1]),
    ]
    assert last_event(desk, numbers[0])[:2] == (f"user:{admin.email}", "license.issued")
    assert job in admin.get("/sheets").text


def test_a_sheet_that_is_given_or_issued_twice_is_imported_once(desk: Desk, admin: Page) -> None:
    text = f"customer,product,host,days\n{unique(desk, 'Once')},bulk,{host()},30\n"
    job = look_at(admin, text)
    fields = form(admin.get(job).text, f"{job}/issue")
    before = desk.count("licenses")
    for _ in range(2):
        assert admin.post(f"{job}/issue", **fields).status_code == 303
    assert look_at(admin, text) == job
    assert "Importing the same file again leads back here" in admin.get(job).text
    assert desk.count("licenses") == before + 1


def test_wrong_lines_are_told_one_by_one_and_left_out_only_if_that_is_chosen(
    desk: Desk, admin: Page
) -> None:
    name, before = unique(desk, "Part"), desk.count("licenses")
    product = token_name(desk, "four-eyes")
    add_product(admin, product, needs_approval="yes")
    lines = (
        f"{name},bulk,{host()},30",
        f"{name},bulk,nonsense,30",
        f"{name},bulk,{host()},many",
        f"{name},{product},{host()},30",
    )
    job = look_at(admin, "customer,product,host,days\n" + "\n".join(lines) + "\n")
    page = admin.get(job).text
    assert "No host key was found" in page
    assert "it is not a whole number" in page
    assert "must be approved by itself" in page
    refused = admin.send(page, f"{job}/issue")
    assert (refused.status_code, set(faults(refused.text))) == (422, {"skip"})
    assert desk.count("licenses") == before
    assert admin.send(page, f"{job}/issue", skip="yes").status_code == 303
    assert desk.count("licenses") == before + 1
    shown = admin.get(job).text
    assert "4 of 4 rows done: 1 issued, 3 skipped." in shown
    assert "No host key was found" in shown
    result = exported(admin.get(f"{job}/result.csv"))
    assert result[0]["problem"] == ""
    assert [one["column"] for one in result[2:]] == ["days", "product"]


def test_a_job_that_was_stopped_goes_on_and_issues_nothing_twice(
    desk: Desk, admin: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "BATCH", 2)
    name, before = unique(desk, "Stopped"), desk.count("licenses")
    lines = "".join(f"{name},bulk,{host()},{n + 1}\n" for n in range(5))
    job = look_at(admin, f"customer,product,host,days\n{lines}")
    id_, actor = job.rpartition("/")[2], admin.session.actor
    page = admin.get(job).text
    assert agreement.begin(desk.site, id_, actor, desk.clock.now, Agreed())
    # A process that ends after its first batch: nothing is heard of the job any more.
    data = f"customer,product,host,days\n{lines}".encode()
    read = order_sheet.read(io.BytesIO(data))
    next(
        importer.issue(
            desk.site.database,
            desk.site.issuer,
            read,
            actor,
            desk.clock.now,
            os.urandom,
            uploads.job_name(id_),
        )
    )
    assert desk.count("licenses") == before + 2
    going = admin.get(job).text
    assert f'data-poll="{job}/progress"' in going
    assert '<meta http-equiv="refresh"' in going
    assert 'data-state="going"' in admin.get(f"{job}/progress").text
    assert not agreement.begin(desk.site, id_, actor, desk.clock.now, Agreed())
    desk.clock.now += job_state.STOPPED_AFTER
    stopped = admin.get(job).text
    assert "The import stopped before it finished" in stopped
    assert "data-poll" not in stopped
    assert admin.send(stopped, f"{job}/issue").status_code == 303
    assert desk.count("licenses") == before + 5
    assert "5 of 5 rows done: 5 issued, 0 skipped." in admin.get(job).text
    assert form(page, f"{job}/issue")  # the first page, sent again, begins nothing
    admin.send(page, f"{job}/issue")
    assert desk.count("licenses") == before + 5


def test_what_is_no_sheet_is_told_beside_the_field_with_its_text_kept(
    desk: Desk, admin: Page
) -> None:
    for text in ("", "customer,salary\nA,1\n", 'customer,host\nA,"b\n', "customer\nA,b,c\n"):
        reply = admin.send(admin.get("/sheets").text, "/sheets", sheet=text)
        assert reply.status_code == 422
        assert faults(reply.text).keys() == {"sheet"}
        assert form(reply.text, "/sheets")["sheet"].strip() == text.strip()
    empty = look_at(admin, "customer,product,host,days\n")
    assert "No rows below the column names" in admin.get(empty).text


def test_a_sheet_may_be_larger_than_other_forms_but_not_without_end(
    desk: Desk, admin: Page
) -> None:
    lines = "".join(f"{'长' * 60},bulk,{host()},{n % 90 + 1}\n" for n in range(2000))
    assert len(lines) > middleware.MAX_BODY
    job = look_at(admin, f"customer,product,host,days\n{lines}")
    page = admin.get(job)
    assert re.search(r"<strong>2000</strong>\s*valid rows", page.text)
    assert len(page.content) < 100_000
    assert admin.post("/sheets", sheet="x" * (sheets.SHEET_CAPS["/sheets"] + 1)).status_code == 413
    assert admin.post("/customers", name="x" * (middleware.MAX_BODY + 1)).status_code == 413


def test_a_large_sheet_that_is_refused_is_not_sent_back(desk: Desk, admin: Page) -> None:
    for size, kept in ((sheets._MOST_SHOWN, True), (sheets._MOST_SHOWN + 1, False)):
        reply = admin.post("/sheets", sheet="x" * size)
        assert reply.status_code == 422
        assert faults(reply.text).keys() == {"sheet"}
        assert bool(form(reply.text, "/sheets")["sheet"]) is kept


def test_a_sheet_is_looked_at_once_a_minute_however_often_its_page_is_asked_for(
    desk: Desk, admin: Page
) -> None:
    name = unique(desk, "Looked")
    product = token_name(desk, "looked")
    job = look_at(admin, f"customer,product,host,days\n{name},{product},{host()},30\n")
    right = re.compile(r"<strong>1</strong>\s*valid row<")
    assert right.search(admin.get(job).text)
    add_product(admin, product, needs_approval="yes")
    desk.clock.now += preview.SHOWN_AGAIN_SECONDS - 1
    page = admin.get(job).text
    assert right.search(page)
    # It is not begun on the word of an earlier look.
    assert admin.send(page, f"{job}/issue").status_code == 412
    assert "must be approved by itself" in admin.get(job).text


def test_the_last_previews_are_kept_and_no_more(desk: Desk, admin: Page) -> None:
    previews, now = preview.Previews(most=2), desk.clock.now
    made = []
    for n in range(3):
        name = f"{unique(desk, 'Few')} {n}"
        job = look_at(admin, f"customer,product,host,days\n{name},p,{host()},3\n")
        made.append(previews.show(desk.site, job.rpartition("/")[2], admin.session.actor, now))
    assert len(previews) == 2
    assert previews.show(desk.site, job.rpartition("/")[2], admin.session.actor, now) is made[2]


@pytest.mark.parametrize("change", ["ended", "demoted"])
def test_an_import_ends_with_the_account_of_who_began_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    monkeypatch.setattr(batches, "BATCH", 2)
    page, now, write = Page(desk, "issuer"), desk.clock.now, desk.site.database.write
    name, actor = unique(desk, change), page.session.actor
    lines = "".join(f"{name},bulk,{host()},{n + 1}\n" for n in range(6))
    id_ = look_at(page, f"customer,product,host,days\n{lines}").rpartition("/")[2]
    assert agreement.begin(desk.site, id_, actor, now, Agreed())
    before = desk.count("licenses")
    user = desk.site.database.read(lambda c: accounts.find(c, page.email))
    looked: list[int] = []

    def clock() -> int:
        """It is looked at before the first batch, and when that is noted."""
        looked.append(1)
        if len(looked) == 2 and change == "ended":
            write(lambda c: accounts.end(c, user, COMMAND, now))
        elif len(looked) == 2:
            write(lambda c: accounts.change_role(c, user, "reader", COMMAND, now))
        return now

    runner.run(desk.site._replace(clock=clock), id_, actor)
    job = desk.site.database.read(lambda c: jobs.find(c, id_, actor))
    assert job is not None
    assert job.problem == "not-permitted"
    assert job.stopped(now)
    # While the first batch was noted, the second was on its way.
    assert 2 <= job.progress.issued == desk.count("licenses") - before <= 4


def test_of_those_who_begin_a_job_at_once_one_does(desk: Desk, admin: Page) -> None:
    job = look_at(admin, f"customer,product,host,days\n{unique(desk, 'Race')},bulk,{host()},30\n")
    id_, actor, write = job.rpartition("/")[2], admin.session.actor, desk.site.database.write
    all_accepted = threading.Barrier(4)

    def begin(now: int) -> bool:
        wanted = agreement.accept(desk.site, id_, actor, now, Agreed())
        all_accepted.wait()
        return write(lambda connection: jobs.begin(connection, wanted, actor))

    for now in (desk.clock.now, desk.clock.now + job_state.STOPPED_AFTER):  # then it goes on
        with ThreadPoolExecutor(4) as pool:
            begun = [pool.submit(begin, now) for _ in "1234"]
            assert sorted(one.result() for one in begun) == [False, False, False, True]


def test_who_looks_at_a_sheet_that_somebody_else_imported_is_warned(
    desk: Desk, admin: Page
) -> None:
    other = Page(desk, "issuer")
    text = f"customer,product,host,days\n{unique(desk, 'Both')},bulk,{host()},30\n"
    job, warning = look_at(other, text), "already imported this file"
    mine = look_at(admin, text)
    assert warning not in admin.get(mine).text  # they only looked
    page = other.get(job).text
    assert warning not in page
    other.send(page, f"{job}/issue")
    assert f"{other.email} {warning}" in admin.get(mine).text


def test_nobody_else_sees_a_sheet(desk: Desk, admin: Page) -> None:
    job = look_at(admin, f"customer,product,host,days\n{unique(desk, 'Mine')},p,{host()},3\n")
    other = Page(desk, "issuer")
    for path in (job, f"{job}/result.csv", f"{job}/progress"):
        assert other.get(path).status_code == 404
    assert other.post(f"{job}/issue").status_code == 404
    reader = Page(desk, "reader")
    assert reader.get(job).status_code == 403
    shown = reader.get("/sheets").text
    assert 'action="/sheets"' not in shown
    assert 'action="/sheets/licenses.csv"' in shown


FORMULAE = ('=HYPERLINK("http://x")', "+1+1", "-1", "@SUM(A1)", "'=1", "=cmd|' /C calc'!A0")


def test_formulae_and_markup_go_through_a_sheet_and_come_out_harmless(
    desk: Desk, admin: Page
) -> None:
    product = token_name(desk, "csv")
    names = [f"{text} {desk.clock.now}" for text in (*FORMULAE, *ATTACKS)]
    sheet = io.StringIO()
    writer = csv.writer(sheet)
    writer.writerow(("customer", "product", "host", "days"))
    writer.writerows((name, product, LINE, 30) for name in names)
    writer.writerow((f"{RTL} {desk.clock.now}", product, LINE, 30))
    job = look_at(admin, sheet.getvalue())
    page = admin.get(job).text
    for attack in ATTACKS:
        assert attack in unescape(page)
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "\u202e" not in page
    assert admin.send(page, f"{job}/issue", skip="yes", alike="yes").status_code == 303
    rows = exported(admin.get(f"/sheets/licenses.csv?product={product}"))
    assert len(rows) == len(names)
    for path in (f"/sheets/licenses.csv?product={product}", f"{job}/result.csv"):
        for one in exported(admin.get(path)):
            for field in one.values():
                assert not field.startswith(("=", "+", "-", "@", "\t", "\r")), field
    # What a sheet brings in behind an apostrophe, it takes out behind one: nothing is lost.
    out = {one["customer"].removeprefix("'") for one in rows}
    assert out == {name.removeprefix("'") for name in names}


def test_an_export_has_the_licences_that_its_filters_tell(desk: Desk, admin: Page) -> None:
    product, name = token_name(desk, "out"), unique(desk, "Out")
    text = "customer,product,host,days\n" + "".join(
        f"{name} {n},{product},{host()},30\n" for n in range(3)
    )
    job = look_at(admin, text)
    admin.send(admin.get(job).text, f"{job}/issue")
    export = "/sheets/licenses.csv?product=" + product
    assert len(exported(admin.get(export))) == 3
    (only,) = exported(admin.get(f"{export}&customer={name.replace(' ', '+')}+1&state=active"))
    assert only["customer"] == f"{name} 1"
    assert exported(admin.get(f"{export}&state=revoked")) == []
    assert admin.get(f"{export}&state=lost").status_code == 422


def test_an_export_of_what_there_is_not_is_a_problem_and_no_empty_file(
    desk: Desk, admin: Page
) -> None:
    product, name = token_name(desk, "none"), unique(desk, "None")
    add_product(admin, product)
    path = add_customer(admin, name)
    typed = {"customer": f"{name}x", "product": f"{product}x", "state": "lost"}
    reply = admin.get("/sheets/licenses.csv?" + urlencode(typed))
    assert reply.status_code == 422
    assert faults(reply.text).keys() == {"product", "customer", "state"}
    assert "no customer has just this name" in faults(reply.text)["customer"]
    assert f'value="{name}x"' in reply.text
    link = re.search(r'href="(/sheets/licenses\.csv\?[^"]+)"', admin.get(path).text)
    assert link is None  # nobody has a licence there yet
    assert exported(admin.get("/sheets/licenses.csv?" + urlencode({"customer": name}))) == []


def test_an_export_tells_who_is_over_in_the_words_of_the_interface(desk: Desk, admin: Page) -> None:
    product = token_name(desk, "over")
    job = look_at(
        admin, f"customer,product,host,days\n{unique(desk, 'Over')},{product},{host()},1\n"
    )
    admin.send(admin.get(job).text, f"{job}/issue")
    export = f"/sheets/licenses.csv?product={product}"
    assert [one["state"] for one in exported(admin.get(export))] == ["active"]
    desk.clock.now += 3 * 86400
    admin = Page(desk)  # the former session is over, too
    assert [one["state"] for one in exported(admin.get(export))] == ["expired"]
    assert len(exported(admin.get(f"{export}&state=expired"))) == 1
    assert exported(admin.get(f"{export}&state=valid")) == []


def test_the_files_of_an_import_are_taken_as_one_archive(desk: Desk, admin: Page) -> None:
    """And each by itself; nothing in it leads out of its folder."""
    name = f"../{unique(desk, 'Zip 云')}"
    lines = "".join(f"{name},bulk,{host()},{n + 1}\n" for n in range(3))
    job = look_at(admin, f"customer,product,host,days\n{lines}{name},bulk,nonsense,3\n")
    assert zipfile.ZipFile(io.BytesIO(admin.get(f"{job}/files.zip").content)).namelist() == []
    admin.send(admin.get(job).text, f"{job}/issue", skip="yes")
    page = admin.get(job).text
    numbers = re.findall(r'href="/licenses/(HS-[\w-]+)"', page)
    assert len(numbers) == 3
    packed = zipfile.ZipFile(io.BytesIO(admin.get(f"{job}/files.zip").content))
    assert packed.testzip() is None
    for number, entry in zip(numbers, packed.namelist(), strict=True):
        assert re.fullmatch(rf"{number}_[\w-]+/license\.dat", entry)
        assert "云" in entry
        assert f'href="/licenses/{number}/license.dat"' in page
        assert packed.read(entry) == admin.get(f"/licenses/{number}/license.dat").content


def test_a_sheet_is_not_issued_by_other_rules_than_were_looked_at(
    desk: Desk, admin: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = token_name(desk, "rules")
    add_product(admin, product, days="30")
    text = "".join(f"{unique(desk, 'Rules')} {n},{product},{host()}\n" for n in range(4))
    job = look_at(admin, f"customer,product,host\n{text}")
    page, before = admin.get(job).text, desk.count("licenses")
    id_ = row(desk, "products", name=product).id

    def change(days: int) -> None:
        members = {"defaults": {"days": days}}
        desk.site.database.write(
            lambda c: products.change(c, product, members, COMMAND, desk.clock.now)
        )

    change(400)
    refused = admin.send(page, f"{job}/issue")
    assert (refused.status_code, desk.count("licenses")) == (412, before)
    assert "the rules of a product that the sheet names" in refused.text
    # Seen with the rules as they are now, it is issued; what changes meanwhile stops it.
    monkeypatch.setattr(batches, "BATCH", 2)
    agreed = Agreed(form(refused.text, f"{job}/issue")["rules"])
    actor, key = admin.session.actor, job.rpartition("/")[2]
    assert agreement.begin(desk.site, key, actor, desk.clock.now, agreed)
    change(3650)
    runner.run(desk.site, key, actor)
    stopped = admin.get(job).text
    assert f"the rules of {product} were changed after the sheet was looked at" in stopped
    assert desk.count("licenses") == before
    assert admin.send(stopped, f"{job}/issue").status_code == 303
    assert desk.count("licenses") == before + 4
    assert admin.get(f"/products/{id_}").status_code == 200


def test_a_job_that_waits_for_its_turn_is_not_called_stopped(desk: Desk, admin: Page) -> None:
    lines = f"{unique(desk, 'Waits')},bulk,{host()},30\n"
    job = look_at(admin, f"customer,product,host,days\n{lines}")
    id_, actor = job.rpartition("/")[2], admin.session.actor
    assert agreement.begin(desk.site, id_, actor, desk.clock.now, Agreed())
    seen: list[str] = []

    async def second() -> None:
        turns = anyio.CapacityLimiter(1)
        turns.acquire_on_behalf_of_nowait("first")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(runner.run_in_turn, desk.site, id_, actor, turns, 0.01)
            try:
                desk.clock.now += job_state.STOPPED_AFTER
                while not seen:
                    found = await desk.site.read(lambda c: jobs.find(c, id_, actor))
                    assert found is not None
                    if found.waits and not found.stopped(desk.clock.now):
                        seen.append("waits")
            finally:
                turns.release_on_behalf_of("first")

    before = desk.count("licenses")
    portal: Any = desk.client.portal
    portal.call(second)
    done = desk.site.database.read(lambda c: jobs.find(c, id_, actor))
    assert done is not None
    assert (done.over, done.waits, desk.count("licenses")) == (True, False, before + 1)


ALIKE = (
    ("{0} Optics", "{0}  OPTICS"),
    ("{0} Optics", "{0}Optics Inc."),
    ("{0} Ltd", "{0} Limited"),
    ("云渲{0}有限公司", "云渲{0}"),
    ("{0} Optics", "{1} ｏｐｔｉｃｓ"),
)


@pytest.mark.parametrize(("there", "typed"), ALIKE)
def test_who_adds_a_customer_that_is_nearly_there_is_asked_first(
    desk: Desk, admin: Page, there: str, typed: str
) -> None:
    token = f"Q{os.urandom(4).hex()}"
    wide = "".join(chr(ord(c) + 0xFEE0) for c in token)
    there, typed = there.format(token, wide), typed.format(token, wide)
    path = add_customer(admin, there)
    asked = admin.send(admin.get("/customers/new").text, "/customers", name=typed)
    assert asked.status_code == 409
    assert f'<a href="{path}">{there}</a>' in unescape(asked.text)
    # On a sheet and on the form for a licence, too.
    job = look_at(admin, f"customer,product,host,days\n{typed},bulk,{host()},3\n")
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


def test_the_lines_of_one_sheet_are_alike_too(desk: Desk, admin: Page) -> None:
    name = unique(desk, "Twice")
    text = f"{name},bulk,{host()},3\n{name.upper()} LLC,bulk,{host()},3\n"
    job = look_at(admin, f"customer,product,host,days\n{text}")
    page = admin.get(job).text
    assert "(also in this file)" in page
    assert admin.send(page, f"{job}/issue", alike="yes").status_code == 303


def test_of_a_customer_live_licences_stand_first_and_all_that_was_done(
    desk: Desk, admin: Page
) -> None:
    name = unique(desk, "First")
    numbers = []
    for days in (400, 1, 1, 1, 1, 1):
        order = {"customer": name, "product": "bulk", "days": days, "host": LINE}
        made = desk.client.post("/api/v1/licenses", json=order, headers=desk.bearer)
        numbers.append(made.json()["id"])
    desk.clock.now += 3 * 86400
    admin = Page(desk)
    id_ = row(desk, "customers", name=name).id
    page = admin.get(f"/customers/{id_}").text
    listed = re.findall(r'<li><a class="number" href="/licenses/(HS-[\w-]+)"', page)
    assert listed == [numbers[0], *numbers[:1:-1]]
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


def test_a_product_leads_to_a_licence_for_it(desk: Desk, admin: Page) -> None:
    product = token_name(desk, "leads")
    path = add_product(admin, product)
    assert f'href="/licenses/new?product={product}"' in admin.get(path).text


def test_the_example_can_be_imported_as_it_is(desk: Desk, admin: Page) -> None:
    text = admin.get("/sheets/example.csv").content.decode("utf-8-sig")
    page = admin.get(look_at(admin, text)).text
    assert re.search(r"<strong>2</strong>\s*valid rows", page)
    assert re.search(r"<strong>0</strong>\s*rows with errors", page)


def test_every_column_is_explained_in_both_languages() -> None:
    assert tuple(sheets.COLUMNS) == order_sheet.COLUMNS
    said = {*sheets.COLUMNS.values(), *license_store.STATES, "expired"}
    assert not said - translated()
