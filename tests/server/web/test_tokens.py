"""API tokens at the desk."""

import json
import os
import re
from html import unescape

import pytest
import sqlalchemy

from license_server.access import tokens
from license_server.actor import COMMAND
from tests.support.attacks import ATTACKS, LONG
from tests.support.desk import Desk, last_event, row, unique
from tests.support.desk_forms import add_customer
from tests.support.desk_user import DeskUser
from tests.support.pages import faults, form, once


def before_it(desk: Desk, name: str) -> str:
    """The id of the token that stands before the one of this *name*: a page begins after it."""
    query = sqlalchemy.text("select id from tokens where name < :n order by name desc limit 1")
    with desk.site.database.reading() as connection:
        return str(connection.execute(query, {"n": name}).scalar() or "")


def test_token_and_customer_lists_are_paged(desk: Desk, admin: DeskUser) -> None:
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


def test_api_token_is_shown_once_works_and_can_be_revoked(desk: Desk, admin: DeskUser) -> None:
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
    for path in (f"/tokens?cursor={before_it(desk, name)}", one):
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


def test_api_token_form_marks_every_wrong_field(desk: Desk, admin: DeskUser) -> None:
    before = desk.count("tokens")
    reply = admin.post("/tokens", **once(), name=LONG, products="a b/c", days="0")
    assert reply.status_code == 422
    assert faults(reply.text).keys() == {"name", "scopes", "products", "days"}
    kept = form(reply.text, "/tokens")
    assert (kept["name"], kept["products"], kept["days"]) == (LONG, "a b/c", "0")
    whole = admin.post(
        "/tokens",
        **once(),
        name="x",
        products="darwin",
        **{"may:record:read": "yes"},
    )
    assert faults(whole.text).keys() == {"products"}
    name = unique(desk, "taken")
    scope = {"may:licenses:read": "yes"}
    assert admin.post("/tokens", **once(), name=name, **scope).status_code == 201
    assert faults(admin.post("/tokens", **once(), name=name, **scope).text).keys() == {"name"}
    assert desk.count("tokens") == before + 1


@pytest.mark.parametrize("attack", ATTACKS)
def test_hostile_text_in_tokens_and_invitations_is_escaped(
    desk: Desk, admin: DeskUser, attack: str
) -> None:
    name = unique(desk, attack)
    made = admin.post("/tokens", **once(), name=name, **{"may:licenses:read": "yes"})
    path = f"/tokens/{row(desk, 'tokens', name=name).id}"
    email = f"{attack}@{os.urandom(4).hex()}".lower()
    invited = admin.post("/people/invitations", **once(), email=email, role="reader", days="1")
    for text, said in (
        (made.text, name),
        (admin.get(path).text, name),
        (admin.get(f"/tokens?cursor={before_it(desk, name)}").text, name),
        (invited.text, email),
        (admin.get("/people").text, email),
    ):
        assert said in unescape(text)
        assert "<script>alert" not in text
        assert "<img src=x" not in text
