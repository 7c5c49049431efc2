"""Actions on many licences over the API: frozen, begun once, reported; within a token's limits."""

import csv
import io
from typing import Any

import pytest

from license_server.access import tokens
from license_server.actor import COMMAND
from license_server.catalog import products
from tests.support import server
from tests.support.api import ALL, issue
from tests.support.desk import Desk, stored, unique

JOBS = "/api/v1/jobs"


@pytest.fixture
def desk(desk: Desk) -> Desk:
    """A vendor, and a token that may do everything."""
    name = unique(desk, "all")
    return desk._replace(token=server.new_token(desk.site.database, name, desk.clock.now, ALL))


def post(desk: Desk, path: str, key: str = "", token: str = "", **members: Any) -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else desk.bearer
    headers |= {"Idempotency-Key": key} if key else {}
    return desk.client.post(path, json=members, headers=headers)


def licences(desk: Desk, customer: str, count: int, **members: Any) -> list[str]:
    hosts = [f'["{n:040x}", "box-{n}"]' for n in range(1, count + 1)]
    return [issue(desk, customer=customer, host=host, **members).json()["id"] for host in hosts]


def rows(desk: Desk, job: dict[str, Any]) -> list[dict[str, str]]:
    reply = desk.client.get(job["links"]["report"], headers=desk.bearer)
    assert reply.status_code == 200
    return list(csv.DictReader(io.StringIO(reply.text)))


def get(desk: Desk, job: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = desk.client.get(job["links"]["self"], headers=desk.bearer).json()
    return found


def test_filter_is_frozen_and_its_licences_are_renewed_once(desk: Desk) -> None:
    customer = unique(desk, "Fleet")
    numbers = licences(desk, customer, 3)
    wanted: dict[str, Any] = {
        "act": "renew",
        "filter": {"customer": customer},
        "order": {"days": 90},
    }
    key = unique(desk, "key")
    made = post(desk, JOBS, key, **wanted)
    assert (made.status_code, made.headers["location"]) == (201, made.json()["links"]["self"])
    job = made.json()
    late = licences(desk, customer, 1)[0]
    assert post(desk, JOBS, key, **wanted).json() == job
    planned = get(desk, job)
    assert (planned["state"], planned["done"], planned["refused"]) == ("planned", 3, 0)
    assert {row["result"] for row in rows(desk, job)} == {"possible"}
    begun = post(desk, job["links"]["begin"])
    assert begun.status_code == 202
    done = get(desk, job)
    assert (done["state"], done["done"], done["refused"]) == ("done", 3, 0)
    assert post(desk, job["links"]["begin"]).json() == done
    assert [row["new_license"] for row in rows(desk, job)] == [
        stored(desk, number).replaced_by for number in numbers[::-1]
    ]
    assert stored(desk, late).state == "active"


def test_many_are_renewed_with_the_term_of_a_plan_as_one_is(desk: Desk) -> None:
    product = unique(desk, "plans")
    made = post(desk, "/api/v1/products", name=product, plans={"Pro": {"days": 365}})
    assert made.status_code == 201, made.text
    number, other = licences(desk, unique(desk, "Fleet"), 2, product=product)
    alone = post(desk, f"/api/v1/licenses/{other}/renew", plan="Pro")
    assert alone.status_code == 201, alone.text
    job = post(desk, JOBS, act="renew", licenses=[number], order={"plan": "Pro"})
    assert job.status_code == 201, job.text
    assert post(desk, job.json()["links"]["begin"]).status_code == 202
    new = stored(desk, str(stored(desk, number).replaced_by))
    assert (new.plan, str(new.last)) == ("Pro", str(stored(desk, alone.json()["id"]).last))


def test_a_repeated_request_gets_its_reply_though_the_filter_finds_nothing_now(desk: Desk) -> None:
    customer, key = unique(desk, "Again"), unique(desk, "key")
    licences(desk, customer, 2)
    wanted: dict[str, Any] = {
        "act": "suspend",
        "filter": {"customer": customer, "state": "valid"},
        "order": {"reason": "not paid"},
    }
    made = post(desk, JOBS, key, **wanted)
    post(desk, made.json()["links"]["begin"])
    again = post(desk, JOBS, key, **wanted)
    assert (again.status_code, again.json()) == (201, made.json())
    assert post(desk, JOBS, **wanted).status_code == 404


def test_licences_that_cannot_be_ended_are_refused_and_the_others_are(desk: Desk) -> None:
    first, second = licences(desk, unique(desk, "Ends"), 2)
    post(desk, f"/api/v1/licenses/{first}/revoke", reason="a mistake")
    unknown = "HS-2026-00000000"
    wanted: dict[str, Any] = {"licenses": [first, second, unknown], "order": {"reason": "not paid"}}
    job = post(desk, JOBS, act="suspend", **wanted).json()
    post(desk, job["links"]["begin"])
    assert [row["problem"] for row in rows(desk, job)] == ["license-state", "", "not-found"]
    assert (get(desk, job)["done"], get(desk, job)["refused"]) == (1, 2)


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({}, "act"),
        ({"act": "rehost", "licenses": ["HS-2026-00000000"]}, "act"),
        ({"act": "renew"}, "licenses"),
        ({"act": "renew", "licenses": [], "order": {"days": 1}}, "licenses"),
        ({"act": "renew", "licenses": ["HS-1"]}, "licenses"),
        ({"act": "renew", "licenses": ["HS-2026-00000000"], "filter": {}}, "licenses"),
        ({"act": "renew", "filter": {"colour": "red"}}, "colour"),
        ({"act": "renew", "filter": {"customer": 7}}, "filter.customer"),
        ({"act": "renew", "filter": {"state": "gone"}}, "state"),
        ({"act": "renew", "filter": {}, "order": []}, "order"),
        ({"act": "revoke", "licenses": ["HS-2026-00000000"]}, "reason"),
        ({"act": "renew", "licenses": ["HS-2026-00000000"], "order": {"seats": 1}}, "seats"),
    ],
)
def test_what_is_wrong_with_a_job_is_told(desk: Desk, members: dict[str, Any], field: str) -> None:
    reply = post(desk, JOBS, **members)
    assert (reply.status_code, reply.json()["field"]) == (422, field)


def test_token_acts_within_its_permissions_and_products(desk: Desk) -> None:
    product, now = unique(desk, "theirs"), desk.clock.now
    desk.site.database.write(lambda c: products.add(c, {"name": product}, COMMAND, now))
    customer = unique(desk, "Both")
    theirs = licences(desk, customer, 1, product=product)
    others = licences(desk, customer, 1)
    made = desk.site.database
    scopes = frozenset({"licenses:read", "licenses:issue"})
    grant = tokens.Grant(scopes, products=frozenset({product}))
    token = server.new_token(made, unique(desk, "limited"), now, grant)
    end: dict[str, Any] = {"act": "revoke", "licenses": theirs, "order": {"reason": "theft"}}
    assert post(desk, JOBS, token=token, **end).status_code == 403
    found = post(desk, JOBS, token=token, act="renew", filter={"q": customer}, order={"days": 9})
    assert found.json()["licenses"] == 1
    named: dict[str, Any] = {"licenses": [*theirs, *others], "order": {"days": 9}}
    job = post(desk, JOBS, token=token, act="renew", **named).json()
    assert desk.client.get(job["links"]["self"], headers=desk.bearer).status_code == 404
    post(desk, job["links"]["begin"], token=token)
    headers = {"Authorization": f"Bearer {token}"}
    report = desk.client.get(job["links"]["report"], headers=headers).text
    seen = list(csv.DictReader(io.StringIO(report)))
    assert [row["problem"] for row in seen] == ["", "not-found"]
    assert (seen[1]["customer"], seen[1]["product"]) == ("", "")
    assert stored(desk, others[0]).state == "active"
