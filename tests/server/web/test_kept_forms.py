"""A form that is sent after its session waits, filled in, for the person who typed it."""

import os
import re
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from license_server.access import access_store, sessions
from license_server.catalog import products
from license_server.db.tables import drafts
from license_server.web import kept_forms, pages
from tests.support.api import issue
from tests.support.desk import Desk, unique
from tests.support.desk_forms import add_customer, add_product
from tests.support.desk_user import DeskUser
from tests.support.issue_form import new_product
from tests.support.pages import all_hidden, form
from tests.support.server import LINE

HOURS = 3600
TEMPLATES = Path(pages.__file__).parent / "templates"


def sign_in_again(user: DeskUser) -> None:
    """A new session of the same person."""
    desk = user.desk
    write, now = desk.site.database.write, desk.clock.now
    known = write(lambda c: access_store.user_by_email(c, user.email))
    assert known is not None
    user.session = write(
        lambda c: sessions.open_session(c, known, now, 12, os.urandom, "192.0.2.1")
    )


def sent_too_late(user: DeskUser, path: str, action: str, **typed: str) -> Any:
    """Send the form on a page once its session is over."""
    page = user.get(path)
    assert page.status_code == 200, page.text
    user.desk.clock.now += 13 * HOURS
    return user.send(page.text, action, **typed)


def behind(reply: Any) -> str:
    """Where one comes after signing in."""
    assert reply.status_code == 303, reply.text
    address = urlsplit(reply.headers["location"])
    assert address.path == "/login"
    return str(parse_qs(address.query).get("next", [""])[0])


def is_kept(desk: Desk, text: str) -> bool:
    """Whether some draft has *text*."""
    with desk.site.database.reading() as connection:
        return any(text in row.fields for row in connection.execute(drafts.select()))


@pytest.fixture
def places(desk: Desk, admin: DeskUser) -> dict[str, str]:
    """The paths of a customer, a product and a licence, and its number."""
    number = admin.issue()
    return {
        "number": number,
        "customer": add_customer(admin, unique(desk, "Kept")),
        "product": add_product(admin, unique(desk, "kept")),
        "licence": f"/licenses/{number}",
    }


NOTE = "half an hour's work\n  with\tblanks, “quotes” & <tags>"
TYPED: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("/licenses/new", "/licenses/preview", {"host": LINE, "customer": "Späť", "reason": NOTE}),
    ("/customers/new", "/customers", {"name": "Neu", "notes": NOTE}),
    ("{customer}", "{customer}", {"contact_name": "Ada", "notes": NOTE}),
    ("/products/new", "/products", {"name": "x y", "limits": "gpus 4"}),
    ("{product}", "{product}", {"edition": "pro", "longest_days": "9"}),
    ("/tokens/new", "/tokens", {"name": "portal", "products": "darwin"}),
    ("/people/new", "/people/invitations", {"email": "ada@example.com", "days": "3"}),
    ("/views?room=/people", "/views", {"name": "By role", "room": "/people", "query": "sort=role"}),
    ("{licence}", "{licence}/notes#life", {"note": NOTE}),
    ("{licence}/renew", "{licence}/renew", {"days": "77", "reason": NOTE}),
    ("{licence}/rehost", "{licence}/rehost", {"host": LINE, "reason": NOTE}),
    ("{licence}/revoke", "{licence}/revoke", {"reason": NOTE}),
    ("/sheets", "/sheets", {"sheet": "customer,product\nA,b\n"}),
    ("/keys", "/keys/revocations", {"days": "soon"}),
    ("/licenses/many?act=renew&number={number}", "/licenses/many", {"days": "77", "reason": NOTE}),
    ("/licenses/many?act=revoke&scope=all&q={number}", "/licenses/many", {"reason": NOTE}),
)


@pytest.mark.parametrize(("path", "action", "typed"), TYPED, ids=[one[0] for one in TYPED])
def test_what_was_typed_is_in_the_form_again_after_signing_in(
    admin: DeskUser, places: dict[str, str], path: str, action: str, typed: dict[str, str]
) -> None:
    path, action = path.format(**places), action.format(**places)
    before = admin.desk.count("audit_events")
    address = behind(sent_too_late(admin, path, action, **typed))
    assert address.startswith(f"{path.partition('?')[0]}?kept=")
    sign_in_again(admin)
    page = admin.get(address)
    assert page.status_code == 200, page.text
    shown = form(page.text, action)
    assert {name: shown[name].lstrip("\n") for name in typed} == typed
    assert "Your session had ended" in page.text
    # Nothing was done but to sign in, and nobody else finds it.
    assert admin.desk.count("audit_events") == before + 1
    other = DeskUser(admin.desk).get(address)
    assert "Your session had ended" not in other.text
    assert NOTE.splitlines()[0] not in other.text
    # Sent again it acts as if it had come in time.
    sent = admin.send(page.text, action)
    assert sent.status_code in (200, 201, 303, 422), sent.text
    assert "/login" not in sent.headers.get("location", "")


def test_the_proposals_that_were_chosen_are_there_again(desk: Desk, admin: DeskUser) -> None:
    product, path = new_product(desk, needs_approval=True), "/proposals/chosen"
    ids = [
        str(issue(desk, product=product, customer=unique(desk, "Chosen")).json()["id"])
        for _ in "12"
    ]
    asked = f"{path}?{urlencode([('id', one) for one in ids])}"
    address = behind(sent_too_late(admin, asked, path, reason=NOTE))
    sign_in_again(admin)
    again = form(admin.get(address).text, path)
    assert (again["ids"], again["reason"].lstrip("\n")) == (",".join(ids), NOTE)


def test_the_plan_that_was_changed_is_there_again(desk: Desk, admin: DeskUser) -> None:
    name = new_product(desk, plans={"Pro": {"days": 365}})
    with desk.site.database.reading() as connection:
        place = f"/products/{products.find(connection, name).id}"
    path = f"{place}/plan?name=Pro"
    address = behind(sent_too_late(admin, path, path, days="77"))
    sign_in_again(admin)
    page = admin.get(address).text
    action = next(one for one in actions(page) if one.startswith(path))
    assert form(page, action)["days"] == "77"
    assert admin.send(page, action).status_code == 303
    # A button is nothing that was typed: the page is there as it is stored.
    late = sent_too_late(admin, path, f"{place}/plan/archive?name=Pro")
    assert behind(late) == path


def test_the_customer_to_merge_with_is_there_again(desk: Desk, admin: DeskUser) -> None:
    one, other = unique(desk, "Merged"), unique(desk, "Left")
    path = add_customer(admin, one)
    add_customer(admin, other)
    asked = f"{path}/merge?{urlencode({'name': other})}"
    address = behind(sent_too_late(admin, asked, f"{path}/merge"))
    sign_in_again(admin)
    page = admin.get(address).text
    assert f"{one} → " in page
    assert admin.send(page, f"{path}/merge").status_code == 303


def test_a_button_of_a_list_leads_back_to_the_list(admin: DeskUser) -> None:
    admin.send(admin.get("/people/new").text, "/people/invitations", email="w@example.com")
    page = admin.get("/people").text
    action = next(one for one in actions(page) if one.endswith("/withdraw"))
    assert behind(sent_too_late(admin, "/people", action)) == "/people"


def actions(page: str) -> list[str]:
    """Where the forms of a page are sent."""
    return [unescape(one) for one in re.findall(r'<form[^>]* action="([^"]+)"', page)]


def test_a_form_whose_preview_was_seen_leads_back_to_the_preview(admin: DeskUser) -> None:
    number = admin.issue()
    looked = admin.preview(number, "renew", days="50")
    admin.desk.clock.now += 13 * HOURS
    late = admin.post(f"/licenses/{number}/renew", **all_hidden(looked.text) | {"step": "do"})
    address = behind(late)
    assert address.startswith(f"/licenses/{number}/renew?draft=")
    sign_in_again(admin)
    again = admin.get(address).text
    assert "Renew" in again
    done = admin.post(f"/licenses/{number}/renew", **all_hidden(again) | {"step": "do"})
    assert done.status_code == 303


def test_checkboxes_are_as_they_were_left(admin: DeskUser) -> None:
    page = admin.get("/tokens/new").text
    fields = form(page, "/tokens") | {"name": "n", "may:licenses:end": "yes"}
    unticked = next(name for name in fields if name.startswith("may:") and "read" in name)
    checked = re.findall(r'name="(may:[^"]+)" value="yes" checked', page)
    assert checked
    fields |= dict.fromkeys(checked[1:], "yes")
    fields.pop(checked[0], None)
    admin.desk.clock.now += 13 * HOURS
    address = behind(admin.post("/tokens", **fields))
    sign_in_again(admin)
    again = admin.get(address).text
    ticked = set(re.findall(r'name="(may:[^"]+)" value="yes" checked', again))
    assert ticked == {*checked[1:], "may:licenses:end"}
    assert unticked


def test_a_colleagues_change_meanwhile_is_not_overwritten(
    desk: Desk, admin: DeskUser, places: dict[str, str]
) -> None:
    path = places["customer"]
    address = behind(sent_too_late(admin, path, path, contact_name="Mine"))
    colleague = DeskUser(desk)
    colleague.send(colleague.get(path).text, path, contact_name="Theirs")
    sign_in_again(admin)
    reply = admin.send(admin.get(address).text, path)
    assert reply.status_code == 412
    assert "Theirs" in reply.text


def test_a_second_session_of_the_same_person_goes_on_with_the_form(admin: DeskUser) -> None:
    page = admin.get("/customers/new").text
    typed = form(page, "/customers") | {"name": "Both tabs"}
    sign_in_again(admin)
    admin.enter()
    reply = admin.desk.client.post("/customers", data=typed)
    assert reply.status_code == 303
    assert reply.headers["location"].startswith("/customers/new?kept=")
    assert 'value="Both tabs"' in admin.get(reply.headers["location"]).text


def test_a_form_of_one_person_is_not_kept_for_another(desk: Desk, admin: DeskUser) -> None:
    page, name = admin.get("/customers/new").text, unique(desk, "not yours")
    typed = form(page, "/customers") | {"name": name}
    other = DeskUser(desk)
    other.enter()
    reply = desk.client.post("/customers", data=typed)
    assert reply.status_code == 403
    assert not is_kept(desk, name)


def test_secrets_are_never_kept(desk: Desk, admin: DeskUser) -> None:
    typed = {"current": "old secret", "password": "new secret", "again": "new secret"}
    reply = sent_too_late(admin, "/account", "/account/password", **typed)
    assert behind(reply) == "/account"
    assert not is_kept(desk, "secret")
    fields = {name for path in TEMPLATES.rglob("*.html") for name in _secret_fields(path)}
    assert fields <= kept_forms.SECRETS


def _secret_fields(path: Path) -> set[str]:
    tags = re.findall(r"<input[^>]*>", path.read_text("utf-8"))
    secret = [tag for tag in tags if 'type="password"' in tag or "one-time-code" in tag]
    return {name for tag in secret for name in re.findall(r'name="(\w+)"', tag)}


@pytest.mark.parametrize("sealed", ["", "forged", "{other}x"])
def test_a_form_without_a_seal_of_this_server_is_not_kept(
    desk: Desk, admin: DeskUser, sealed: str
) -> None:
    page, name = admin.get("/customers/new").text, unique(desk, "unsealed")
    seal = form(page, "/customers")["typed_by"]
    desk.clock.now += 13 * HOURS
    reply = admin.send(page, "/customers", name=name, typed_by=sealed.format(other=seal))
    assert behind(reply) == ""
    assert not is_kept(desk, name)


def test_a_form_that_another_site_sends_is_not_kept(desk: Desk, admin: DeskUser) -> None:
    page, name = admin.get("/customers/new").text, unique(desk, "elsewhere")
    typed = form(page, "/customers") | {"name": name}
    desk.clock.now += 13 * HOURS
    admin.enter()
    elsewhere = {"Sec-Fetch-Site": "cross-site"}
    reply = desk.client.post("/customers", data=typed, headers=elsewhere)
    assert behind(reply) == ""
    assert not is_kept(desk, name)


def test_an_account_that_was_disabled_gets_nothing_kept(desk: Desk, admin: DeskUser) -> None:
    page, name = admin.get("/customers/new").text, unique(desk, "disabled")
    other = DeskUser(desk)
    with desk.site.database.reading() as connection:
        user = access_store.user_by_email(connection, admin.email)
    assert user is not None
    other.send(other.get(f"/people/{user.id}").text, f"/people/{user.id}/end")
    assert behind(admin.send(page, "/customers", name=name)) == ""
    assert not is_kept(desk, name)


def test_a_reload_after_making_a_token_says_that_it_was_made(desk: Desk, admin: DeskUser) -> None:
    page, name = admin.get("/tokens/new").text, unique(desk, "reload")
    first = admin.send(page, "/tokens", name=name)
    assert first.status_code == 201
    again = admin.send(page, "/tokens", name=name)
    assert again.status_code == 303
    told = admin.get(again.headers["location"]).text
    assert "the API token was created" in told
    assert "No API token was created" not in told
    secret = re.search(r'<pre id="secret"[^>]*>([^<]+)<', first.text)
    assert secret is not None
    assert secret[1] not in told


def test_a_reload_after_inviting_keeps_the_link_that_was_shown(desk: Desk, admin: DeskUser) -> None:
    page, email = admin.get("/people/new").text, f"{unique(desk, 'r')}@example.com"
    first = admin.send(page, "/people/invitations", email=email)
    assert first.status_code == 201
    again = admin.send(page, "/people/invitations", email=email)
    assert again.status_code == 303
    assert f"{email} is invited" in admin.get(again.headers["location"]).text
    link = re.search(r"(/invitation\?secret=[\w-]+)", first.text)
    assert link is not None
    assert desk.client.get(link[1]).status_code == 200
