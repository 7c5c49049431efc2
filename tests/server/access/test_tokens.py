"""API tokens: scopes, products, expiry, and last use."""

import os
from typing import Any

import pytest

from license_server.access import access_store, tokens
from license_server.actor import COMMAND
from license_server.catalog import products
from license_server.permissions import PERMISSIONS, WHOLE
from tests.support.api import bearer
from tests.support.desk import Desk
from tests.support.desk_user import DeskUser
from tests.support.server import LINE

MANAGER = frozenset({"tokens:manage", "licenses:read", "customers:write"})


def create(desk: Desk, headers: dict[str, str], **members: Any) -> Any:
    given = {"name": f"made {desk.clock.now} {desk.count('tokens')}"} | members
    return desk.client.post("/api/v1/tokens", json=given, headers=headers)


def issue(desk: Desk, product: str, customer: str) -> Any:
    order = {"customer": customer, "product": product, "days": 30, "host": LINE}
    reply = desk.client.post("/api/v1/licenses", json=order, headers=desk.bearer)
    assert reply.status_code == 201
    return reply.json()


def get(desk: Desk, path: str, headers: dict[str, str]) -> Any:
    return desk.client.get(f"/api/v1{path}", headers=headers)


def test_api_token_is_shown_once_listed_without_secret_and_revocable(desk: Desk) -> None:
    manager = bearer(desk, *MANAGER)
    made = create(desk, manager, scopes=["licenses:read"], days=2).json()
    used = {"Authorization": f"Bearer {made['token']}"}
    assert get(desk, "/licenses", used).status_code == 200
    listed = get(desk, "/tokens", manager)
    assert made["token"].split("_", 2)[2] not in listed.text
    (found,) = [one for one in listed.json()["tokens"] if one["id"] == made["id"]]
    assert (found["scopes"], found["products"]) == (["licenses:read"], None)
    path = f"/api/v1/tokens/{made['id']}/revoke"
    assert desk.client.post(path, headers=manager).json()["revoked_at"] is not None
    desk.clock.now += 1
    assert get(desk, "/licenses", used).status_code == 401
    assert desk.client.post(path, headers=manager).status_code == 404


def test_expired_api_token_is_rejected(desk: Desk) -> None:
    headers = bearer(desk, "licenses:read", expires_at=desk.clock.now + 100)
    assert get(desk, "/licenses", headers).status_code == 200
    desk.clock.now += 100
    assert "expired" in get(desk, "/licenses", headers).json()["detail"]


def test_api_token_cannot_have_more_scopes_than_its_creator(desk: Desk) -> None:
    manager = bearer(desk, *MANAGER)
    for scope in PERMISSIONS:
        status = create(desk, manager, scopes=[scope]).status_code
        assert status == (201 if scope in MANAGER else 403), scope


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "a\tb"}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["everything"]}, "scopes"),
        ({"scopes": "licenses:read"}, "scopes"),
        ({"scopes": ["tokens:manage"], "products": ["darwin"]}, "products"),
        ({"products": ["no such name"]}, "products"),
        ({"products": []}, "products"),
        ({"days": 0}, "days"),
        ({"until": "never"}, "until"),
    ],
)
def test_invalid_api_token_request_names_the_field(
    desk: Desk, members: dict[str, Any], field: str
) -> None:
    every = bearer(desk, *PERMISSIONS)
    reply = create(desk, every, **members)
    assert (reply.status_code, reply.json()["field"]) == (422, field)


def test_replies_with_secrets_reject_idempotency_keys(desk: Desk) -> None:
    headers = bearer(desk, *PERMISSIONS) | {"Idempotency-Key": f"t{desk.clock.now}"}
    assert create(desk, headers).json()["field"] == "Idempotency-Key"
    reply = desk.client.post("/api/v1/invitations", json={}, headers=headers)
    assert reply.json()["field"] == "Idempotency-Key"


def used_at(desk: Desk, headers: dict[str, str]) -> int | None:
    desk.site.database.write(lambda _: None)  # what was handed to the writer before is done
    with desk.site.database.reading() as connection:
        stored = access_store.token_by_id(connection, headers["Authorization"].split("_")[1])
    assert stored is not None
    return stored.used_at


def test_last_use_of_a_token_is_recorded_once_an_hour(desk: Desk) -> None:
    headers, began = bearer(desk, "licenses:read"), desk.clock.now
    assert used_at(desk, headers) is None
    get(desk, "/licenses", headers)
    assert used_at(desk, headers) == tokens.hour(began)
    desk.site.database.write(
        lambda c: c.exec_driver_sql("update tokens set used_at = 0")  # whoever writes again is seen
    )
    desk.clock.now = tokens.hour(began) + 3599
    get(desk, "/licenses", headers)
    assert used_at(desk, headers) == 0
    desk.clock.now += 1
    get(desk, "/licenses", headers)
    assert used_at(desk, headers) == tokens.hour(began) + 3600


def test_earlier_use_does_not_replace_a_later_one(desk: Desk) -> None:
    headers = bearer(desk, "licenses:read")
    id_ = headers["Authorization"].split("_")[1]
    for now in (7200, 3600):
        desk.site.database.write(lambda c, now=now: tokens.note_use(c, id_, now))  # type: ignore[misc]
    assert used_at(desk, headers) == 7200


def test_product_token_cannot_see_or_change_other_products(desk: Desk) -> None:
    mark = f"m{desk.clock.now}"
    ours, theirs = issue(desk, f"ours-{mark}", f"A {mark}"), issue(desk, f"x-{mark}", f"B {mark}")
    limited = bearer(
        desk,
        "licenses:read",
        "licenses:issue",
        "licenses:end",
        "customers:write",
        "products:write",
        "proposals:decide",
        products=frozenset({f"ours-{mark}"}),
    )
    every = bearer(desk, *PERMISSIONS)

    listed = get(desk, "/licenses", limited).json()["licenses"]
    assert [one["id"] for one in listed] == [ours["id"]]
    assert get(desk, f"/licenses/{ours['id']}", limited).status_code == 200
    for path in ("", "/license.dat", "/history"):
        assert get(desk, f"/licenses/{theirs['id']}{path}", limited).status_code == 404
    for act in ("renew", "rehost", "change", "suspend", "reinstate", "revoke", "notes"):
        for query in ("", "?dry_run=true"):
            path = f"/api/v1/licenses/{theirs['id']}/{act}{'' if act == 'notes' else query}"
            body = {"note": "x"} if act == "notes" else {"reason": "x"}
            assert desk.client.post(path, json=body, headers=limited).status_code == 404
    order = {"customer": f"A {mark}", "product": f"x-{mark}", "days": 1, "host": LINE}
    assert desk.client.post("/api/v1/licenses", json=order, headers=limited).status_code == 403
    order |= {"product": f"ours-{mark}", "replaces": theirs["id"]}
    assert desk.client.post("/api/v1/licenses", json=order, headers=limited).status_code == 404
    assert get(desk, f"/licenses/{theirs['id']}", every).json()["state"] == "active"

    customers = get(desk, "/customers", limited).json()["customers"]
    assert [one["name"] for one in customers] == [f"A {mark}"]
    (other,) = get(desk, f"/customers?q=B+{mark}", every).json()["customers"]
    assert get(desk, f"/customers/{other['id']}", limited).status_code == 404
    path = f"/api/v1/customers/{other['id']}"
    assert desk.client.patch(path, json={"notes": "x"}, headers=limited).status_code == 404

    products = get(desk, "/products", limited).json()["products"]
    assert [one["name"] for one in products] == [f"ours-{mark}"]
    assert get(desk, f"/products/x-{mark}", limited).status_code == 404
    path = f"/api/v1/products/x-{mark}"
    assert desk.client.patch(path, json={"rehosts": 9}, headers=limited).status_code == 404
    new = {"name": f"new-{mark}"}
    assert desk.client.post("/api/v1/products", json=new, headers=limited).status_code == 403

    desk.client.patch(path, json={"needs_approval": True}, headers=every)
    order = {"customer": f"B {mark}", "product": f"x-{mark}", "days": 1, "host": LINE}
    waiting = desk.client.post("/api/v1/licenses", json=order, headers=desk.bearer).json()["id"]
    assert get(desk, "/proposals", limited).json()["proposals"] == []
    assert get(desk, f"/proposals/{waiting}", limited).status_code == 404
    for act in ("approve", "refuse"):
        path = f"/api/v1/proposals/{waiting}/{act}"
        assert desk.client.post(path, json={"reason": "x"}, headers=limited).status_code == 404
    assert get(desk, f"/proposals/{waiting}", every).json()["state"] == "waiting"


def test_product_token_is_not_shown_a_hosts_other_licences(desk: Desk) -> None:
    mark = f"n{desk.clock.now}"
    other = issue(desk, f"x-{mark}", f"B {mark}")
    own = frozenset({f"ours-{mark}"})
    limited = bearer(desk, "licenses:issue", "products:write", products=own)
    order = {"customer": f"A {mark}", "product": f"ours-{mark}", "days": 1, "host": LINE}
    for headers, told in ((desk.bearer, True), (limited, False)):
        reply = desk.client.post("/api/v1/licenses?dry_run=true", json=order, headers=headers)
        assert reply.status_code == 200
        assert (other["id"] in reply.text) is told


def test_product_limited_actor_has_no_server_wide_permission() -> None:
    limited = COMMAND._replace(products=frozenset({"darwin"}))
    for permission in PERMISSIONS:
        whole = permission in WHOLE
        try:
            limited.need(permission)
        except Exception as error:  # noqa: BLE001  # which one, the name says
            assert (whole, type(error).__name__) == (True, "NotPermittedError")
        else:
            assert not whole, permission


def test_proposer_cannot_approve_through_a_token_they_created(desk: Desk) -> None:
    name = f"four-eyes-{desk.clock.now}"
    rule = {"name": name, "needs_approval": True}
    desk.site.database.write(lambda c: products.add(c, rule, COMMAND, desk.clock.now))
    anna, bert = DeskUser(desk), DeskUser(desk)

    def token(maker: DeskUser, *scopes: str) -> dict[str, str]:
        actor, grant = maker.session.actor, tokens.Grant(frozenset(scopes))
        made, now = f"{maker.email} {scopes}", desk.clock.now
        write = desk.site.database.write
        secret = write(lambda c: tokens.new_token(c, made, actor, now, os.urandom, grant))
        return {"Authorization": f"Bearer {secret}"}

    def proposed(headers: dict[str, str]) -> str:
        order = {"customer": "ACME", "product": name, "days": 1, "host": LINE}
        return str(desk.client.post("/api/v1/licenses", json=order, headers=headers).json()["id"])

    def approve(id_: str, headers: dict[str, str]) -> int:
        path = f"/api/v1/proposals/{id_}/approve"
        return int(desk.client.post(path, json={}, headers=headers).status_code)

    programs = token(anna, "licenses:issue")
    deciding = token(anna, "proposals:decide", "licenses:read")
    manager = token(anna, "proposals:decide", "licenses:read", "tokens:manage")
    made = create(desk, manager, scopes=["proposals:decide", "licenses:read"]).json()["token"]
    id_ = proposed(programs)
    assert approve(id_, deciding) == 403
    assert approve(id_, {"Authorization": f"Bearer {made}"}) == 403
    page = anna.get(f"/proposals/{id_}").text
    assert "A token and its creator count as the same person" in page
    assert "/approve" not in page
    assert anna.post(f"/proposals/{id_}/approve", once="x").status_code == 403
    assert "/approve" in bert.get(f"/proposals/{id_}").text
    assert approve(id_, token(bert, "proposals:decide", "licenses:read")) == 201
    desk.client.cookies.clear()
    assert approve(proposed(desk.bearer), deciding) == 201
