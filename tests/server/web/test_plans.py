"""Plans, trials and stop-gaps at the desk."""

import pytest

from license_server.catalog import products
from license_server.web import change_labels
from tests.support.desk import Desk, last_event, stored, unique
from tests.support.desk_user import DeskUser
from tests.support.issue_form import new_product, other_line, post_to_api
from tests.support.pages import FORM, all_hidden, faults, fields_of, form

PLANS = {"Trial": {"trial": True, "days": 30, "edition": "lab"}, "Pro": {"days": 365}}
PREVIEW = "/licenses/preview"
BLANK = {"days": "", "match": ""}


def page_of(desk: Desk, name: str) -> str:
    with desk.site.database.reading() as connection:
        return f"/products/{products.find(connection, name).id}"


def previewed(user: DeskUser, **fields: str) -> str:
    """The preview of an order, or its form where it was refused."""
    reply = user.post("/licenses/preview", **FORM | BLANK | fields)
    return str(user.followed(reply).text)


def number_of(reply: object) -> str:
    location = reply.headers["location"]  # type: ignore[attr-defined]
    return str(location.split("/")[2].partition("?")[0])


def test_plan_is_added_changed_and_archived_on_its_page(desk: Desk, admin: DeskUser) -> None:
    name = new_product(desk)
    path = page_of(desk, name)
    shown = admin.get(f"{path}/plan").text
    reply = admin.send(
        shown, f"{path}/plan", name="Trial 30 days", days="30", trial="yes", limits="gpus 2"
    )
    assert reply.status_code == 303, faults(reply.text)
    listed = admin.get(path).text
    assert "Trial 30 days" in listed
    assert "gpus=2" in listed
    here = f"{path}/plan?name=Trial+30+days"
    shown = admin.get(here).text
    assert form(shown, here)["days"] == "30"
    assert admin.post(here, **form(shown, here) | {"days": "14", "limits": ""}).status_code == 303
    assert last_event(desk, name)[2]["changed"] == {
        "plans.Trial 30 days.days": [30, 14],
        "plans.Trial 30 days.limits": [{"gpus": 2}, None],
    }
    archived = admin.send(admin.get(here).text, f"{path}/plan/archive?name=Trial+30+days")
    assert archived.headers["location"] == f"{path}?archived=1"
    refused = previewed(admin, host=other_line(desk), product=name, plan="Trial 30 days")
    assert "it is archived" in faults(refused)["plan"]


def test_plan_form_marks_every_wrong_field(desk: Desk, admin: DeskUser) -> None:
    path = page_of(desk, new_product(desk))
    typed = {"name": "x" * 61, "days": "0", "edition": "c d", "limits": "gpus four"}
    reply = admin.send(admin.get(f"{path}/plan").text, f"{path}/plan", **typed)
    assert reply.status_code == 422
    assert faults(reply.text).keys() >= {"limits"}
    trial = admin.send(admin.get(f"{path}/plan").text, f"{path}/plan", name="Trial", trial="yes")
    assert faults(trial.text).keys() == {"days"}


def test_plan_called_nearly_as_another_is_added_once_that_is_confirmed(
    desk: Desk, admin: DeskUser
) -> None:
    path = page_of(desk, new_product(desk, plans=PLANS))
    first = admin.send(admin.get(f"{path}/plan").text, f"{path}/plan", name="TRIAL")
    assert (first.status_code, "A plan has nearly the same name" in first.text) == (409, True)
    second = admin.send(first.text, f"{path}/plan", name="TRIAL", sure="yes")
    assert second.status_code == 303
    taken = admin.send(admin.get(f"{path}/plan").text, f"{path}/plan", name="Pro")
    assert faults(taken.text).keys() == {"name"}


def test_issuer_sees_plans_and_changes_none(desk: Desk, issuer: DeskUser) -> None:
    path = page_of(desk, new_product(desk, plans=PLANS))
    shown = issuer.get(path).text
    assert "Trial" in shown
    assert f"{path}/plan" not in shown
    assert issuer.get(f"{path}/plan").status_code == 403
    assert issuer.post(f"{path}/plan", name="Other").status_code == 403


def test_preview_says_what_came_of_the_plan_and_just_that_is_issued(
    desk: Desk, issuer: DeskUser
) -> None:
    name = new_product(desk, plans=PLANS)
    typed = {"host": other_line(desk), "product": name, "customer": unique(desk, "c")}
    shown = previewed(issuer, plan="trial", **typed)
    assert "Trial" in shown
    assert shown.count("from the plan") == 2
    done = issuer.post("/licenses", **all_hidden(shown))
    made = stored(desk, number_of(done))
    assert (made.plan, made.kind) == ("Trial", "trial")
    page = issuer.get(f"/licenses/{made.number}?send=1").text
    assert '<span class="mark">trial</span>' in page
    assert "It is a trial licence." in page


def filled(user: DeskUser, shown: str, **typed: str) -> str:
    """The order form once its plan was filled in, or as it was refused."""
    reply = user.post(PREVIEW, **form(shown, PREVIEW) | {"step": "fill"} | typed)
    return str(user.followed(reply).text)


def test_values_of_a_plan_are_filled_in_and_can_be_changed(desk: Desk, issuer: DeskUser) -> None:
    name = new_product(
        desk,
        plans={
            "Pro": {"days": 365, "edition": "pro", "limits": {"gpus": 8}, "grace_days": 14},
            "Trial": {"trial": True, "days": 30, "features": ["export", "train"]},
        },
    )
    begun = {"product": name, "host": other_line(desk), "term": "expires", "contract": "PO-7"}
    pro = filled(issuer, issuer.get("/licenses/new").text, plan="pro", **begun)
    told = form(pro, PREVIEW)
    assert {name: told[name] for name in ("plan", "term", "days", "edition", "limits")} == {
        "plan": "Pro",
        "term": "days",
        "days": "365",
        "edition": "pro",
        "limits": "gpus=8",
    }
    assert (told["host"], told["contract"], told["grace_days"]) == (begun["host"], "PO-7", "14")
    # What the first plan filled in goes with it; what was typed since stays.
    trial = form(filled(issuer, pro, plan="Trial", limits="gpus=2"), PREVIEW)
    assert (trial["days"], trial["features"], trial["limits"]) == ("30", "export, train", "gpus=2")
    assert (trial["edition"], trial["grace_days"]) == ("", "")


@pytest.mark.parametrize(
    ("typed", "wrong"),
    [
        ({"product": "none such", "plan": "Pro"}, "product"),
        ({"plan": ""}, "plan"),
        ({"plan": "None such"}, "plan"),
    ],
)
def test_plan_that_cannot_be_filled_in_is_told_at_its_field(
    desk: Desk, issuer: DeskUser, typed: dict[str, str], wrong: str
) -> None:
    begun = {"product": new_product(desk, plans=PLANS), "edition": "mine"}
    page = filled(issuer, issuer.get("/licenses/new").text, **begun | typed)
    assert faults(page).keys() == {wrong}
    assert form(page, PREVIEW)["edition"] == "mine"


def test_many_are_renewed_with_another_plan(desk: Desk, admin: DeskUser) -> None:
    """With its term; where the product has no such plan, that is told at its line."""
    name, customer = new_product(desk, plans=PLANS), unique(desk, "c")
    numbers = [
        admin.issue(product=name, plan="Trial", customer=customer, host=other_line(desk)),
        admin.issue(customer=customer),
    ]
    query = "&".join(f"number={number}" for number in numbers)
    shown = admin.get(f"/licenses/many?act=renew&scope=chosen&{query}").text
    assert '<option value="Pro">' in shown
    job = admin.send(shown, "/licenses/many", plan="Pro", continue_from="now").headers["location"]
    assert "has no plan Pro" in admin.get(job).text
    assert admin.send(admin.get(job).text, f"{job}/issue").status_code == 303
    made = stored(desk, stored(desk, numbers[0]).replaced_by or "")
    assert (made.plan, made.kind) == ("Pro", None)
    assert round((made.expires_at or 0) - desk.clock.now) // 86400 in (365, 366)
    assert stored(desk, numbers[1]).replaced_by is None


def test_preview_of_a_second_trial_refuses_it_and_an_administrator_makes_an_exception(
    desk: Desk, issuer: DeskUser, admin: DeskUser
) -> None:
    name = new_product(desk, plans=PLANS)
    typed = {"host": other_line(desk), "product": name, "customer": unique(desk, "c")}
    first = number_of(
        issuer.post("/licenses", **all_hidden(previewed(issuer, plan="Trial", **typed)))
    )
    refused = previewed(issuer, plan="Trial", **typed)
    assert "There was a trial already" in refused
    assert first in refused
    assert "Preview as an exception" not in refused
    offered = previewed(admin, plan="Trial", **typed)
    fields = form(offered, "/licenses/preview")
    shown = admin.followed(admin.post("/licenses/preview", **fields | {"reason": "agreed"})).text
    assert "It is an exception." in shown
    made = stored(desk, number_of(admin.post("/licenses", **all_hidden(shown))))
    assert made.despite == first
    page = admin.get(f"/licenses/{made.number}").text
    assert f'<a href="/licenses/{first}">' in page


def test_renewal_takes_another_plan_with_its_term(desk: Desk, issuer: DeskUser) -> None:
    name = new_product(desk, plans=PLANS)
    number = issuer.issue(
        product=name, plan="Trial", customer=unique(desk, "c"), host=other_line(desk)
    )
    shown = issuer.preview(number, "renew", plan="Pro", continue_from="now")
    assert "Trial" in shown.text
    done = issuer.post(f"/licenses/{number}/renew", **fields_of(shown.text) | {"step": "do"})
    made = stored(desk, number_of(done))
    assert (made.plan, made.kind) == ("Pro", None)
    assert round((made.expires_at or 0) - desk.clock.now) // 86400 in (365, 366)


def test_stop_gap_of_an_ended_licence_is_one_click(desk: Desk, issuer: DeskUser) -> None:
    number = issuer.issue(days=1, customer=unique(desk, "c"), host=other_line(desk))
    assert "Issue a stop-gap of 7 days" not in issuer.get(f"/licenses/{number}").text
    desk.clock.now += 3 * 86400
    issuer = DeskUser(desk, "issuer")  # the session of before has ended
    shown = issuer.get(f"/licenses/{number}").text
    done = issuer.send(shown, f"/licenses/{number}/stop-gap", step="do")
    made = stored(desk, number_of(done))
    assert (made.kind, made.stands_for, made.replaces) == ("stop-gap", number, None)
    page = issuer.get(done.headers["location"]).text
    assert f"It is a stop-gap for licence {number}" in page
    assert made.number in issuer.get(f"/licenses/{number}").text
    again = issuer.post(f"/licenses/{number}/stop-gap", once="another", step="do")
    assert again.status_code == 409
    assert "the next can be issued from" in again.text


def test_stop_gap_for_another_host_is_previewed(desk: Desk, issuer: DeskUser) -> None:
    number = issuer.issue(days=90, customer=unique(desk, "c"), host=other_line(desk))
    desk.clock.now += 1
    shown = issuer.preview(number, "stop-gap", host=other_line(desk), reason="broken")
    assert "which stays as it is" in shown.text
    path = f"/licenses/{number}/stop-gap"
    done = issuer.post(path, **fields_of(shown.text) | {"step": "do"})
    assert stored(desk, number_of(done)).stands_for == number
    assert stored(desk, number).state == "active"


def test_why_it_stopped_offers_a_stop_gap_for_the_host_that_was_pasted(
    desk: Desk, issuer: DeskUser
) -> None:
    customer = unique(desk, "c")
    number = issuer.issue(days=90, customer=customer, host=other_line(desk))
    desk.clock.now += 1
    line = other_line(desk)
    found = issuer.post("/why", text=f"licence {number}\n{line}").text
    assert "Or a stop-gap of 7 days" in found
    done = issuer.send(found, f"/licenses/{number}/stop-gap", step="do")
    assert stored(desk, number_of(done)).host_key == f"{desk.clock.now:040x}"


def test_list_has_filters_for_plan_and_kind(desk: Desk, issuer: DeskUser) -> None:
    name = new_product(desk, plans=PLANS)
    number = issuer.issue(
        product=name, plan="Trial", customer=unique(desk, "c"), host=other_line(desk)
    )
    for query in ({"plan": "Trial"}, {"kind": "trial"}):
        assert number in issuer.get("/licenses", product=name, columns="plan", **query).text
    assert number not in issuer.get("/licenses", product=name, plan="Pro").text
    assert issuer.get("/licenses", kind="gift").status_code == 422


def test_fields_of_plans_have_labels_in_the_audit_log(desk: Desk, admin: DeskUser) -> None:
    name = new_product(desk, plans={"Pro v1.5": {"days": 30}})
    assert change_labels.of_plan("plans.Pro v1.5.days") == ("Pro v1.5", "Term (days)")
    assert "Plan Pro v1.5: Term (days)" in admin.get("/record", subject=name).text


@pytest.mark.parametrize("plan", ["Pro", "Trial"])
def test_approved_product_keeps_the_plan_of_a_proposal(
    desk: Desk, issuer: DeskUser, admin: DeskUser, plan: str
) -> None:
    name = new_product(desk, plans=PLANS, needs_approval=True)
    body = {"customer": unique(desk, "c"), "product": name, "plan": plan, "host": other_line(desk)}
    made = desk.client.post("/api/v1/licenses", json=body, headers=desk.bearer).json()
    approved = post_to_api(desk, f"/proposals/{made['id']}/approve", {})
    assert approved["plan"] == plan


@pytest.mark.parametrize("act", ["renew", "change"])
def test_unknown_plan_of_an_action_is_told_at_its_form(
    desk: Desk, admin: DeskUser, act: str
) -> None:
    number = admin.issue(product=new_product(desk, plans=PLANS))
    path = f"/licenses/{number}/{act}"
    typed = fields_of(admin.get(path).text) | {"step": "look", "plan": "Nope", "reason": "typed"}
    reply = admin.post(path, **typed)
    assert reply.status_code == 409
    assert list(faults(reply.text)) == ["plan"]
    assert form(reply.text, path)["reason"].strip() == "typed"
