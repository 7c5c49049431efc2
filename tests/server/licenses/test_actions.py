"""Actions on a licence over the API: renew, rehost, change, suspend, revoke, approve."""

import asyncio
import json
import os
from typing import Any

import pytest

from license_core.request import LicenseRequest
from license_server.access import tokens
from license_server.actor import COMMAND
from license_server.catalog import products
from license_server.db.errors import ChangedMeanwhileError
from license_server.db.reply_store import Reply
from license_server.licenses.acts import ISSUE
from license_server.licenses.planning import ActRequest
from license_server.signing import revocation_store
from tests.support.api import Caller, slug, verified
from tests.support.desk import Desk, unique
from tests.support.server import KEY, LINE, OTHER_LINE

DAY = 86400


@pytest.fixture
def caller(desk: Desk) -> Caller:
    return Caller(desk, "life")


def product(caller: Caller, **rules: Any) -> str:
    name = unique(caller.desk, "p")
    assert caller.post("/products", name=name, **rules).status_code == 201
    return name


def test_renewal_before_expiry_continues_the_term(caller: Caller) -> None:
    first = caller.issue(days=30, notify_days=7, grace_days=3, limits={"gpus": 4}).json()
    renewed = caller.post(f"/licenses/{first['id']}/renew", days=365)
    assert renewed.status_code == 201, renewed.text
    made = renewed.json()
    before, after = verified(caller, first["id"]), verified(caller, made["id"])
    assert after.exp == before.exp + 365 * DAY
    assert (after.exp - after.notify_from, after.grace_until - after.exp) == (7 * DAY, 3 * DAY)
    assert (after.replaces, after.host, after.limits) == (first["id"], before.host, {"gpus": 4})
    old = caller.get(f"/licenses/{first['id']}").json()
    assert (old["state"], old["replaced_by"], old["line"]) == ("replaced", made["id"], first["id"])
    assert made["line"] == first["id"]


def test_licence_has_the_tag_of_a_layer_until_another_container_is_ordered_for(
    caller: Caller,
) -> None:
    asked = LicenseRequest(KEY, "studio2_gpu", layer="0123456789abcdef")
    first = caller.issue(host=asked.to_text()).json()["id"]
    renewed = caller.post(f"/licenses/{first}/renew", days=30).json()["id"]
    moved = caller.post(f"/licenses/{renewed}/rehost", host=OTHER_LINE, reason="remade").json()[
        "id"
    ]
    layers = [verified(caller, number).host.layer for number in (first, renewed, moved)]
    assert layers == [asked.layer, asked.layer, None]


def test_other_container_of_a_network_is_another_host_though_its_key_is_the_same(
    caller: Caller,
) -> None:
    one, other = (LicenseRequest(KEY, "studio2_gpu", layer=digit * 16).to_text() for digit in "12")
    name = product(caller, rehosts=1)
    first = caller.issue(product=name, host=one).json()["id"]
    path = f"/licenses/{first}/rehost"
    for same in (one, LINE):
        refused = caller.post(path, host=same, reason="pasted twice")
        assert (refused.status_code, slug(refused)) == (409, "license-state")
    moved = caller.post(path, host=other, reason="moved")
    assert moved.status_code == 201, moved.text
    assert verified(caller, moved.json()["id"]).host.layer == "2" * 16
    again = caller.post(f"/licenses/{moved.json()['id']}/rehost", host=one, reason="back")
    assert (again.status_code, slug(again)) == (409, "rehosts-used-up")


def test_renewal_after_expiry_starts_now_unless_told_to_continue(caller: Caller) -> None:
    first = caller.issue(days=10).json()["id"]
    end = verified(caller, first).exp
    caller.desk.clock.now = end + 5 * DAY
    again = Caller(caller.desk, "later")
    assert again.get(f"/licenses/{first}").json()["state"] == "expired"
    path = f"/licenses/{first}/renew"
    over = again.post(path, days=2, continue_from="end")
    assert (over.status_code, slug(over)) == (409, "term-over")
    continued = again.post(f"{path}?dry_run=true", days=30, continue_from="end").json()
    anew = again.post(path, days=30).json()
    # To the end of the thirtieth day after today.
    assert verified(again, anew["id"]).exp == end + 36 * DAY
    assert continued["expires_at"] < anew["expires_at"]


def test_rehost_moves_the_licence_and_records_the_reason(caller: Caller) -> None:
    first = caller.issue(edition="pro", features=["export"]).json()
    without = caller.post(f"/licenses/{first['id']}/rehost", host=OTHER_LINE)
    assert (without.status_code, without.json()["field"]) == (422, "reason")
    moved = caller.post(f"/licenses/{first['id']}/rehost", host=OTHER_LINE, reason="a new machine")
    made = moved.json()
    assert made["host"]["key"] == KEY.replace("5591", "6602")
    assert (made["expires_at"], made["edition"]) == (first["expires_at"], "pro")
    history = caller.get(f"/licenses/{first['id']}/history").json()
    assert [one["id"] for one in history["licenses"]] == [first["id"], made["id"]]
    assert [event["action"] for event in history["events"]] == [
        "license.issued",
        "license.rehosted",
    ]
    assert history["events"][1]["reason"] == "a new machine"
    assert caller.get(f"/licenses/{made['id']}/history").json()["request"] == OTHER_LINE


def test_change_keeps_entitlements_that_it_does_not_name(caller: Caller) -> None:
    first = caller.issue(edition="pro", features=["export"], limits={"gpus": 4}).json()
    made = caller.post(f"/licenses/{first['id']}/change", limits={"gpus": 8}).json()
    assert (made["limits"], made["edition"], made["features"]) == ({"gpus": 8}, "pro", ["export"])
    assert made["expires_at"] == first["expires_at"]


def test_action_without_effect_is_rejected(caller: Caller) -> None:
    name = product(caller, rehosts=1)
    first = caller.issue(product=name).json()["id"]
    for act, members in (("rehost", {"host": LINE, "reason": "pasted twice"}), ("change", {})):
        told = caller.send("POST", f"/licenses/{first}/{act}", json=members)
        assert (told.status_code, slug(told)) == (409, "license-state")
    assert caller.get(f"/licenses/{first}").json()["state"] == "active"
    moved = caller.post(f"/licenses/{first}/rehost", host=OTHER_LINE, reason="moved")
    assert moved.status_code == 201  # the move that was not one has not been counted


def test_suspended_licence_can_only_be_reinstated_or_revoked(caller: Caller) -> None:
    first = caller.issue().json()["id"]
    assert caller.post(f"/licenses/{first}/suspend", reason="unpaid").json()["state"] == "suspended"
    refused = caller.post(f"/licenses/{first}/renew", days=30)
    assert (refused.status_code, slug(refused)) == (409, "license-state")
    back = caller.post(f"/licenses/{first}/reinstate", reason="paid").json()
    assert (back["state"], back["replaces"]) == ("active", first)
    gone = caller.post(f"/licenses/{back['id']}/revoke", reason="stolen").json()
    assert gone["state"] == "revoked"
    for act in ("suspend", "reinstate", "revoke"):
        assert slug(caller.post(f"/licenses/{back['id']}/{act}", reason="x")) == "license-state"
    assert verified(caller, back["id"]).jti == back["id"]  # its file is what was issued


def test_wrong_revocation_is_undone_by_a_licence_that_says_the_same(caller: Caller) -> None:
    first = caller.issue(limits={"gpus": 4}, features=["export"], edition="pro").json()
    for act in ("reinstate", "unrevoke"):
        refused = caller.post(f"/licenses/{first['id']}/{act}", reason="x")
        assert "is neither suspended nor revoked" in refused.json()["detail"]
    caller.post(f"/licenses/{first['id']}/revoke", reason="the wrong row")
    made = caller.post(f"/licenses/{first['id']}/unrevoke", reason="the wrong row").json()
    same = ("customer", "product", "edition", "features", "limits", "host", "expires_at")
    assert {name: made[name] for name in same} == {name: first[name] for name in same}
    assert (made["state"], made["replaces"], made["act"]) == ("active", first["id"], "unrevoke")
    assert verified(caller, made["id"]).limits == {"gpus": 4}
    again = caller.post(f"/licenses/{first['id']}/unrevoke", reason="x")
    assert made["id"] in again.json()["detail"]


def test_next_list_names_no_licence_whose_revocation_was_undone(caller: Caller) -> None:
    first = caller.issue().json()["id"]
    caller.post(f"/licenses/{first}/revoke", reason="the wrong row")
    site = caller.desk.site
    with site.database.reading() as connection:
        assert first in set(revocation_store.to_be_listed(connection, 0))
    made = caller.post(f"/licenses/{first}/unrevoke", reason="the wrong row").json()["id"]
    with site.database.reading() as connection:
        assert not {first, made} & set(revocation_store.to_be_listed(connection, 0))


def test_second_of_two_actions_is_rejected_with_the_successor(caller: Caller) -> None:
    first = caller.issue().json()["id"]
    etag = caller.get(f"/licenses/{first}").headers["etag"]
    made = caller.post(f"/licenses/{first}/renew", days=30, headers={"If-Match": etag}).json()
    second = caller.post(f"/licenses/{first}/rehost", host=OTHER_LINE, reason="x")
    assert (second.status_code, slug(second)) == (409, "license-state")
    assert made["id"] in second.json()["detail"]
    stale = caller.post(f"/licenses/{made['id']}/renew", days=9, headers={"If-Match": etag})
    assert (stale.status_code, slug(stale)) == (412, "changed-meanwhile")


def test_dry_run_reports_refusals_and_notices_and_changes_nothing(caller: Caller) -> None:
    name = product(caller, longest_days=30, rehosts=0)
    first = caller.issue(product=name, customer="ACME").json()
    before = [caller.desk.count(t) for t in ("licenses", "audit_events", "customers")]
    seen = caller.post(
        "/licenses?dry_run=true", customer="New Ltd", product=name, days=31 * 2, host=LINE
    )
    assert seen.status_code == 200
    told = seen.json()
    assert [one["slug"] for one in told["refusals"]] == ["term-too-long"]
    assert {one["slug"] for one in told["notices"]} >= {"host-of-another-customer", "customer-new"}
    moved = caller.post(f"/licenses/{first['id']}/rehost?dry_run=true", host=OTHER_LINE, reason="x")
    assert [one["slug"] for one in moved.json()["refusals"]] == ["rehosts-used-up"]
    assert [caller.desk.count(t) for t in ("licenses", "audit_events", "customers")] == before


def test_dry_run_of_a_change_says_what_it_takes_away(caller: Caller) -> None:
    first = caller.issue(limits={"gpus": 4}, features=["export", "train"]).json()
    path = f"/licenses/{first['id']}/change?dry_run=true"
    told = caller.post(path, limits={"gpus": 2}, features=["train"]).json()["notices"]
    (less,) = [one for one in told if one["slug"] == "takes-away"]
    assert "without export; gpus 2 instead of 4" in json.dumps(less)
    more = caller.post(path, limits={"gpus": 8}).json()["notices"]
    assert [one for one in more if one["slug"] == "takes-away"] == []


def test_product_rules_apply_to_issue_and_rehost(caller: Caller) -> None:
    name = product(caller, longest_days=30, rehosts=1, defaults={"days": 20, "limits": {"gpus": 2}})
    made = caller.post("/licenses", customer="ACME", product=name, host=LINE)
    assert (made.status_code, made.json()["limits"]) == (201, {"gpus": 2})
    long = caller.issue(product=name, days=60)
    assert (long.status_code, slug(long)) == (409, "term-too-long")
    endless = caller.post("/licenses", customer="A", product=name, host=LINE, perpetual=True)
    assert slug(endless) == "term-too-long"
    number = made.json()["id"]
    moved = caller.post(f"/licenses/{number}/rehost", host=OTHER_LINE, reason="x").json()
    again = caller.post(f"/licenses/{moved['id']}/rehost", host=LINE, reason="x")
    assert (again.status_code, slug(again)) == (409, "rehosts-used-up")
    # A new order that replaces it with another host is the same by another name.
    other = caller.issue(product=name, days=9, replaces=moved["id"])
    assert slug(other) == "rehosts-used-up"


def test_order_replaces_only_a_licence_of_its_customer_and_product(
    caller: Caller,
) -> None:
    guarded = product(caller)
    first = caller.issue(product=guarded, customer="ACME").json()["id"]
    named = {"replaces": first, "host": OTHER_LINE}
    for other in ({"product": "darwin"}, {"product": guarded, "customer": "Somebody Else"}):
        told = caller.issue(**named | other)
        assert (told.status_code, slug(told)) == (409, "license-state")
        assert "Cannot replace licence" in told.json()["detail"]
        assert caller.get(f"/licenses/{first}").json()["state"] == "active"
    assert caller.issue(**named, product=guarded).json()["replaces"] == first


def test_request_cannot_replace_a_licence_of_another_product(
    caller: Caller,
) -> None:
    other = product(caller)
    first = caller.issue(product=other).json()["id"]
    claimed = LicenseRequest(key="ab" * 20, name="x", replaces=first).to_text()
    made = caller.issue(host=claimed)
    assert (made.status_code, made.json()["replaces"]) == (201, None)
    assert caller.get(f"/licenses/{first}").json()["state"] == "active"


def test_proposal_is_approved_by_a_second_person_only(caller: Caller) -> None:
    name = product(caller, needs_approval=True)
    proposed = caller.issue(product=name, reason="a trial")
    assert proposed.status_code == 202
    path = proposed.headers["location"].removeprefix("/api/v1")
    assert proposed.json()["state"] == "waiting"
    own = caller.post(f"{path}/approve")
    assert (own.status_code, slug(own)) == (403, "not-permitted")
    second = Caller(caller.desk, "second")
    issued = second.post(f"{path}/approve", reason="checked")
    assert issued.status_code == 201, issued.text
    assert verified(caller, issued.json()["id"]).aud == name
    late = second.post(f"{path}/refuse", reason="no")
    assert (late.status_code, slug(late)) == (409, "proposal-decided")
    told = caller.get(path).json()
    assert (told["state"], told["issued"]) == ("approved", issued.json()["id"])
    events = caller.get(f"/licenses/{issued.json()['id']}/history").json()["events"]
    assert events[0]["actor"].startswith("token:life")
    assert events[0]["details"]["proposal"] == told["id"]


@pytest.mark.parametrize(
    ("former", "later"),
    [
        ({}, {"features": ["all"], "limits": {"gpus": 64}, "edition": "gold", "grace_days": 90}),
        ({"features": ["a"], "limits": {"gpus": 2}, "edition": "basic"}, {}),
    ],
)
def test_approval_uses_the_defaults_of_the_time_of_the_proposal(
    caller: Caller, former: dict[str, Any], later: dict[str, Any]
) -> None:
    name = product(caller, needs_approval=True, defaults=former, longest_days=90)
    path = caller.issue(product=name).headers["location"].removeprefix("/api/v1")
    more = caller.issue(product=name, days=60).headers["location"].removeprefix("/api/v1")
    rules = {"defaults": later, "longest_days": 40}
    assert caller.send("PATCH", f"/products/{name}", json=rules).status_code == 200
    second = Caller(caller.desk, "second")
    issued = verified(caller, second.post(f"{path}/approve").json()["id"])
    assert (list(issued.features), issued.limits or {}, issued.edition, issued.grace_until) == (
        former.get("features", []),
        former.get("limits", {}),
        former.get("edition"),
        None,
    )
    assert slug(second.post(f"{more}/approve")) == "term-too-long"  # a rule holds as it is now


def test_approval_rule_set_during_an_issue_stops_it(caller: Caller) -> None:
    """Its rule is changed while the licence is drawn up: where its number is drawn.

    Of an order with which something else is done; a plain one is drawn up where it is stored.
    """
    name, desk = product(caller), caller.desk
    rule = {"needs_approval": True}

    def meanwhile(count: int) -> bytes:
        desk.site.database.write(lambda c: products.change(c, name, rule, COMMAND, desk.clock.now))
        return os.urandom(count)

    site = desk.site._replace(random=meanwhile)
    wanted = ActRequest(ISSUE, {"customer": "ACME", "product": name, "days": 30, "host": LINE})
    before = desk.count("licenses")
    with pytest.raises(ChangedMeanwhileError, match=name):
        asyncio.run(
            site.act(
                wanted,
                COMMAND,
                desk.clock.now,
                lambda _: Reply(201, None, b""),
                follow=lambda *_: None,
            )
        )
    assert desk.count("licenses") == before
    assert caller.issue(product=name).status_code == 202


def test_refused_proposal_issues_nothing(caller: Caller) -> None:
    name = product(caller, needs_approval=True)
    path = caller.issue(product=name).headers["location"].removeprefix("/api/v1")
    assert caller.post(f"{path}/refuse", reason="a mistake").json()["state"] == "refused"
    second = Caller(caller.desk, "second")
    assert slug(second.post(f"{path}/approve")) == "proposal-decided"
    assert caller.get(f"/licenses?product={name}").json()["licenses"] == []


def test_repeated_key_gets_the_identical_reply_for_every_action(caller: Caller) -> None:
    first = caller.issue().json()["id"]
    for path, members in (
        (f"/licenses/{first}/renew", {"days": 30}),
        ("/customers", {"name": f"C {caller.desk.clock.now}"}),
        ("/products", {"name": unique(caller.desk, "q")}),
        (f"/licenses/{first}/notes", {"note": "telephoned"}),
    ):
        key = {"Idempotency-Key": f"{path}{caller.desk.clock.now}"}
        once, again = (caller.post(path, headers=key, **members) for _ in range(2))
        assert once.status_code == 201, once.text
        assert (once.content, once.headers.get("location")) == (
            again.content,
            again.headers.get("location"),
        )
        other = caller.post(path, headers=key, **members | {"days": 31})
        assert slug(other) == "idempotency-key-reused"


def test_perpetual_licence_rejects_members_that_count_from_expiry(caller: Caller) -> None:
    number = caller.issue(perpetual=True, days=None).json()["id"]
    for act, members in (
        ("renew", {"continue_from": "end", "days": 30}),
        ("change", {"notify_days": 5}),
        ("change", {"grace_days": 5}),
    ):
        told = caller.post(f"/licenses/{number}/{act}", **members)
        assert (told.status_code, slug(told)) == (409, "license-state"), told.text
        assert "is perpetual" in told.json()["detail"]


def test_stale_etag_prevents_overwriting_a_customer(caller: Caller) -> None:
    made = caller.post("/customers", name=f"Two {caller.desk.clock.now}", notes="first")
    path = f"/customers/{made.json()['id']}"
    etag = {"If-Match": caller.get(path).headers["etag"]}
    won = caller.send("PATCH", path, json={"notes": "second"}, headers=etag)
    assert (won.status_code, won.json()["notes"]) == (200, "second")
    lost = caller.send("PATCH", path, json={"notes": "third"}, headers=etag)
    assert (lost.status_code, slug(lost)) == (412, "changed-meanwhile")
    cleared = caller.send("PATCH", path, json={"notes": None})
    assert cleared.json()["notes"] is None


def test_api_token_is_limited_by_scopes_products_and_expiry(desk: Desk) -> None:
    name = product(Caller(desk, "maker"))
    narrow = Caller(
        desk,
        "narrow",
        tokens.Grant(frozenset({"licenses:read", "licenses:issue"}), frozenset({name})),
    )
    made = narrow.issue(product=name).json()["id"]
    foreign = narrow.issue(product="darwin")
    assert (foreign.status_code, slug(foreign)) == (403, "not-permitted")
    others = Caller(desk, "wide").issue().json()["id"]
    hidden = narrow.get(f"/licenses/{others}")  # as one that there is not
    assert (hidden.status_code, slug(hidden)) == (404, "not-found")
    assert {one["product"] for one in narrow.get("/licenses").json()["licenses"]} == {name}
    assert narrow.post(f"/licenses/{made}/revoke", reason="x").status_code == 403
    assert narrow.get("/events").status_code == 403
    ends = tokens.Grant(frozenset({"licenses:read"}), expires_at=desk.clock.now + 60)
    brief = Caller(desk, "brief", ends)
    assert brief.get("/licenses").status_code == 200
    desk.clock.now += 60
    assert brief.get("/licenses").status_code == 401


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("state=gone", "state"),
        ("expires_from=2027-02-30", "expires_from"),
        ("nonsense=1", "nonsense"),
        ("cursor=xx", "cursor"),
    ],
)
def test_invalid_filter_names_the_field(caller: Caller, query: str, field: str) -> None:
    reply = caller.get(f"/licenses?{query}")
    assert (reply.status_code, reply.json()["field"]) == (422, field)


def test_licences_are_found_by_every_filter(caller: Caller) -> None:
    name = product(caller)
    mark = f"{caller.desk.clock.now}"
    one = caller.issue(customer=f"Gebrüder {mark} 北京模型", product=name, days=30).json()
    two = caller.issue(customer=f"Other {mark}x", product=name, host=OTHER_LINE, days=60).json()
    caller.post(f"/licenses/{two['id']}/revoke", reason="x")

    def found(query: str) -> list[str]:
        reply = caller.get(f"/licenses?product={name}&{query}")
        assert reply.status_code == 200, reply.text
        return [made["id"] for made in reply.json()["licenses"]]

    both = [two["id"], one["id"]]
    assert found("") == both
    assert found("state=active") == [one["id"]]
    assert found("state=revoked") == [two["id"]]
    assert found(f"host_key={KEY[:8]}") == [one["id"]]
    assert found("host_name=studio") == both
    assert found(f"number={one['id'][:12]}") == [one["id"]]
    assert found("q=gebr") == found("q=模型") == [one["id"]]
    assert found(f"q={mark}") == both
    assert found("q=Gebr%C3%BCder%20other") == []
    last = one["last_day"]
    assert last < one["expires_at"][:10]  # in UTC, that is the day after
    assert found(f"expires_before={last}") == []
    assert found(f"expires_until={last}") == [one["id"]]
    assert found(f"expires_from={last}&expires_until={last}") == [one["id"]]
    assert found(f"expires_from={one['expires_at'][:10]}") == [two["id"]]


def test_last_day_stays_that_of_the_zone_it_was_ordered_in(caller: Caller) -> None:
    """Through every action, unless it names another zone; the claims only say instants."""
    last = {"expires": "2096-06-30", "days": None, "time_zone": "Asia/Shanghai"}
    made = caller.issue(product=product(caller), **last).json()
    assert (made["last_day"], made["expires_at"]) == ("2096-06-30", "2096-06-30T16:00:00Z")
    told = {"last_day": "2096-06-30", "time_zone": "Asia/Shanghai"}
    steps: tuple[tuple[str, dict[str, Any]], ...] = (
        ("change", {"edition": "pro", "maintenance_until": "2096-01-31"}),
        ("rehost", {"host": OTHER_LINE, "reason": "x"}),
        ("suspend", {"reason": "x"}),
        ("reinstate", {"reason": "x"}),
    )
    for act, members in steps:
        made = caller.post(f"/licenses/{made['id']}/{act}", **members).json()
        assert made | told == made, act
    assert made["maintenance_until"] == "2096-01-31T16:00:00Z"
    dry = caller.post(f"/licenses/{made['id']}/renew?dry_run=true", days=365).json()
    assert (dry["last_day"], dry["time_zone"]) == ("2097-06-30", "Asia/Shanghai")
    renewed = caller.post(f"/licenses/{made['id']}/renew", days=365, time_zone="UTC").json()
    assert (renewed["last_day"], renewed["expires_at"]) == ("2097-06-30", "2097-07-01T00:00:00Z")
    assert renewed["time_zone"] == "UTC"


@pytest.mark.parametrize("called", ["as it is called now", "by a former name"])
def test_archived_customer_takes_no_licence_from_who_does_not_see_it(
    caller: Caller, called: str
) -> None:
    theirs = product(caller)
    caller.desk.clock.now += 1
    mine = product(caller)
    made = caller.issue(product=theirs, customer=f"Gone {mine}").json()
    (found,) = caller.get(f"/customers?q={mine}").json()["customers"]
    here, name = f"/customers/{found['id']}", made["customer"]
    if called == "by a former name":
        assert caller.send("PATCH", here, json={"name": f"Hidden {mine}"}).status_code == 200
    assert caller.post(f"{here}/archive").status_code == 200
    grant = tokens.Grant(frozenset({"licenses:issue", "licenses:read"}), frozenset({mine}))
    limited = Caller(caller.desk, "limited", grant)
    for path in ("/licenses", "/licenses?dry_run=true"):
        members = {"product": mine, "customer": name, "host": OTHER_LINE, "days": 3}
        refused = limited.post(path, **members)
        assert (refused.status_code, slug(refused)) == (409, "archived")
        assert name in refused.json()["detail"]
        assert "Hidden" not in refused.text
