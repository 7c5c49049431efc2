"""Trials and stop-gaps: what is given once, what refuses a second one, and the exception."""

import hashlib
import os
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from license_server.access import tokens
from license_server.actor import Actor
from license_server.catalog.errors import ArchivedError
from license_server.licenses import issuing, planning, recording
from license_server.licenses.acts import ISSUE, STOP_GAP
from license_server.licenses.errors import TrialUsedError
from license_server.licenses.planning import ActRequest, Plan
from license_server.permissions import PERMISSIONS
from tests.support.api import Caller, slug
from tests.support.desk import Desk, last_event, unique
from tests.support.requests import of_container

TRIAL = {"Trial": {"trial": True, "days": 30}, "Pro": {"days": 365}}
DAY = 86400
OTHER_ID, OTHER_MACHINE = "6a" * 32, "7b" * 16


@pytest.fixture
def caller(desk: Desk) -> Caller:
    return Caller(desk, "kinds")


@pytest.fixture
def without(desk: Desk) -> Caller:
    """A program that may make no exception."""
    return Caller(desk, "plain", tokens.Grant(frozenset(PERMISSIONS) - {"licenses:override"}))


@pytest.fixture
def product(caller: Caller) -> str:
    name = unique(caller.desk, "p")
    assert caller.post("/products", name=name, plans=TRIAL).status_code == 201
    return name


def host_of(text: str) -> str:
    """A host key line that nothing else has."""
    return f'["{hashlib.sha1(text.encode()).hexdigest()}", "{text[:12]}"]'


def order(caller: Caller, product: str, **more: Any) -> dict[str, Any]:
    host = host_of(unique(caller.desk, "h"))
    return {"customer": unique(caller.desk, "c"), "product": product, "host": host} | more


def issued(caller: Caller, path: str = "/licenses", **members: Any) -> Any:
    reply = caller.post(path, **members)
    assert reply.status_code == 201, reply.text
    return reply.json()


def test_trial_is_given_once_to_a_customer(caller: Caller, product: str) -> None:
    first = order(caller, product, plan="Trial")
    number = issued(caller, **first)["id"]
    refused = caller.post("/licenses", **first | {"host": host_of("another")})
    assert (refused.status_code, slug(refused)) == (409, "trial-used")
    told = f"The customer {first['customer']} had a trial of {product} before: {number}, issued on "
    assert refused.json()["detail"].startswith(told)
    issued(caller, **first | {"plan": "Pro"})


def test_trial_is_given_once_for_a_host(caller: Caller, product: str) -> None:
    first = order(caller, product, plan="Trial")
    number = issued(caller, **first)["id"]
    refused = caller.post("/licenses", **first | {"customer": unique(caller.desk, "d")})
    assert slug(refused) == "trial-used"
    assert f"had a trial of {product} before: {number}" in refused.json()["detail"]


def test_host_is_known_by_the_tag_of_its_container_under_another_key(
    caller: Caller, product: str, tmp_path: Path
) -> None:
    first = of_container(tmp_path, container_id="1b" * 32)
    issued(caller, **order(caller, product, plan="Trial", host=first.to_text()))
    moved = of_container(tmp_path, container_id="1b" * 32, ip="172.17.0.99", hostname="new")
    assert moved.key != first.key
    again = order(caller, product, plan="Trial", host=moved.to_text())
    assert slug(caller.post("/licenses", **again)) == "trial-used"


def test_containers_of_one_image_are_not_one_host(
    caller: Caller, product: str, tmp_path: Path
) -> None:
    for id_ in ("2c", "3d"):
        text = of_container(tmp_path, container_id=id_ * 32, hostname=f"h{id_}").to_text()
        issued(caller, **order(caller, product, plan="Trial", host=text))


def test_trial_of_another_product_is_another_trial(caller: Caller, product: str) -> None:
    first = order(caller, product, plan="Trial")
    issued(caller, **first)
    other = unique(caller.desk, "q")
    assert caller.post("/products", name=other, plans=TRIAL).status_code == 201
    issued(caller, **first | {"product": other})


def test_exception_takes_the_permission_and_a_reason_and_names_the_first(
    caller: Caller, without: Caller, product: str
) -> None:
    first = order(caller, product, plan="Trial")
    number = issued(caller, **first)["id"]
    second = first | {"override": True}
    assert without.post("/licenses", **second | {"reason": "asked"}).status_code == 403
    unexplained = caller.post("/licenses", **second).json()
    assert [fault["field"] for fault in unexplained["errors"]] == ["reason"]
    made = issued(caller, **second, reason="the first one was never installed")
    assert (made["kind"], made["despite"]) == ("trial", number)
    _, _, details = last_event(caller.desk, made["id"])
    assert details["despite"] == number


def test_renewing_a_trial_is_a_second_one_and_another_plan_is_none(
    caller: Caller, product: str
) -> None:
    number = issued(caller, **order(caller, product, plan="Trial"))["id"]
    assert slug(caller.post(f"/licenses/{number}/renew", days=30)) == "trial-used"
    made = issued(caller, f"/licenses/{number}/renew", plan="Pro")
    assert (made["plan"], made["kind"]) == ("Pro", None)


def test_trial_moves_as_the_same_trial(caller: Caller, product: str) -> None:
    number = issued(caller, **order(caller, product, plan="Trial"))["id"]
    made = issued(caller, f"/licenses/{number}/rehost", host=host_of("moved" + product), reason="x")
    assert (made["plan"], made["kind"], made["despite"]) == ("Trial", "trial", None)


def test_trial_does_not_move_to_a_host_that_had_one_but_by_exception(
    caller: Caller, product: str
) -> None:
    first = order(caller, product, plan="Trial")
    number = issued(caller, **first)["id"]
    path = f"/licenses/{issued(caller, **order(caller, product, plan='Trial'))['id']}/rehost"
    refused = caller.post(path, host=first["host"], reason="x")
    assert (slug(refused), number in refused.json()["detail"]) == ("trial-used", True)
    made = issued(caller, path, host=first["host"], reason="x", override=True)
    assert (made["act"], made["despite"]) == ("rehost", number)


def test_trial_moves_back_to_where_it_was(caller: Caller, product: str) -> None:
    first = order(caller, product, plan="Trial")
    number = issued(caller, **first)["id"]
    for host in (host_of("there" + product), first["host"]):
        number = issued(caller, f"/licenses/{number}/rehost", host=host, reason="x")["id"]


def test_trial_has_an_end(caller: Caller, product: str) -> None:
    endless = order(caller, product, perpetual=True)
    refused = caller.post("/licenses", **endless, plan="Trial")
    assert [fault["field"] for fault in refused.json()["errors"]] == ["perpetual"]
    path = f"/licenses/{issued(caller, **endless)['id']}"
    refused = caller.post(f"{path}/change", plan="Trial")
    assert [fault["field"] for fault in refused.json()["errors"]] == ["plan"]
    refused = caller.post(f"{path}/renew", plan="Trial", perpetual=True)
    assert [fault["field"] for fault in refused.json()["errors"]] == ["perpetual"]
    issued(caller, f"{path}/renew", plan="Trial")


@pytest.mark.parametrize("how", ["merged", "renamed", "archived", "product archived"])
def test_what_changed_since_the_plan_is_looked_at_where_it_is_recorded(
    caller: Caller, product: str, how: str
) -> None:
    site, now, actor = caller.desk.site, caller.desk.clock.now, Actor("a", frozenset(PERMISSIONS))
    one, two = (unique(caller.desk, name) for name in ("One", "Two"))
    ids = {name: caller.post("/customers", name=name).json()["id"] for name in (one, two)}

    def given(customer: str) -> dict[str, Any]:
        return order(caller, product, plan="Trial", customer=customer)

    def renamed() -> None:
        issued(caller, **given(two))
        caller.send("PATCH", f"/customers/{ids[two]}", json={"name": unique(caller.desk, "Now")})

    if how == "merged":
        issued(caller, **given(one))
    wanted = ActRequest(ISSUE, given(two))
    with site.database.reading() as connection:
        plan = planning.plan(connection, wanted, actor, now)
    if how == "renamed":
        renamed()
    else:
        path, members = {
            "merged": (f"/customers/{ids[two]}/merge", {"into": ids[one]}),
            "archived": (f"/customers/{ids[two]}/archive", {}),
            "product archived": (f"/products/{product}/archive", {}),
        }[how]
        assert caller.post(path, **members).status_code == 200
    signed = issuing.sign_and_verify(
        plan.order, site.issuer, issuing.new_number(now, os.urandom), now
    )
    error = ArchivedError if "archived" in how else TrialUsedError
    with pytest.raises(error):
        site.database.write(lambda c: recording.record(c, plan, signed, site.issuer, actor))


def test_rows_of_a_sheet_are_exceptions_after_the_rows_before_them(
    caller: Caller, product: str
) -> None:
    name = unique(caller.desk, "c")
    rows = "".join(
        f"{name},{product},{host_of(n + product)[2:42]},Trial,{yes},asked\n"
        for n, yes in (("one", ""), ("two", "yes"), ("three", ""))
    )
    reply = caller.send(
        "POST",
        "/imports?skip_wrong=true",
        content="customer,product,host,plan,override,reason\n" + rows,
        headers={"Content-Type": "text/csv"},
    )
    lines = reply.json()["lines"]
    assert [one["ok"] for one in lines] == [True, True, False], reply.text
    first, second = (caller.get(f"/licenses/{one['license']}").json() for one in lines[:2])
    assert (first["despite"], second["despite"]) == (None, first["id"])


def test_sheet_gives_one_trial_to_a_customer_of_two_rows(caller: Caller, product: str) -> None:
    name = unique(caller.desk, "c")
    rows = "".join(f"{name},{product},{host_of(n + product)[2:42]},Trial\n" for n in ("one", "two"))
    reply = caller.send(
        "POST",
        "/imports?skip_wrong=true",
        content="customer,product,host,plan\n" + rows,
        headers={"Content-Type": "text/csv"},
    )
    assert reply.status_code == 200, reply.text
    lines = reply.json()["lines"]
    assert [one["ok"] for one in lines] == [True, False]
    assert f"row 2 is a trial of {product} for the same customer" in lines[1]["detail"]


def test_stop_gap_stands_in_on_another_host_for_seven_days(caller: Caller, product: str) -> None:
    first = issued(caller, **order(caller, product, plan="Pro", limits={"gpus": 3}))
    made = issued(
        caller, f"/licenses/{first['id']}/stop-gap", host=host_of("gap" + product), reason="broken"
    )
    assert (made["kind"], made["stands_for"]) == ("stop-gap", first["id"])
    assert (made["plan"], made["limits"], made["replaces"]) == ("Pro", {"gpus": 3}, None)
    assert made["line"] == made["id"]
    assert caller.get(f"/licenses/{first['id']}").json()["state"] == "active"
    assert made["act"] == "stop-gap"


def test_stop_gap_is_for_the_same_host_only_once_the_licence_is_over(
    caller: Caller, product: str
) -> None:
    number = issued(caller, **order(caller, product, days=1))["id"]
    refused = caller.post(f"/licenses/{number}/stop-gap", reason="x")
    assert (slug(refused), "still valid" in refused.json()["detail"]) == ("license-state", True)
    caller.desk.clock.now += 3 * DAY
    made = issued(caller, f"/licenses/{number}/stop-gap")
    assert made["host"]["key"] == caller.get(f"/licenses/{number}").json()["host"]["key"]


def test_customer_gets_one_stop_gap_within_a_year(
    caller: Caller, without: Caller, product: str
) -> None:
    first = issued(caller, **order(caller, product, perpetual=True))
    path = f"/licenses/{first['id']}/stop-gap"
    gap = issued(caller, path, host=host_of("a" + product))
    refused = without.post(path, host=host_of("b" + product))
    assert slug(refused) == "stop-gap-used"
    assert gap["id"] in refused.json()["detail"]
    site, now = caller.desk.site, caller.desk.clock.now
    wanted = ActRequest(STOP_GAP, {"host": host_of("b" + product)}, first["id"])
    actor = Actor("token:later", frozenset(PERMISSIONS))

    def refusals(days: int) -> list[str]:
        with site.database.reading() as connection:
            planned = planning.plan(connection, wanted, actor, now + days * DAY, with_notices=True)
        return [error.slug for error in planned.refusals]

    assert (refusals(364), refusals(365)) == (["stop-gap-used"], [])
    again = issued(
        caller, path, host=host_of("c" + product), override=True, reason="agreed with sales"
    )
    assert again["despite"] == gap["id"]


def test_program_limited_to_other_products_learns_no_number_of_a_stop_gap(
    caller: Caller, product: str
) -> None:
    first = issued(caller, **order(caller, product, perpetual=True))
    gap = issued(caller, f"/licenses/{first['id']}/stop-gap", host=host_of("z" + product))
    other = unique(caller.desk, "r")
    assert caller.post("/products", name=other).status_code == 201
    limited = Caller(
        caller.desk, "one", tokens.Grant(frozenset({"licenses:issue"}), products=frozenset({other}))
    )
    mine = order(caller, other, customer=first["customer"], perpetual=True)
    number = issued(limited, **mine)["id"]
    refused = limited.post(f"/licenses/{number}/stop-gap", host=host_of("y" + product))
    assert slug(refused) == "stop-gap-used"
    assert gap["id"] not in refused.text
    assert product not in refused.text


def test_program_limited_to_other_products_learns_no_number_of_an_exception(
    caller: Caller, product: str
) -> None:
    first = issued(caller, **order(caller, product, perpetual=True))
    gap = issued(caller, f"/licenses/{first['id']}/stop-gap", host=host_of("e" + product))
    other = unique(caller.desk, "r")
    assert caller.post("/products", name=other).status_code == 201
    may = frozenset({"licenses:issue", "licenses:read", "licenses:override"})
    limited = Caller(caller.desk, "two", tokens.Grant(may, products=frozenset({other})))
    mine = order(caller, other, customer=first["customer"], perpetual=True)
    number = issued(limited, **mine)["id"]
    path = f"/licenses/{number}/stop-gap"
    asked: dict[str, Any] = {"host": host_of("f" + product), "override": True, "reason": "agreed"}
    previewed = limited.post(f"{path}?dry_run=true", **asked)
    given = limited.post(path, **asked)
    made = given.json()["id"]
    assert caller.get(f"/licenses/{made}").json()["despite"] == gap["id"]
    read = [limited.get(at) for at in (f"/licenses/{made}", f"/licenses/{made}/history")]
    read += [limited.get("/licenses"), limited.get(f"/find?q={made}")]
    assert (previewed.status_code, given.status_code) == (200, 201)
    assert {one.status_code for one in read} == {200}
    for one in (previewed, given, *read):
        assert gap["id"] not in one.text
        assert product not in one.text


@pytest.mark.parametrize("same", ["customer", "host"])
def test_of_two_trials_at_the_same_instant_one_is_recorded(
    caller: Caller, product: str, same: str
) -> None:
    site, now = caller.desk.site, caller.desk.clock.now
    first, second = (order(caller, product, plan="Trial") for _ in range(2))
    second[same] = first[same]
    actor = Actor("token:two", frozenset(PERMISSIONS))

    def planned(members: dict[str, Any]) -> Plan:
        with site.database.reading() as connection:
            return planning.plan(connection, ActRequest(ISSUE, members), actor, now)

    plans = [planned(first), planned(second)]

    def record(plan: Plan) -> str:
        number = issuing.new_number(now, os.urandom)
        signed = issuing.sign_and_verify(plan.order, site.issuer, number, now)
        return site.database.write(
            lambda c: recording.record(c, plan, signed, site.issuer, actor)
        ).number

    number = record(plans[0])
    with pytest.raises(TrialUsedError) as refused:
        record(plans[1])
    assert refused.value.number == number


@pytest.mark.parametrize(
    ("act", "members"), [("renew", {"days": 30}), ("change", {"edition": "x"})]
)
def test_stop_gap_is_not_made_more_of(
    caller: Caller, product: str, act: str, members: dict[str, Any]
) -> None:
    first = issued(caller, **order(caller, product, days=30))
    gap = issued(caller, f"/licenses/{first['id']}/stop-gap", host=host_of(act + product))
    refused = caller.post(f"/licenses/{gap['id']}/{act}", **members)
    assert slug(refused) == "license-state"
    assert f"is a stop-gap for {first['id']}" in refused.json()["detail"]


def test_stop_gap_is_no_longer_than_its_product_allows(caller: Caller) -> None:
    name = unique(caller.desk, "s")
    assert caller.post("/products", name=name, longest_days=3).status_code == 201
    first = issued(caller, **order(caller, name, days=2))
    gap = issued(caller, f"/licenses/{first['id']}/stop-gap", host=host_of("s" + name))
    days = date.fromisoformat(gap["last_day"]) - date.fromisoformat(first["last_day"])
    assert days.days == 1
