"""Users and invitations at the desk."""

import os
import re
from typing import Any

import pytest
import sqlalchemy

from license_server.access import accounts
from license_server.actor import COMMAND
from license_server.settings import ServerSettings
from tests.support.desk import Desk, last_event, row
from tests.support.desk_user import DeskUser
from tests.support.pages import faults, form, once


def person(page: DeskUser, role: str = "reader") -> tuple[str, str]:
    """Somebody else's page and address."""
    email = f"{role}-{os.urandom(4).hex()}@example.com"
    now = page.desk.clock.now
    user = page.desk.site.database.write(
        lambda c: accounts.insert(c, email, "!", role, COMMAND, now)
    )
    return f"/people/{user.id}", email


def test_invitation_link_uses_the_configured_public_url(desk: Desk, admin: DeskUser) -> None:
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


def test_invitation_is_shown_once_and_creates_the_account(desk: Desk, admin: DeskUser) -> None:
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


def test_withdrawn_invitation_stops_working(desk: Desk, admin: DeskUser) -> None:
    email = f"not-{os.urandom(4).hex()}@example.com"
    made = admin.post("/people/invitations", **once(), email=email, role="reader", days="3")
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


def test_invitation_form_marks_every_wrong_field(desk: Desk, admin: DeskUser) -> None:
    before = desk.count("invitations")
    reply = admin.post("/people/invitations", **once(), email="<b>x</b>", role="king", days="31")
    assert reply.status_code == 422
    assert faults(reply.text).keys() == {"email", "role", "days"}
    assert form(reply.text, "/people/invitations")["email"] == "<b>x</b>"
    assert "<b>x</b>" not in reply.text
    _, email = person(admin)
    reply = admin.post("/people/invitations", **once(), email=email, role="reader", days="3")
    assert (reply.status_code, set(faults(reply.text))) == (409, {"email"})
    assert desk.count("invitations") == before


def test_concurrent_role_changes_are_reported(desk: Desk, admin: DeskUser) -> None:
    path, email = person(admin)
    seen = admin.get(path).text
    assert admin.send(seen, f"{path}/role", role="issuer").status_code == 303
    assert row(desk, "users", email=email).role == "issuer"
    assert last_event(desk, email) == (
        f"user:{admin.email}",
        "user.role-changed",
        {"before": "reader", "role": "issuer", "changed": {"role": ["reader", "issuer"]}},
    )
    collided = admin.send(seen, f"{path}/role", role="auditor")
    assert collided.status_code == 412
    assert faults(collided.text) == {"role": "saved value: issuer."}
    assert row(desk, "users", email=email).role == "issuer"
    assert admin.send(collided.text, f"{path}/role").status_code == 303
    assert row(desk, "users", email=email).role == "auditor"
    wrong = admin.send(admin.get(path).text, f"{path}/role", role="king")
    assert (wrong.status_code, set(faults(wrong.text))) == (422, {"role"})


def test_account_can_be_signed_out_disabled_and_reopened(desk: Desk, admin: DeskUser) -> None:
    somebody = DeskUser(desk, "reader")
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


def test_administrator_can_turn_off_a_users_one_time_codes(desk: Desk, admin: DeskUser) -> None:
    path, email = person(admin)
    assert f"{path}/end-codes" not in admin.get(path).text
    with desk.site.database.engine.begin() as connection:
        connection.execute(
            sqlalchemy.text("update users set totp = :s where email = :e"),
            {"s": b"sealed", "e": email},
        )
    assert admin.send(admin.get(path).text, f"{path}/end-codes").status_code == 303
    assert row(desk, "users", email=email).totp is None


def test_administrator_cannot_change_their_own_account(desk: Desk, admin: DeskUser) -> None:
    path = f"/people/{admin.session.user_id}"
    shown = admin.get(path).text
    assert "This is you" in shown
    assert f'action="{path}' not in shown
    for act in ("role", "end"):
        refused = admin.post(f"{path}/{act}", role="reader", etag="")
        assert refused.status_code == 403
        assert "Someone else has to change" in refused.text
    assert row(desk, "users", email=admin.email).role == "administrator"
