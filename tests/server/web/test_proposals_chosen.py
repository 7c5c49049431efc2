"""Several proposals approved at once: shown line by line before, and each told afterwards."""

import os
import re
from typing import Any

import pytest

from tests.support.api import Caller
from tests.support.desk import Desk, unique
from tests.support.desk_user import DeskUser
from tests.support.issue_form import new_product
from tests.support.pages import fields_of, form
from tests.support.server import LINE

PAGE = "/proposals/chosen"


def proposed(person: DeskUser, guarded: str, count: int) -> list[str]:
    """The ids of proposals that a program made."""
    order = {"customer": "ACME", "product": guarded, "days": 30, "host": LINE}
    post, headers = person.desk.client.post, person.desk.bearer
    return [
        str(post("/api/v1/licenses", json=order, headers=headers).json()["id"])
        for _ in range(count)
    ]


def query(ids: list[str]) -> str:
    return "?" + "&".join(f"id={one}" for one in ids)


def test_list_leads_to_all_proposals_that_somebody_may_approve(
    issuer: DeskUser, guarded: str
) -> None:
    approver = DeskUser(issuer.desk, "approver")
    ids = proposed(issuer, guarded, 3)
    page = approver.get("/proposals").text
    link = re.search(r'href="(/proposals/chosen\?[^"]+)"', page)
    assert link
    listed = re.findall(r"id=(\d+)", link[1])
    assert set(ids) <= set(listed)
    assert re.findall(r'type="checkbox" name="id" value="(\d+)"', page) == listed
    reader = DeskUser(issuer.desk, "reader")
    assert PAGE not in reader.get("/proposals").text


def test_chosen_proposals_are_issued_once_each_and_told_by_number(
    issuer: DeskUser, guarded: str
) -> None:
    approver = DeskUser(issuer.desk, "approver")
    ids = proposed(issuer, guarded, 3)
    before = issuer.desk.count("licenses")
    shown = approver.get(PAGE + query(ids[:2])).text
    assert "Approve all 2 and issue" in shown
    form = fields_of(shown) | {"reason": "checked with sales"}
    for _ in range(2):  # a second click
        done = approver.post(PAGE, **form)
        assert done.status_code == 303
    assert issuer.desk.count("licenses") == before + 2
    told = approver.followed(done).text
    assert "2 licences were issued." in told
    assert len(set(re.findall(r'href="/licenses/(HS-[^"]+)"', told))) == 2
    assert "waiting" in approver.get(f"/proposals/{ids[2]}").text


def test_proposal_that_cannot_be_approved_says_why_and_keeps_no_other_back(
    issuer: DeskUser, guarded: str
) -> None:
    approver = DeskUser(issuer.desk, "approver")
    own = DeskUser(issuer.desk, "administrator")
    ids = proposed(issuer, guarded, 3)
    shown = approver.get(PAGE + query(ids)).text
    refused = approver.get(f"/proposals/{ids[1]}").text
    reply = approver.post(f"/proposals/{ids[1]}/refuse", **fields_of(refused) | {"reason": "no"})
    assert reply.status_code == 303  # meanwhile
    told = approver.followed(approver.post(PAGE, **fields_of(shown))).text
    assert "2 licences were issued." in told
    assert "The others say below why they were not." in told
    assert 'class="mark bad">refused' in told or "refused" in told
    assert own.get(PAGE + query(ids)).status_code == 200


def test_nobody_approves_their_own_among_others(issuer: DeskUser, guarded: str) -> None:
    person = DeskUser(issuer.desk, "administrator")
    form = person.get("/licenses/new").text
    order = {"customer": "ACME", "product": guarded, "host": LINE, "reason": "mine"}
    page = person.followed(person.post("/licenses/preview", **fields_of(form) | order)).text
    made = person.post("/licenses", **fields_of(page))
    own = re.search(r"/proposals/(\d+)", made.headers["location"])
    assert own
    others = proposed(issuer, guarded, 1)
    shown = person.get(PAGE + query([own[1], *others])).text
    assert "someone else must approve it" in shown
    fields = fields_of(shown)
    assert fields["ids"] == others[0]
    before = issuer.desk.count("licenses")
    forced = person.post(PAGE, **fields | {"ids": f"{own[1]},{others[0]}"})
    assert forced.status_code == 303
    assert issuer.desk.count("licenses") == before + 1


def test_page_of_no_choice_and_of_unknown_proposals(issuer: DeskUser) -> None:
    approver = DeskUser(issuer.desk, "approver")
    assert "No proposal was chosen" in approver.get(PAGE).text
    for wrong in ("999999999", "x", "1;drop"):
        assert approver.get(f"{PAGE}?id={wrong}").status_code == 404


def asked(root: Caller, **order: Any) -> str:
    """The id of a proposal of a licence for a host of its own."""
    key = os.urandom(20).hex()
    reply = root.issue(host=f'["{key}", "h-{key[:6]}"]', **order)
    assert reply.status_code == 202, reply.text
    return str(reply.json()["id"])


@pytest.mark.parametrize("how", ["a trial that was used", "an archived customer", "a shorter term"])
def test_one_that_the_rules_refuse_by_now_keeps_no_other_back(desk: Desk, how: str) -> None:
    root, approver = Caller(desk, "rules"), DeskUser(desk, "approver")
    plans = {"Trial": {"trial": True, "days": 30}}
    name, whom = new_product(desk, needs_approval=True, plans=plans), unique(desk, "First")
    trial = {"plan": "Trial", "days": None} if how.startswith("a trial") else {}
    ids = [asked(root, product=name, customer=whom, **trial) for _ in "12"[: 1 + bool(trial)]]
    if how == "a shorter term":
        ids = [asked(root, product=name, customer=whom, days=300)]
    ids.append(asked(root, product=name, customer=unique(desk, "Other")))
    page = approver.get(PAGE + query(ids)).text
    if how == "an archived customer":
        customer = root.post("/customers", name=whom).json()["id"]
        assert root.post(f"/customers/{customer}/archive").status_code == 200
    if how == "a shorter term":
        limit = root.send("PATCH", f"/products/{name}", json={"longest_days": 30})
        assert limit.status_code == 200, limit.text
    reply = approver.post(PAGE, **form(page, PAGE))
    states = [root.get(f"/proposals/{one}").json()["state"] for one in ids]
    assert (reply.status_code, states[-2:]) == (303, ["waiting", "approved"])
    action = f"/proposals/{ids[-2]}/refuse"
    typed = form(approver.get(f"/proposals/{ids[-2]}").text, action) | {"reason": "typed"}
    reply = approver.post(f"/proposals/{ids[-2]}/approve", **typed)
    assert reply.status_code == 409
    assert form(reply.text, action)["reason"].strip() == "typed"


def test_a_reason_that_is_too_long_is_told_at_the_form(issuer: DeskUser, guarded: str) -> None:
    approver = DeskUser(issuer.desk, "approver")
    ids = proposed(issuer, guarded, 2)
    shown = approver.get(PAGE + query(ids)).text
    reply = approver.post(PAGE, **form(shown, PAGE) | {"reason": "r" * 1001})
    assert reply.status_code == 422
    again = form(reply.text, PAGE)
    assert (again["ids"], again["reason"].strip()) == (",".join(ids), "r" * 1001)
