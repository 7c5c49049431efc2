"""The API reports every error of a request, each at its field."""

import os
from typing import Any

import pytest

from license_server.catalog.faults import MOST
from tests.support.api import Caller
from tests.support.desk import Desk
from tests.support.wrong_values import (
    GONE,
    ORDER,
    REHOST,
    RENEWAL,
    WRONG,
    WRONG_CHANGE,
    WRONG_REHOST,
    WRONG_RENEWAL,
    Case,
    cases,
)


@pytest.fixture
def caller(desk: Desk) -> Caller:
    return Caller(desk, "faults")


def check(caller: Caller, path: str, case: Case) -> None:
    """The reply to *case* tells the first fault as the problem, and all of them as its errors."""
    reply = caller.send("POST", path, json=case.members)
    problem = reply.json()
    told = [error["field"].partition(".")[0] for error in problem["errors"]]
    assert told == list(case.wrong), case
    first = problem["errors"][0]
    assert (first["type"], first["detail"]) == (problem["type"], problem["detail"])
    assert problem.get("field", told[0]) == first["field"]
    assert reply.status_code == problem["status"] >= 400
    assert {tuple(error) for error in problem["errors"]} == {("field", "type", "detail")}


@pytest.mark.parametrize("query", ["", "?dry_run=true"])
def test_api_reports_every_error_of_an_order(caller: Caller, query: str) -> None:
    before = caller.desk.count("licenses")
    for case in cases(ORDER, WRONG, most=1):
        check(caller, f"/licenses{query}", case)
    assert caller.desk.count("licenses") == before


@pytest.mark.parametrize(
    ("act", "right", "wrong"),
    [
        ("renew", RENEWAL, WRONG_RENEWAL),
        ("rehost", REHOST, WRONG_REHOST),
        ("change", {}, WRONG_CHANGE),
    ],
)
def test_api_reports_every_error_of_an_action(
    caller: Caller, act: str, right: dict[str, Any], wrong: dict[str, tuple[Any, ...]]
) -> None:
    first = caller.issue().json()["id"]
    for case in cases(right, wrong):
        check(caller, f"/licenses/{first}/{act}?dry_run=true", judged(case))


def judged(case: Case) -> Case:
    """*case* without the evidence of a host whose text cannot be read: nobody knows it."""
    if case.members.get("match") != "anchored" or "host" not in case.wrong:
        return case
    return case._replace(wrong=tuple(name for name in case.wrong if name != "match"))


@pytest.mark.parametrize("act", ["suspend", "revoke"])
def test_api_reports_every_error_of_a_suspension_or_revocation(caller: Caller, act: str) -> None:
    first = caller.issue().json()["id"]
    check(caller, f"/licenses/{first}/{act}", Case({"why": "x"}, ("reason", "why")))
    check(
        caller,
        f"/licenses/{first}/{act}",
        Case({"reason": 5, "a": 1, "b": 2}, ("reason", "a", "b")),
    )


def test_api_reports_every_error_of_a_proposal_decision(caller: Caller) -> None:
    name = f"guarded{caller.desk.clock.now}"
    assert caller.post("/products", name=name, needs_approval=True).status_code == 201
    proposal = caller.issue(product=name).json()["id"]
    for decision in ("approve", "refuse"):
        path = f"/proposals/{proposal}/{decision}"
        check(caller, path, Case({"reason": 5, "because": "x"}, ("reason", "because")))


def test_api_reports_every_error_of_a_customer_and_a_product(caller: Caller) -> None:
    check(
        caller,
        "/customers",
        Case(
            {"name": "", "contact_name": 5, "language": "de", "x": 1},
            ("x", "name", "contact_name", "language"),
        ),
    )
    check(
        caller,
        "/products",
        Case(
            {"name": "a b", "rehosts": -1, "defaults": {"days": 0, "match": "x"}},
            ("name", "rehosts", "days", "match"),
        ),
    )


def test_single_error_is_listed_once_and_not_found_lists_none(caller: Caller) -> None:
    problem = caller.send("POST", "/licenses", json=ORDER | {"days": 0}).json()
    assert problem["errors"] == [
        {"field": "days", "type": problem["type"], "detail": problem["detail"]}
    ]
    assert "errors" not in caller.get(f"/licenses/{GONE}").json()


def test_errors_list_only_the_first_of_thousands_of_unknown_members(caller: Caller) -> None:
    members = {f"x{n}": 1 for n in range(5_000)}
    problem = caller.send("POST", "/licenses", json=ORDER | members).json()
    assert [error["field"] for error in problem["errors"]] == [f"x{n}" for n in range(MOST)]


def test_suspended_licence_to_replace_is_reported_with_other_errors(
    caller: Caller,
) -> None:
    first = caller.issue().json()["id"]
    caller.post(f"/licenses/{first}/suspend", reason="unpaid")
    wrong = {"edition": "c d", "replaces": first}
    problem = caller.send("POST", "/licenses", json=ORDER | wrong).json()
    told = {error["field"]: error["type"] for error in problem["errors"]}
    assert told == {
        "edition": "/problems/input-invalid",
        "replaces": "/problems/license-state",
    }


def test_import_reports_every_error_of_each_row(caller: Caller) -> None:
    host = quoted(f'["{os.urandom(20).hex()}", "of-nobody-else-{os.urandom(4).hex()}"]')
    sheet = (
        "customer,product,host,days,match,language\n"
        f"ACME,darwin,{host},0,loose,de\n"
        f"ACME,darwin,{host},30,,\n"
        "ACME,a b,hello,30,,\n"
    )
    headers = caller.desk.bearer | {"Content-Type": "text/csv"}
    reply = caller.desk.client.post(
        "/api/v1/imports?dry_run=true", content=sheet, headers=headers
    ).json()
    first, right, last = reply["lines"]
    assert [error["field"] for error in first["errors"]] == ["language", "days", "match"]
    assert (first["column"], first["slug"]) == ("language", "input-invalid")
    assert first["detail"] == first["errors"][0]["detail"]
    assert right == {"line": 3, "ok": True, "license": None, "notices": []}
    assert [(error["field"], error["type"]) for error in last["errors"]] == [
        ("product", "/problems/input-invalid"),
        ("host", "/problems/request-unreadable"),
    ]


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
