"""Actions on many licences at the desk: chosen, looked at line by line, done once, reported."""

import re
from typing import Any

import pytest

from license_server.actor import COMMAND
from license_server.catalog import products
from license_server.licenses import license_store, recording
from license_server.licenses.acts import REVOKE
from license_server.licenses.planning import ActRequest
from license_server.sheets import (
    agreement,
    batches,
    chosen,
    importer,
    job_state,
    jobs,
    runner,
    uploads,
)
from license_server.sheets.agreement import Agreed
from tests.support.desk import Desk, stored, trail, unique
from tests.support.desk_forms import exported
from tests.support.desk_user import DeskUser
from tests.support.pages import faults

DAY = 86400


def issued(admin: DeskUser, customer: str, count: int, **members: Any) -> list[str]:
    """The numbers of so many licences of *customer*, each of a host of its own."""
    lines = [f'["{n:040x}", "box-{n}"]' for n in range(1, count + 1)]
    return [admin.issue(customer=customer, host=line, **members) for line in lines]


def look(admin: DeskUser, act: str, numbers: list[str], **typed: str) -> str:
    """The path of the job of *act* on these licences, from the rows of the list."""
    query = "&".join(f"number={number}" for number in numbers)
    shown = admin.get(f"/licenses/many?act={act}&scope=chosen&{query}")
    assert shown.status_code == 200, shown.text
    reply = admin.send(shown.text, "/licenses/many", **typed)
    assert reply.status_code == 303, faults(reply.text) or reply.text
    return str(reply.headers["location"])


def do(admin: DeskUser, job: str) -> str:
    """The page of a job that is done, from its preview."""
    reply = admin.send(admin.get(job).text, f"{job}/issue")
    assert reply.status_code == 303, reply.text
    return str(admin.get(job).text)


def report(admin: DeskUser, job: str) -> list[dict[str, str]]:
    return exported(admin.get(f"{job}/result.csv"))


def test_chosen_licences_are_renewed_and_each_is_in_the_audit_log_as_if_alone(
    desk: Desk, admin: DeskUser
) -> None:
    customer = unique(desk, "Renews")
    *several, alone = issued(admin, customer, 4, days=30)
    job = look(admin, "renew", several, days="90", reason="order 7")
    page = admin.get(job).text
    assert "Renew: 3 licences" in page
    last = stored(desk, several[0]).expires_at
    assert last is not None
    done = do(admin, job)
    assert "All lines are done." in done
    assert "Renewed: 3" in re.sub(r"\s+", " ", done)
    rows = report(admin, job)
    assert [row["license"] for row in rows] == several
    for number, row in zip(several, rows, strict=True):
        new = stored(desk, row["new_license"])
        assert stored(desk, number).replaced_by == new.number
        assert new.expires_at == last + 90 * DAY
        assert (row["result"], row["new_last_day"]) == (
            "done",
            new.last and new.last.day.isoformat(),
        )
    admin.do(alone, "renew", days="90", reason="order 7")
    single = stored(desk, alone).replaced_by or ""
    of_many, of_one = (events_of(desk, number) for number in (rows[0]["new_license"], single))
    assert of_many == of_one


def events_of(desk: Desk, number: str) -> list[tuple[str, str, Any, set[str]]]:
    import json

    from license_server.audit import audit_store

    with desk.site.database.reading() as connection:
        events = audit_store.trail(connection, [number])
    return [(e.actor, e.action, e.reason, set(json.loads(e.details))) for e in events]


@pytest.mark.parametrize("act", ["suspend", "revoke"])
def test_chosen_licences_are_ended_and_one_that_cannot_be_does_not_stop_the_others(
    desk: Desk, admin: DeskUser, act: str
) -> None:
    numbers = issued(admin, unique(desk, act), 3)
    admin.do(numbers[1], "revoke", reason="a mistake")
    job = look(admin, act, numbers, reason="not paid")
    page = admin.get(job).text
    assert "was revoked" in page
    assert "Reason: not paid" in page
    do(admin, job)
    state = {"suspend": "suspended", "revoke": "revoked"}[act]
    assert [stored(desk, n).state for n in numbers] == [state, "revoked", state]
    assert [(row["result"], row["problem"]) for row in report(admin, job)] == [
        ("done", ""),
        ("refused", "license-state"),
        ("done", ""),
    ]
    assert trail(desk, numbers[0])[-1][1:] == (f"license.{state}", "not paid")
    assert "was revoked" in admin.get(job).text


def test_suspended_and_revoked_licences_come_back_together(desk: Desk, admin: DeskUser) -> None:
    numbers = issued(admin, unique(desk, "Back"), 2)
    for act, back in (("suspend", "reinstate"), ("revoke", "unrevoke")):
        do(admin, look(admin, act, numbers, reason="by mistake"))
        do(admin, look(admin, back, numbers, reason="it was paid"))
        numbers = [stored(desk, number).replaced_by or "" for number in numbers]
    assert [stored(desk, number).state for number in numbers] == ["active", "active"]


def test_all_that_a_filter_finds_is_frozen_at_the_preview(desk: Desk, admin: DeskUser) -> None:
    customer = unique(desk, "Frozen")
    numbers = issued(admin, customer, 3)
    listed = admin.get("/licenses", q=customer).text
    assert "Act on all 3 found …" in listed
    shown = admin.get("/licenses/many", act="suspend", scope="all", q=customer)
    reply = admin.send(shown.text, "/licenses/many", reason="not paid")
    job = reply.headers["location"]
    late = admin.issue(customer=customer, host='["' + "f" * 40 + '", "late"]')
    do(admin, job)
    assert {stored(desk, number).state for number in numbers} == {"suspended"}
    assert stored(desk, late).state == "active"


def test_licence_that_changed_since_the_preview_is_told_and_not_overwritten(
    desk: Desk, admin: DeskUser
) -> None:
    first, second = issued(admin, unique(desk, "Changed"), 2)
    job = look(admin, "renew", [first, second], days="90")
    page = admin.get(job).text
    admin.do(first, "change", limits="gpus=8", reason="more")
    assert admin.send(page, f"{job}/issue").status_code == 303
    rows = report(admin, job)
    assert [row["problem"] for row in rows] == ["changed-meanwhile", ""]
    assert stored(desk, stored(desk, first).replaced_by or "").act == "change"
    assert first in admin.get(job).text


def test_change_between_plan_and_commit_refuses_its_line_alone(desk: Desk, admin: DeskUser) -> None:
    """Somebody revokes one while the batch is signed: where the numbers are drawn."""
    import os

    first, second = issued(admin, unique(desk, "Raced"), 2)
    job = look(admin, "renew", [first, second], days="90")
    id_, actor, now = job.rpartition("/")[2], admin.session.actor, desk.clock.now
    assert agreement.begin(desk.site, id_, actor, now, Agreed(skip=True))

    def meanwhile(count: int) -> bytes:
        if stored(desk, first).state == "active":
            ended = ActRequest(REVOKE, {"reason": "stolen"}, first)
            desk.site.database.write(lambda c: recording.end(c, ended, COMMAND, now))
        return os.urandom(count)

    runner.run(desk.site._replace(random=meanwhile), id_, actor)
    assert [row["problem"] for row in report(admin, job)] == ["changed-meanwhile", ""]
    assert stored(desk, first).state == "revoked"
    assert stored(desk, second).state == "replaced"


def test_product_that_needs_approval_gets_proposals(desk: Desk, admin: DeskUser) -> None:
    product, now = unique(desk, "guarded"), desk.clock.now
    desk.site.database.write(lambda c: products.add(c, {"name": product}, COMMAND, now))
    customer = unique(desk, "Asks")
    guarded = issued(admin, customer, 2, product=product)
    rule = {"needs_approval": True}
    desk.site.database.write(lambda c: products.change(c, product, rule, COMMAND, now))
    free = issued(admin, customer, 1)
    job = look(admin, "renew", [*guarded, *free], days="90")
    assert "to be approved by a second person" in admin.get(job).text
    do(admin, job)
    rows = report(admin, job)
    assert [row["result"] for row in rows] == ["proposed", "proposed", "done"]
    assert [stored(desk, number).state for number in guarded] == ["active", "active"]
    waiting = admin.get(f"/proposals/{rows[0]['proposal']}").text
    assert guarded[0] in waiting


def test_days_of_the_preview_hold_whatever_the_time_is_when_it_is_done(
    desk: Desk, admin: DeskUser
) -> None:
    """In a time zone where a day ends within the hour."""
    (number,) = issued(admin, unique(desk, "Midnight"), 1)
    ahead = 23 - desk.clock.now % DAY // 3600
    zone = f"Etc/GMT{-ahead:+}" if ahead <= 14 else f"Etc/GMT{24 - ahead:+}"
    job = look(admin, "renew", [number], days="10", continue_from="now", time_zone=zone)
    (before,) = report(admin, job)
    desk.clock.now += 3600
    do(admin, job)
    (after,) = report(admin, job)
    assert before["result"] == "possible"
    assert before["new_last_day"] == after["new_last_day"] != ""


def test_form_tells_what_is_wrong_and_keeps_what_was_typed(desk: Desk, admin: DeskUser) -> None:
    (number,) = issued(admin, unique(desk, "Wrong"), 1)
    path = f"/licenses/many?act=renew&scope=chosen&number={number}"
    reply = admin.send(admin.get(path).text, "/licenses/many", days="never", contract="PO-7")
    assert faults(reply.text).keys() == {"days"}
    assert 'value="PO-7"' in reply.text
    job = look(admin, "revoke", [number], reason="not paid")
    back = admin.get(f"/licenses/many?act=revoke&from={job.rpartition('/')[2]}")
    assert ">not paid</textarea>" in back.text
    again = admin.send(back.text, "/licenses/many", reason="not paid yet")
    assert "Reason: not paid yet" in admin.get(again.headers["location"]).text


def test_nothing_chosen_or_too_many_found_is_said(
    desk: Desk, admin: DeskUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "No licence was chosen" in admin.get("/licenses/many?act=renew&scope=chosen").text
    customer = unique(desk, "Many")
    issued(admin, customer, 3)
    monkeypatch.setattr(chosen, "MOST", 2)
    found = admin.get("/licenses/many", act="renew", scope="all", q=customer)
    assert (found.status_code, "narrow the filters" in found.text) == (422, True)
    assert "Narrow the filters to 2 or fewer" in admin.get("/licenses", q=customer).text


def test_stopped_action_continues_and_does_nothing_twice(
    desk: Desk, admin: DeskUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "OF_ACTS", 2)
    numbers = issued(admin, unique(desk, "Halts"), 5)
    job = look(admin, "renew", numbers, days="90")
    id_, actor, now = job.rpartition("/")[2], admin.session.actor, desk.clock.now
    assert agreement.begin(desk.site, id_, actor, now, Agreed(skip=True))
    site, lines = desk.site, uploads.lines_of(desk.site, id_, actor)
    given = (site.database, site.issuer, lines, actor, now, site.random, uploads.job_name(id_))
    next(importer.issue(*given))  # and then its process is gone
    desk.clock.now += job_state.STOPPED_AFTER
    stopped = admin.get(job).text
    assert "It stopped before all lines were done." in stopped
    assert admin.send(stopped, f"{job}/issue").status_code == 303
    rows = report(admin, job)
    assert [row["result"] for row in rows] == ["done"] * 5
    made = [stored(desk, number).replaced_by for number in numbers]
    assert [row["new_license"] for row in rows] == made
    with site.database.reading() as connection:
        lineages = [license_store.of_line(connection, stored(desk, n).line) for n in numbers]
    assert [len(line) for line in lineages] == [2] * 5
    found = site.database.read(lambda c: jobs.find(c, id_, actor))
    assert found is not None
    assert (found.act, found.progress.issued) == ("renew", 5)


def test_preview_shows_every_line_on_its_pages(desk: Desk, admin: DeskUser) -> None:
    numbers = issued(admin, unique(desk, "Pages"), 52)
    job = look(admin, "suspend", numbers, reason="not paid")
    first, second = admin.get(job).text, admin.get(job, page="2").text
    assert numbers[0] in first and numbers[51] not in first
    assert numbers[51] in second and numbers[0] not in second


def test_reader_is_offered_no_action_on_many(desk: Desk) -> None:
    reader = DeskUser(desk, "reader")
    assert 'name="act"' not in reader.get("/licenses").text
    assert reader.get("/licenses/many?act=renew").status_code == 403


def test_another_user_does_not_see_what_was_chosen(desk: Desk, admin: DeskUser) -> None:
    job = look(admin, "suspend", issued(admin, unique(desk, "Mine"), 1), reason="not paid")
    other = DeskUser(desk, "issuer")
    assert [other.get(path).status_code for path in (job, f"{job}/result.csv")] == [404, 404]
