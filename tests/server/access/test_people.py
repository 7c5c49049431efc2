"""Users: invitations, roles, disabled accounts, and who may change whom."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from license_core.errors import LicenseError, NotPermittedError
from license_server.access import access_store, accounts, sessions
from license_server.access.access_store import StoredUser
from license_server.access.errors import LastAdministratorError
from license_server.actor import COMMAND, Actor
from license_server.db.database import Database
from license_server.permissions import PERMISSIONS, ROLES
from license_server.web.session import SESSION
from tests.support import cli_tables, server
from tests.support.api import bearer
from tests.support.desk import Desk
from tests.support.pages import hidden, sign_in
from tests.support.server import EMAIL, PASSWORD

NEW = "a new password of theirs"


def add(desk: Desk, role: str) -> StoredUser:
    email = f"{role}-{os.urandom(4).hex()}@example.com"
    return desk.site.database.write(
        lambda c: accounts.insert(c, email, "!", role, COMMAND, desk.clock.now)
    )


def enter(desk: Desk, user: StoredUser) -> None:
    session = desk.site.database.write(
        lambda c: sessions.open_session(c, user, desk.clock.now, 1, os.urandom, "")
    )
    desk.client.cookies.set(SESSION, session.secret)


def post(desk: Desk, path: str, **more: Any) -> Any:
    return desk.client.post(f"/api/v1{path}", headers=bearer(desk, *PERMISSIONS), **more)


def accept(desk: Desk, path: str, password: str = NEW, again: str = NEW) -> Any:
    page = desk.client.get(path).text
    fields = {name: hidden(page, name) for name in ("form_token", "secret")}
    fields |= {"password": password, "again": again}
    return desk.client.post("/invitation", data=fields)


def test_invited_user_sets_a_password_and_gets_the_role(desk: Desk) -> None:
    email = f"invited-{desk.clock.now}@example.com"
    made = post(desk, "/invitations", json={"email": email.upper(), "role": "auditor"}).json()
    assert made["email"] == email
    assert sign_in(desk, NEW, email).status_code == 401
    assert accept(desk, made["path"], again="another one entirely").status_code == 422
    assert accept(desk, made["path"], "short", "short").status_code == 422
    assert accept(desk, made["path"]).status_code == 303
    assert sign_in(desk, NEW, email).status_code == 303
    with desk.site.database.reading() as connection:
        user = access_store.user_by_email(connection, email)
    assert user is not None
    assert user.role == "auditor"
    assert desk.client.get(made["path"]).status_code == 410


def test_invitation_expires_and_a_newer_one_replaces_it(desk: Desk) -> None:
    email = f"late-{desk.clock.now}@example.com"
    body = {"email": email, "role": "reader", "days": 2}
    first, second = (post(desk, "/invitations", json=body).json() for _ in range(2))
    assert desk.client.get(first["path"]).status_code == 410
    assert desk.client.get(second["path"]).status_code == 200
    desk.clock.now += 2 * 86400
    assert desk.client.get(second["path"]).status_code == 410


def test_withdrawn_invitation_no_longer_works(desk: Desk) -> None:
    email = f"withdrawn-{desk.clock.now}@example.com"
    made = post(desk, "/invitations", json={"email": email, "role": "reader"}).json()
    listed = desk.client.get("/api/v1/invitations", headers=bearer(desk, "people:manage"))
    assert made["id"] in [one["id"] for one in listed.json()["invitations"]]
    assert made["secret"] not in listed.text
    assert post(desk, f"/invitations/{made['id']}/withdraw").status_code == 204
    assert desk.client.get(made["path"]).status_code == 410


def test_concurrent_acceptances_of_an_invitation_succeed_once(desk: Desk) -> None:
    email = f"once-{desk.clock.now}@example.com"
    made = post(desk, "/invitations", json={"email": email, "role": "reader"}).json()
    page = desk.client.get(made["path"]).text
    fields = {name: hidden(page, name) for name in ("form_token", "secret")}
    fields |= {"password": NEW, "again": NEW}
    with ThreadPoolExecutor(4) as pool:
        replies = list(
            pool.map(lambda _: desk.client.post("/invitation", data=fields).status_code, range(4))
        )
    assert min(replies) == 303
    assert sum(status == 303 for status in replies) == 1


def test_invitation_form_with_a_foreign_token_is_rejected(desk: Desk) -> None:
    email = f"forged-{desk.clock.now}@example.com"
    made = post(desk, "/invitations", json={"email": email, "role": "reader"}).json()
    fields = {"secret": made["secret"], "password": NEW, "again": NEW, "form_token": "x"}
    assert desk.client.post("/invitation", data=fields).status_code == 403


def test_invitation_cannot_grant_more_than_the_inviter_has(desk: Desk) -> None:
    headers = bearer(desk, "people:manage", "licenses:read", "requests:read")
    for role in ROLES:
        body = {"email": f"more-{role}-{desk.clock.now}@example.com", "role": role}
        reply = desk.client.post("/api/v1/invitations", json=body, headers=headers)
        assert reply.status_code == (201 if role == "reader" else 403), role
    administrator = add(desk, "administrator")
    for act in ("end", "reopen"):
        path = f"/api/v1/users/{administrator.id}/{act}"
        assert desk.client.post(path, headers=headers).status_code == 403


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"email": "nobody", "role": "reader"}, "email"),
        ({"email": None, "role": "reader"}, "email"),
        ({"email": "a@b", "role": "king"}, "role"),
        ({"email": "a@b"}, "role"),
        ({"email": "a@b", "role": "reader", "days": 31}, "days"),
        ({"email": "a@b", "role": "reader", "password": "x"}, "password"),
    ],
)
def test_invalid_invitation_names_the_field(desk: Desk, body: dict[str, Any], field: str) -> None:
    reply = post(desk, "/invitations", json=body)
    assert (reply.status_code, reply.json()["field"]) == (422, field)


def test_existing_user_cannot_be_invited(desk: Desk) -> None:
    reply = post(desk, "/invitations", json={"email": EMAIL, "role": "reader"})
    assert (reply.status_code, reply.json()["type"]) == (409, "/problems/name-taken")


def test_changed_role_takes_effect_at_once(desk: Desk) -> None:
    user = add(desk, "issuer")
    enter(desk, user)
    assert desk.client.get("/licenses/new").status_code == 200
    headers = bearer(desk, *PERMISSIONS)
    path = f"/api/v1/users/{user.id}"
    seen = desk.client.get(path, headers=headers)
    changed = desk.client.patch(
        path, json={"role": "reader"}, headers=headers | {"If-Match": seen.headers["etag"]}
    )
    assert changed.json()["role"] == "reader"
    assert desk.client.get("/licenses/new").status_code == 403
    stale = desk.client.patch(
        path, json={"role": "issuer"}, headers=headers | {"If-Match": seen.headers["etag"]}
    )
    assert stale.status_code == 412


def test_disabling_an_account_ends_its_sessions_until_reopened(desk: Desk) -> None:
    user = add(desk, "reader")
    enter(desk, user)
    assert desk.client.get("/licenses").status_code == 200
    assert post(desk, f"/users/{user.id}/end").json()["ended_at"] is not None
    assert desk.client.get("/licenses").status_code == 303
    assert post(desk, f"/users/{user.id}/reopen").json()["ended_at"] is None
    assert desk.client.get("/licenses").status_code == 303  # their sessions are over
    enter(desk, user)
    assert desk.client.get("/licenses").status_code == 200
    assert post(desk, f"/users/{user.id}/end-sessions").status_code == 200
    assert desk.client.get("/licenses").status_code == 303


def test_users_cannot_change_their_own_account(desk: Desk) -> None:
    user = add(desk, "administrator")
    actor = Actor(f"user:{user.email}", ROLES["administrator"])
    now = desk.clock.now
    for act in (
        lambda c: accounts.change_role(c, user, "reader", actor, now),
        lambda c: accounts.end(c, user, actor, now),
        lambda c: accounts.reopen(c, user, actor, now),
    ):
        with pytest.raises(NotPermittedError):
            desk.site.database.write(act)


def only_administrator(desk: Desk) -> StoredUser:
    """The vendor's first, once everybody else is none."""
    with desk.site.database.reading() as connection:
        everybody = access_store.list_users(connection)
    (first,) = [user for user in everybody if user.email == EMAIL]
    for user in everybody:
        if user.role == "administrator" and user.id != first.id:
            desk.site.database.write(
                lambda c, user=user: accounts.change_role(  # type: ignore[misc]
                    c, user, "reader", COMMAND, desk.clock.now
                )
            )
    return first


def test_last_administrator_cannot_be_removed(desk: Desk) -> None:
    first = only_administrator(desk)
    for reply in (
        post(desk, f"/users/{first.id}/end"),
        desk.client.patch(
            f"/api/v1/users/{first.id}",
            json={"role": "reader"},
            headers=bearer(desk, *PERMISSIONS),
        ),
    ):
        assert reply.status_code == 409
        assert reply.json()["type"] == "/problems/last-administrator"


def test_two_administrators_disabling_each_other_leave_one(desk: Desk) -> None:
    first, second = only_administrator(desk), add(desk, "administrator")
    others = [Database(desk.settings.database_url) for _ in range(2)]

    def end(database: Database, user: StoredUser) -> LicenseError | None:
        try:
            database.write(lambda c: accounts.end(c, user, COMMAND, desk.clock.now))
        except LastAdministratorError as error:
            return error
        return None

    try:
        with ThreadPoolExecutor(2) as pool:
            told = list(pool.map(end, others, (first, second)))
    finally:
        for database in others:
            database.close()
    assert sum(one is None for one in told) == 1
    desk.site.database.write(lambda c: accounts.reopen(c, first, COMMAND, desk.clock.now))
    with desk.site.database.reading() as connection:
        found = access_store.user_by_email(connection, EMAIL)
    assert found is not None
    if found.ended_at is not None:
        desk.site.database.write(lambda c: accounts.reopen(c, found, COMMAND, desk.clock.now))
    assert sign_in(desk).status_code == 303


def run(data: Path, *arguments: str) -> tuple[int, str]:
    """``license-server`` in this process: its exit code and all that it said."""
    env = {
        "LICENSE_SERVER_PASSPHRASE": server.PASSPHRASE,
        "LICENSE_SERVER_ADMIN_PASSWORD": PASSWORD,
    }
    done = server.at_once("--data", str(data), *arguments, env=env)
    return done.returncode, done.stdout + done.stderr


def test_user_commands_invite_change_roles_disable_and_list(data: Path) -> None:
    code, said = run(data, "user", "role", EMAIL, "reader")
    assert (code, "last administrator" in said) == (100, True)
    assert run(data, "user", "end", EMAIL)[0] == 100
    assert run(data, "user", "add", "b@example.com", "--role", "issuer")[0] == 0
    assert run(data, "user", "role", "b@example.com", "administrator")[0] == 0
    assert run(data, "user", "end", EMAIL)[0] == 0
    code, said = run(data, "user", "invite", "c@example.com", "--role", "auditor")
    assert (code, "/invitation?secret=" in said) == (0, True)
    said = run(data, "user", "list")[1]
    told = {one["EMAIL"]: (one["ROLE"], one["STATE"]) for one in cli_tables.rows(said)}
    assert told["b@example.com"] == ("administrator", "active")
    assert told[EMAIL][0] == "administrator" and told[EMAIL][1].startswith("disabled ")
    assert told["c@example.com"][0] == "auditor"
    assert told["c@example.com"][1].startswith("invited until ")
    assert run(data, "user", "withdraw", "c@example.com")[0] == 0
    assert run(data, "user", "reopen", EMAIL)[0] == 0
    said = run(data, "user", "list")[1]
    assert "c@example.com" not in said
    assert "disabled" not in said


def test_token_commands_create_list_and_revoke(data: Path) -> None:
    arguments = ["--scope", "licenses:read", "--product", "darwin", "--days", "3"]
    code, secret = run(data, "token", "create", "crm", *arguments)
    assert (code, secret.startswith("hst_")) == (0, True)
    said = run(data, "token", "list")[1]
    (listed,) = cli_tables.rows(said)
    assert list(listed.values())[:3] == ["crm", "licenses:read", "darwin"]
    assert "valid until" in said
    assert "never used" in said
    assert secret.strip().split("_", 2)[2] not in said
    whole = run(data, "token", "create", "x", "--scope", "record:read", "--product", "darwin")
    assert "whole server" in whole[1]
    assert run(data, "token", "revoke", "crm")[0] == 0
    assert "revoked" in run(data, "token", "list")[1]
