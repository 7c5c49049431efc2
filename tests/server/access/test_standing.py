"""Power ends with the person: what somebody left behind may do what they may, and no more."""

import os
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from license_server.access import accounts, invitations, tokens
from license_server.access.access_store import StoredUser
from license_server.actor import COMMAND, Actor
from license_server.catalog import products
from license_server.permissions import PERMISSIONS, ROLES
from tests.support import server
from tests.support.api import bearer, slug
from tests.support.desk import Desk
from tests.support.desk_user import DeskUser
from tests.support.pages import hidden
from tests.support.server import LINE

LIVES, STEPS = 6, 8
LIVES_TORTURE, STEPS_TORTURE = 60, 25
PROBES = {
    "licenses:read": ("GET", "/licenses?limit=1"),
    "licenses:issue": ("POST", "/licenses"),
    "licenses:end": ("POST", "/licenses/HS-2026-00000000/revoke"),
    "proposals:decide": ("POST", "/proposals/999999999/approve"),
    "customers:write": ("POST", "/customers"),
    "products:write": ("POST", "/products"),
    "record:read": ("GET", "/checkpoints"),
    "people:manage": ("POST", "/users/999999999/reopen"),
    "tokens:manage": ("POST", "/tokens/none/revoke"),
}
"""What a program asks for with each permission; nothing comes of it."""


class Kept:
    """A token, and what the model knows of it."""

    def __init__(self, secret: str, name: str, scopes: frozenset[str], ends: int | None) -> None:
        self.headers = {"Authorization": f"Bearer {secret}"}
        self.name, self.scopes, self.ends = name, scopes, ends
        self.revoked = False


class MakersLife(RuleBasedStateMachine):
    """Somebody who makes tokens, and whose account is changed by others."""

    desk: Desk
    numbers: Iterator[int]
    made = Bundle("made")

    @initialize()
    def begin(self) -> None:
        self.mark = f"life {self.desk.clock.now} {next(self.numbers)}"
        self.email = f"maker-{os.urandom(5).hex()}@example.com"
        self.role, self.ended = "administrator", False
        insert = accounts.insert
        now = self.desk.clock.now
        self.write(lambda c: insert(c, self.email, "!", self.role, COMMAND, now))
        self.known: list[Kept] = []

    def write(self, work: Any) -> Any:
        return self.desk.site.database.write(work)

    def user(self, connection: Any) -> StoredUser:
        return accounts.find(connection, self.email)

    def may(self) -> frozenset[str]:
        return frozenset() if self.ended else ROLES[self.role]

    def keep(self, actor: Actor, scopes: frozenset[str], days: int | None) -> Kept:
        now, name = self.desk.clock.now, f"{self.mark} {len(self.known)}"
        ends = None if days is None else now + days
        grant = tokens.Grant(scopes, None, ends)
        secret = self.write(lambda c: tokens.new_token(c, name, actor, now, os.urandom, grant))
        self.known.append(Kept(secret, name, scopes, ends))
        return self.known[-1]

    @rule(target=made, scopes=st.sets(st.sampled_from(sorted(PERMISSIONS)), min_size=1))
    def make_a_token(self, scopes: set[str]) -> Kept | None:
        given = frozenset(scopes) & self.may()
        if "tokens:manage" not in self.may() or not given:
            return None
        return self.keep(Actor(f"user:{self.email}", self.may()), given, 3)

    @rule(target=made, by=made)
    def make_a_token_by_a_token(self, by: Kept | None) -> Kept | None:
        """It is of the same person, and outlives the one that made it."""
        if by is None or "tokens:manage" not in self.expected(by):
            return None
        return self.keep(Actor(f"token:{by.name}", by.scopes), by.scopes, None)

    @rule(role=st.sampled_from(sorted(ROLES)))
    def give_another_role(self, role: str) -> None:
        now, self.role = self.desk.clock.now, role
        self.write(lambda c: accounts.change_role(c, self.user(c), role, COMMAND, now))

    @rule(act=st.sampled_from(["end", "reopen"]))
    def end_or_reopen(self, act: str) -> None:
        now, self.ended = self.desk.clock.now, act == "end"
        self.write(lambda c: getattr(accounts, act)(c, self.user(c), COMMAND, now))

    @rule(one=made)
    def revoke(self, one: Kept | None) -> None:
        if one is not None and not one.revoked:
            now, one.revoked = self.desk.clock.now, True
            self.write(lambda c: tokens.revoke_token(c, one.name, COMMAND, now))

    def expected(self, one: Kept) -> frozenset[str]:
        over = one.revoked or (one.ends is not None and one.ends <= self.desk.clock.now)
        return frozenset() if over else one.scopes & self.may()

    @invariant()
    def each_token_may_do_what_it_was_given_and_its_maker_may(self) -> None:
        self.desk.clock.now += 1  # a token is known for the rest of a second
        told = self.desk.client.get("/api/v1/tokens", headers=self.manager)
        listed = {one["name"]: one for one in told.json()["tokens"]}
        for one in self.known:
            over = one.revoked or (one.ends is not None and one.ends <= self.desk.clock.now)
            for permission, (method, path) in PROBES.items():
                body: Any = None if method == "GET" else {}
                reply = self.desk.client.request(
                    method, f"/api/v1{path}", headers=one.headers, json=body
                )
                if over or self.ended:
                    assert reply.status_code == 401
                elif permission in self.expected(one):
                    assert reply.status_code not in (401, 403), (permission, reply.text)
                else:
                    assert reply.status_code == 403
                    lost = permission in one.scopes
                    assert (f"the role of {self.email} is {self.role}" in reply.text) is lost
            assert listed[one.name]["created_by"] == f"user:{self.email}"
            assert listed[one.name]["effective_scopes"] == sorted(self.expected(one))

    @property
    def manager(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.managing}"}

    managing: str


def live(desk: Desk, lives: int, steps: int) -> None:
    grant = tokens.Grant(frozenset({"tokens:manage"}))
    name = f"managing {desk.clock.now}"
    secret = server.new_token(desk.site.database, name, desk.clock.now, grant)
    known = {"desk": desk, "numbers": count(), "managing": secret}
    machine = type("OneLife", (MakersLife,), known)
    checks = [HealthCheck.too_slow]
    bounds = settings(
        max_examples=lives, stateful_step_count=steps, deadline=None, suppress_health_check=checks
    )
    run_state_machine_as_test(machine, settings=bounds)


def test_token_may_do_what_its_maker_may_through_all_of_their_life(desk: Desk) -> None:
    live(desk, LIVES, STEPS)


@pytest.mark.torture
def test_token_may_do_what_its_maker_may_through_many_lives(desk: Desk) -> None:
    live(desk, LIVES_TORTURE, STEPS_TORTURE)


def token_of(page: DeskUser, *scopes: str) -> dict[str, str]:
    """The headers of a program whose token somebody at the desk made."""
    desk, name = page.desk, f"of {page.email} {page.desk.count('tokens')}"
    grant, now = tokens.Grant(frozenset(scopes)), desk.clock.now
    secret = desk.site.database.write(
        lambda c: tokens.new_token(c, name, page.session.actor, now, os.urandom, grant)
    )
    return {"Authorization": f"Bearer {secret}"}


def change(page: DeskUser, act: str, role: str = "") -> None:
    """Somebody's account ends, is opened again, or gets another role; by the command line."""
    desk, now = page.desk, page.desk.clock.now

    def work(connection: Any) -> None:
        user = accounts.find(connection, page.email)
        if act == "role":
            accounts.change_role(connection, user, role, COMMAND, now)
        else:
            getattr(accounts, act)(connection, user, COMMAND, now)

    desk.site.database.write(work)
    desk.clock.now += 1


def test_ended_administrators_token_opens_no_account_and_invites_nobody(desk: Desk) -> None:
    anna = DeskUser(desk)
    headers = token_of(anna, "people:manage", *ROLES["administrator"])
    with desk.site.database.reading() as connection:
        id_ = accounts.find(connection, anna.email).id
    change(anna, "end")
    for path, body in (
        (f"/users/{id_}/reopen", None),
        ("/invitations", {"email": "again@example.com", "role": "administrator"}),
        ("/tokens", {"name": "another", "scopes": ["licenses:read"]}),
    ):
        reply = desk.client.post(f"/api/v1{path}", json=body, headers=headers)
        assert (reply.status_code, slug(reply)) == (401, "not-authenticated")
        assert f"ended with the account of {anna.email}" in reply.json()["detail"]


def test_nobody_changes_their_own_account_through_a_token_either(desk: Desk) -> None:
    anna = DeskUser(desk)
    headers = token_of(anna, *PERMISSIONS)
    with desk.site.database.reading() as connection:
        path = f"/api/v1/users/{accounts.find(connection, anna.email).id}"
    for reply in (
        desk.client.patch(path, json={"role": "reader"}, headers=headers),
        desk.client.post(f"{path}/end", headers=headers),
        desk.client.post(f"{path}/end-codes", headers=headers),
    ):
        assert (reply.status_code, slug(reply)) == (403, "not-permitted")


def asked(desk: Desk, headers: dict[str, str]) -> str:
    """A proposal that waits."""
    name = f"asked-{os.urandom(4).hex()}"
    rule_ = {"name": name, "needs_approval": True}
    desk.site.database.write(lambda c: products.add(c, rule_, COMMAND, desk.clock.now))
    order = {"customer": "ACME", "product": name, "days": 1, "host": LINE}
    reply = desk.client.post("/api/v1/licenses", json=order, headers=headers)
    assert reply.status_code == 202
    return str(reply.json()["id"])


@pytest.mark.parametrize(
    ("act", "role", "why"),
    [("end", "", "is disabled"), ("role", "reader", "is reader")],
)
def test_proposal_waits_until_its_proposer_may_again(
    desk: Desk, act: str, role: str, why: str
) -> None:
    anna, bert = DeskUser(desk, "issuer"), DeskUser(desk)
    program = token_of(DeskUser(desk), "licenses:issue")
    id_ = asked(desk, program)
    desk.site.database.write(
        lambda c: c.exec_driver_sql(
            f"update proposals set proposed_by = 'user:{anna.email}' where id = {int(id_)}"
        )
    )
    change(anna, act, role)
    assert "cannot be approved: the " in bert.get("/proposals").text
    shown = bert.get(f"/proposals/{id_}").text
    assert "/approve" not in shown
    assert f"{anna.email} {why}" in shown
    decider = bearer(desk, "proposals:decide", "licenses:read")
    path = f"/api/v1/proposals/{id_}/approve"
    refused = desk.client.post(path, json={}, headers=decider)
    assert (refused.status_code, slug(refused)) == (403, "not-permitted")
    assert f"{anna.email} {why}" in refused.json()["detail"]
    change(anna, "reopen" if act == "end" else "role", "issuer")
    assert f"{anna.email} {why}" not in bert.get("/proposals").text
    assert desk.client.post(path, json={}, headers=decider).status_code == 201


def test_proposal_of_an_ended_proposer_can_be_refused(desk: Desk) -> None:
    anna = DeskUser(desk)
    id_ = asked(desk, token_of(anna, "licenses:issue"))
    change(anna, "end")
    decider = bearer(desk, "proposals:decide", "licenses:read")
    path = f"/api/v1/proposals/{id_}/refuse"
    reply = desk.client.post(path, json={"reason": "she has left"}, headers=decider)
    assert reply.json()["state"] == "refused"


def test_proposal_of_an_expired_token_can_be_approved_and_of_a_revoked_one_cannot(
    desk: Desk,
) -> None:
    decider = bearer(desk, "proposals:decide", "licenses:read")
    expiring = bearer(desk, "licenses:issue", expires_at=desk.clock.now + 1)
    revoked = bearer(desk, "licenses:issue")
    ids = [asked(desk, headers) for headers in (expiring, revoked)]
    with desk.site.database.reading() as connection:
        id_ = revoked["Authorization"].split("_")[1]
        name = tokens.token_by_id(connection, id_).name
    desk.site.database.write(lambda c: tokens.revoke_token(c, name, COMMAND, desk.clock.now))
    desk.clock.now += 1
    replies = [
        desk.client.post(f"/api/v1/proposals/{one}/approve", json={}, headers=decider)
        for one in ids
    ]
    assert [reply.status_code for reply in replies] == [201, 403]
    assert "the token was revoked" in replies[1].json()["detail"]


def invited(page: DeskUser, role: str) -> tuple[str, str]:
    """The address of who is invited by somebody at the desk, and where they accept."""
    desk, email = page.desk, f"guest-{os.urandom(4).hex()}@example.com"
    now, actor = desk.clock.now, page.session.actor
    invite = invitations.invite
    secret, _ = desk.site.database.write(lambda c: invite(c, email, role, actor, now, os.urandom))
    return email, invitations.path(secret)


def test_invitation_holds_while_whoever_sent_it_may_still_send_it(desk: Desk) -> None:
    anna, bert = DeskUser(desk), DeskUser(desk)
    email, path = invited(anna, "administrator")
    page = desk.client.get(path).text
    fields = {name: hidden(page, name) for name in ("form_token", "secret")}
    fields |= {"password": "correct horse battery", "again": "correct horse battery"}
    manager = bearer(desk, "people:manage")

    def holds() -> bool:
        told = desk.client.get("/api/v1/invitations", headers=manager).json()["invitations"]
        (found,) = [one["holds"] for one in told if one["email"] == email]
        return bool(found)

    for act, role in (("end", ""), ("reopen", ""), ("role", "issuer"), ("role", "administrator")):
        change(anna, act, role)
        may = act == "reopen" or role == "administrator"
        assert holds() is may
        assert ("no longer valid" in bert.get("/people").text) is not may
        assert desk.client.get(path).status_code == (200 if may else 410)
        if not may:
            assert desk.client.post("/invitation", data=fields).status_code == 410
    assert desk.client.post("/invitation", data=fields).status_code == 303


def test_desk_lists_what_ends_with_a_person(desk: Desk) -> None:
    anna, bert = DeskUser(desk), DeskUser(desk)
    headers = token_of(anna, "licenses:issue", "record:read")
    id_ = headers["Authorization"].split("_")[1]
    with desk.site.database.reading() as connection:
        user = accounts.find(connection, anna.email)
        name = tokens.token_by_id(connection, id_).name
    theirs, one = f"/people/{user.id}", f"/tokens/{id_}"
    assert name in bert.get(theirs).text
    assert anna.email in bert.get(one).text
    change(anna, "role", "issuer")
    for path in (theirs, one):
        assert f"by the role of {anna.email}" in bert.get(path).text
    assert bert.get(one).text.count("not allowed by the role") == 1
    change(anna, "end")
    for path in (theirs, one):
        assert f"with the account of {anna.email}" in bert.get(path).text


def test_token_that_the_command_line_made_is_nobodys_and_stays(desk: Desk) -> None:
    headers = bearer(desk, "licenses:read")
    assert desk.client.get("/api/v1/licenses", headers=headers).status_code == 200
    manager = bearer(desk, "tokens:manage")
    told = desk.client.get("/api/v1/tokens", headers=manager).json()["tokens"]
    (found,) = [one for one in told if one["id"] == headers["Authorization"].split("_")[1]]
    assert (found["created_by"], found["effective_scopes"]) == (None, ["licenses:read"])
