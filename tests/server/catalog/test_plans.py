"""Plans: a product's named sets of terms, in orders, in licences and in the audit log."""

from typing import Any

import pytest

from tests.support.api import Caller, slug, verified
from tests.support.desk import Desk, last_event, unique
from tests.support.server import KEY, OTHER_LINE

PLANS = {
    "Trial 30 days": {"trial": True, "days": 30, "features": ["export"]},
    "Pro": {"edition": "pro", "days": 365, "limits": {"gpus": 8}, "notify_days": 20},
}


@pytest.fixture
def caller(desk: Desk) -> Caller:
    return Caller(desk, "plans")


def product(caller: Caller, **more: Any) -> str:
    name = unique(caller.desk, "p")
    made = caller.post("/products", name=name, **{"plans": PLANS} | more)
    assert made.status_code == 201, made.text
    return name


def changed(caller: Caller, name: str, **plans: Any) -> Any:
    return caller.send("PATCH", f"/products/{name}", json={"plans": plans})


def test_plan_fills_what_an_order_leaves_open_before_the_products_defaults(caller: Caller) -> None:
    name = product(caller, defaults={"days": 90, "edition": "basic", "grace_days": 5})
    made = caller.post(
        "/licenses", customer=unique(caller.desk, "c"), product=name, plan="Pro", host=OTHER_LINE
    ).json()
    license_ = verified(caller, made["id"])
    assert (license_.edition, license_.limits) == ("pro", {"gpus": 8})
    assert (made["plan"], made["kind"]) == ("Pro", None)
    assert round((license_.exp - license_.iat) / 86400) in (365, 366)
    assert license_.grace_until == license_.exp + 5 * 86400  # of the product


def test_order_says_otherwise_than_its_plan(caller: Caller) -> None:
    name = product(caller)
    made = caller.issue(product=name, plan="Pro", days=10, edition="lab").json()
    license_ = verified(caller, made["id"])
    assert license_.edition == "lab"
    assert license_.limits == {"gpus": 8}
    assert round((license_.exp - license_.iat) / 86400) in (10, 11)


@pytest.mark.parametrize(
    ("plan", "told"),
    [
        ("Gold", "has no plan Gold: those that it has are Pro, Trial 30 days."),
        ("Trail 30 days", "has no plan Trail 30 days: Trial 30 days has nearly the same name."),
        ("Old", "has no plan Old: it is archived, and takes no new licences."),
    ],
)
def test_plan_that_is_not_there_is_told_with_those_there_are(
    caller: Caller, plan: str, told: str
) -> None:
    name = product(caller)
    assert changed(caller, name, Old={"days": 5, "archived": True}).status_code == 200
    refused = caller.issue(product=name, plan=plan)
    assert (refused.status_code, slug(refused)) == (409, "plan-unknown")
    assert told in refused.json()["detail"]


@pytest.mark.parametrize("wrong", ["plan", "product"])
def test_term_is_not_missing_where_a_wrong_plan_or_product_would_have_said_it(
    caller: Caller, wrong: str
) -> None:
    name = product(caller)
    order: dict[str, Any] = {"customer": unique(caller.desk, "c"), "product": name}
    near = {"plan": "Trail 30 days", "product": name + "s"}
    refused = caller.post("/licenses", **order | {"host": OTHER_LINE, wrong: near[wrong]})
    assert [fault["field"] for fault in refused.json()["errors"]] == [wrong]


def test_plan_is_found_in_any_case_and_kept_as_it_is_called(caller: Caller) -> None:
    name = product(caller)
    assert caller.issue(product=name, plan="pro").json()["plan"] == "Pro"


def test_plan_is_changed_member_by_member_and_the_audit_log_tells_old_and_new(
    caller: Caller,
) -> None:
    name = product(caller)
    reply = changed(caller, name, Pro={"days": 400, "edition": None})
    assert reply.status_code == 200, reply.text
    assert reply.json()["plans"] == PLANS | {
        "Pro": {"days": 400, "limits": {"gpus": 8}, "notify_days": 20}
    }
    _, action, details = last_event(caller.desk, name)
    assert action == "product.changed"
    assert details["changed"] == {
        "plans.Pro.days": [365, 400],
        "plans.Pro.edition": ["pro", None],
    }


@pytest.mark.parametrize(
    ("plans", "field"),
    [
        ({"Trial": {"trial": True}}, "plans.Trial.days"),
        ({"Pro": {"days": 0}}, "plans.Pro.days"),
        ({"Pro": {"limits": {"gpus": "many"}}}, "plans.Pro.limits"),
        ({"Pro": {"colour": "red"}}, "plans.Pro.colour"),
        ({"Pro": None}, "plans"),
        ({"P" * 61: {}}, "plans"),
    ],
)
def test_plan_with_a_fault_is_refused_at_its_member(caller: Caller, plans: Any, field: str) -> None:
    refused = caller.send("PATCH", f"/products/{product(caller)}", json={"plans": plans})
    assert (refused.status_code, slug(refused)) == (422, "input-invalid")
    assert refused.json()["errors"][0]["field"].startswith(field)


def test_renewed_licence_keeps_its_plan_and_takes_another_one(caller: Caller) -> None:
    name = product(caller)
    first = caller.issue(product=name, plan="Pro").json()["id"]
    again = caller.post(f"/licenses/{first}/renew", days=30).json()
    assert again["plan"] == "Pro"
    assert changed(caller, name, Max={"edition": "max", "days": 700}).status_code == 200
    other = caller.post(f"/licenses/{again['id']}/renew", plan="Max", continue_from="now").json()
    assert (other["plan"], other["edition"], other["limits"]) == ("Max", "max", {"gpus": 8})
    license_ = verified(caller, other["id"])
    assert round((license_.exp - license_.iat) / 86400) in (700, 701)


def test_change_to_another_plan_keeps_the_term(caller: Caller) -> None:
    name = product(caller)
    first = caller.issue(product=name, days=30).json()
    made = caller.post(f"/licenses/{first['id']}/change", plan="Pro").json()
    assert (made["plan"], made["edition"]) == ("Pro", "pro")
    assert made["expires_at"] == first["expires_at"]


def test_licences_are_listed_and_exported_by_plan(caller: Caller) -> None:
    name = product(caller)
    of_plan = caller.issue(product=name, plan="Pro").json()["id"]
    caller.issue(product=name)
    listed = caller.get(f"/licenses?product={name}&plan=Pro").json()["licenses"]
    assert [one["id"] for one in listed] == [of_plan]
    lines = caller.get(f"/exports/licenses.csv?product={name}&plan=Pro").text.splitlines()
    assert len(lines) == 2
    assert dict(zip(lines[0].split(","), lines[1].split(","), strict=True))["plan"] == "Pro"


def test_sheet_has_a_column_for_the_plan(caller: Caller) -> None:
    name = product(caller)
    sheet = f"customer,product,host,plan\nACME,{name},{KEY},Pro\n"
    reply = caller.send("POST", "/imports", content=sheet, headers={"Content-Type": "text/csv"})
    assert reply.status_code == 200, reply.text
    number = reply.json()["lines"][0]["license"]
    assert caller.get(f"/licenses/{number}").json()["plan"] == "Pro"


def test_proposal_is_approved_as_its_plan_was_when_it_was_made(caller: Caller) -> None:
    name = product(caller, needs_approval=True)
    made = caller.post("/licenses", customer="ACME", product=name, plan="Pro", host=OTHER_LINE)
    assert made.status_code == 202, made.text
    assert changed(caller, name, Pro={"edition": "new", "archived": True}).status_code == 200
    other = Caller(caller.desk, "approver")
    issued = other.post(f"/proposals/{made.json()['id']}/approve", reason="agreed")
    assert issued.status_code == 201, issued.text
    assert (issued.json()["plan"], issued.json()["edition"]) == ("Pro", "pro")
