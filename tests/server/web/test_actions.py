"""Actions on a licence at the desk: form, preview, result."""

import re

import pytest

from license_core.verify import open_license
from license_server.actor import COMMAND
from license_server.catalog import products
from license_server.licenses import issuing
from tests.support import server
from tests.support.desk import Desk, stored, trail
from tests.support.desk_user import DeskUser
from tests.support.pages import faults, fields_of, number_in
from tests.support.server import KEY, LINE, OTHER_LINE

DAY = 86400
REASONED = ("rehost", "suspend", "reinstate", "revoke")


def test_renewal_at_the_desk_produces_a_valid_licence_file(issuer: DeskUser) -> None:
    first = issuer.issue(limits={"gpus": 4}, notify_days=7)
    page = issuer.preview(first, "renew", days="60", reason="order 4711")
    assert "Expires" in page.text
    assert "Limits" not in page.text  # it stays as it is
    assert stored(issuer.desk, first).state == "active"
    second = number_in(issuer.do(first, "renew", days="60", reason="order 4711"))
    file = issuer.get(f"/licenses/{second}/license.dat").content
    license_ = open_license(file, roots=server.roots(issuer.desk.settings.data)).license
    before = issuing.claims_of(stored(issuer.desk, first))
    assert before.exp is not None
    assert license_.exp == before.exp + 60 * DAY
    assert (license_.limits, license_.replaces) == ({"gpus": 4}, first)
    assert stored(issuer.desk, first).replaced_by == second
    assert trail(issuer.desk, second) == [(f"user:{issuer.email}", "license.renewed", "order 4711")]


def test_renewal_can_start_today_or_run_to_a_date(issuer: DeskUser) -> None:
    first = issuer.issue()
    today = number_in(issuer.do(first, "renew", days="10", continue_from="now"))
    ends = stored(issuer.desk, today).expires_at
    assert ends is not None
    assert ends < issuer.desk.clock.now + 12 * DAY
    last = number_in(issuer.do(today, "renew", term="expires", days="", expires="2095-12-31"))
    assert stored(issuer.desk, last).expires_at == 3_976_214_400  # 2096-01-01T00:00:00Z


def test_rehost_stores_the_pasted_request_and_the_reason(issuer: DeskUser) -> None:
    first = issuer.issue(edition="pro")
    mail = f"Hello,\r\n> {OTHER_LINE}\r\n--\r\nsupport"
    page = issuer.preview(first, "rehost", host=mail, reason="made anew")
    assert KEY in page.text
    assert KEY.replace("5591", "6602") in page.text
    second = number_in(issuer.do(first, "rehost", host=mail, reason="made anew"))
    assert stored(issuer.desk, second).host_key == KEY.replace("5591", "6602")
    assert trail(issuer.desk, second)[0][1:] == ("license.rehosted", "made anew")
    shown = issuer.get(f"/licenses/{second}").text
    assert "&gt; [&#34;6602" in shown
    renewed = number_in(issuer.do(second, "renew", days="5"))
    assert "&gt; [&#34;6602" in issuer.get(f"/licenses/{renewed}").text


def test_change_preview_shows_only_what_changes(issuer: DeskUser) -> None:
    first = issuer.issue(edition="pro", features=["a", "b"], limits={"gpus": 4}, grace_days=3)
    page = issuer.preview(first, "change", limits="gpus=8, seats=2", features="")
    rows = re.findall(r'<th scope="row"[^>]*>(\w[\w ]*)</th>', page.text)
    assert rows == ["Features", "Limits"]
    assert "gpus=8, seats=2" in page.text
    second = number_in(issuer.do(first, "change", limits="gpus=8, seats=2", features=""))
    before, after = (issuing.claims_of(stored(issuer.desk, n)) for n in (first, second))
    assert (after.limits, after.features) == ({"gpus": 8, "seats": 2}, ())
    assert (after.edition, after.exp, after.grace_until) == ("pro", before.exp, before.grace_until)


def test_reinstating_issues_a_new_licence(issuer: DeskUser) -> None:
    first = issuer.issue()
    done = issuer.do(first, "suspend", reason="unpaid")
    assert done.headers["location"] == f"/licenses/{first}?done=suspend"
    assert stored(issuer.desk, first).state == "suspended"
    assert "Suspended." in issuer.get(f"/licenses/{first}", done="suspend").text
    second = number_in(issuer.do(first, "reinstate", reason="paid"))
    assert stored(issuer.desk, second).state == "active"
    assert [one[1:] for one in trail(issuer.desk, first, second)] == [
        ("license.issued", None),
        ("license.suspended", "unpaid"),
        ("license.reinstated", "paid"),
    ]


def test_revoked_licence_offers_only_to_undo_the_revocation(issuer: DeskUser) -> None:
    first = issuer.issue()
    form = issuer.get(f"/licenses/{first}/revoke").text
    assert 'class="danger"' in form
    issuer.do(first, "revoke", reason="the contract was ended")
    assert stored(issuer.desk, first).state == "revoked"
    assert trail(issuer.desk, first)[-1] == (
        f"user:{issuer.email}",
        "license.revoked",
        "the contract was ended",
    )
    assert acts_on(issuer, first) == {"unrevoke"}
    for act in (*REASONED, "renew", "change"):
        reply = issuer.get(f"/licenses/{first}/{act}")
        assert (reply.status_code, "The licence is revoked." in reply.text) == (409, True)


def acts_on(person: DeskUser, number: str) -> set[str]:
    """The acts that the licence's page offers."""
    page = person.get(f"/licenses/{number}").text
    return set(re.findall(rf'href="/licenses/{number}/(\w+)"', page)) - {"qr"}


@pytest.mark.parametrize("act", REASONED)
def test_actions_require_a_reason(issuer: DeskUser, act: str) -> None:
    first = issuer.issue()
    if act == "reinstate":
        issuer.do(first, "suspend", reason="x")
    before = trail(issuer.desk, first)
    path, typed = f"/licenses/{first}/{act}", {"host": OTHER_LINE} if act == "rehost" else {}
    form = fields_of(issuer.get(path).text)
    for reason in ("", "  ", "r" * 10_000):
        for step in ("look", "do"):
            sent = form | typed | {"once": f"{step}{len(reason)}", "step": step, "reason": reason}
            if act in ("suspend", "revoke") and step == "look":
                continue
            reply = issuer.post(path, **sent)
            assert (reply.status_code, set(faults(reply.text))) == (422, {"reason"})
            assert fields_of(reply.text)["reason"] == reason
    assert trail(issuer.desk, first) == before


@pytest.mark.parametrize(
    ("act", "typed", "wrong"),
    [
        ("renew", {"days": "x", "time_zone": "Nowhere", "grace_days": "-1"}, None),
        ("renew", {"term": "expires", "days": "9"}, {"expires"}),
        ("rehost", {"host": "hello", "reason": ""}, {"host", "reason"}),
        ("rehost", {"host": LINE, "reason": "x"}, {"host"}),
        ("change", {"limits": "gpus four", "edition": "c d", "notify_days": "y"}, None),
        ("change", {"edition": ""}, {"edition"}),
        ("change", {"match": "anchored"}, {"match"}),
        ("change", {}, {"limits"}),
    ],
)
def test_action_form_marks_wrong_fields_and_keeps_input(
    issuer: DeskUser, act: str, typed: dict[str, str], wrong: set[str] | None
) -> None:
    first = issuer.issue(edition="pro")
    reply = issuer.preview(first, act, **typed)
    assert reply.status_code in (409, 422)
    assert faults(reply.text).keys() == (wrong or typed.keys())
    kept = fields_of(reply.text)
    assert {name: kept[name] for name in typed} == typed
    assert stored(issuer.desk, first).state == "active"


def test_action_that_breaks_product_rules_has_no_submit_button(
    issuer: DeskUser, desk: Desk
) -> None:
    name = f"brief{desk.clock.now}"
    rules = {"name": name, "longest_days": 40, "rehosts": 0}
    desk.site.database.write(lambda c: products.add(c, rules, COMMAND, desk.clock.now))
    first = issuer.issue(product=name)
    for act, typed in (
        ("renew", {"days": "400"}),
        ("rehost", {"host": OTHER_LINE, "reason": "x"}),
    ):
        page = issuer.preview(first, act, **typed)
        assert 'value="do"' not in page.text
        sent = fields_of(page.text)
        kept = fields_of(issuer.back(page).text)
        assert {field: kept[field] for field in typed} == typed
        forced = issuer.post(f"/licenses/{first}/{act}", **sent | {"step": "do"})
        assert forced.status_code == 409
    assert stored(desk, first).state == "active"


def test_second_click_does_not_repeat_an_action(issuer: DeskUser) -> None:
    first = issuer.issue()
    sent = fields_of(issuer.preview(first, "renew", days="5").text) | {"step": "do"}
    before = issuer.desk.count("licenses")
    replies = [issuer.post(f"/licenses/{first}/renew", **sent) for _ in range(2)]
    assert len({reply.headers["location"] for reply in replies}) == 1
    assert issuer.desk.count("licenses") == before + 1
    again = number_in(replies[0])
    form = fields_of(issuer.get(f"/licenses/{again}/revoke").text)
    form |= {"step": "do", "reason": "x"}
    twice = [issuer.post(f"/licenses/{again}/revoke", **form) for _ in range(2)]
    assert [reply.status_code for reply in twice] == [303, 303]
    assert [one[1] for one in trail(issuer.desk, again)] == ["license.renewed", "license.revoked"]


def test_action_preview_has_its_own_url_and_later_shows_the_result(
    issuer: DeskUser, desk: Desk
) -> None:
    """It can be loaded again and come back to: before it is done, and after."""
    first = issuer.issue()
    path = f"/licenses/{first}/renew"
    form = fields_of(issuer.get(path).text)
    sent = issuer.post(path, **form | {"step": "look", "days": "5"})
    assert sent.status_code == 303
    address = sent.headers["location"]
    pages = [issuer.get(address).text for _ in range(2)]
    assert fields_of(pages[0]) == fields_of(pages[1])
    made = number_in(issuer.post(path, **fields_of(pages[0]) | {"step": "do"}))
    before = desk.count("licenses")
    back = issuer.get(address)
    assert back.status_code == 200
    assert f'href="/licenses/{made}?issued=1"' in back.text
    assert "<form method" not in back.text.partition("<main")[2]
    assert desk.count("licenses") == before
    other = DeskUser(desk, "issuer")
    assert other.get(address).status_code == 404
    assert issuer.get(f"/licenses/{made}/renew?{address.partition('?')[2]}").status_code == 404


def test_renewal_keeps_the_previewed_date_across_midnight(
    desk: Desk,
) -> None:
    clock = desk.clock
    clock.now += -clock.now % DAY - 30
    issuer = DeskUser(desk, "issuer")
    first = issuer.issue(days=1)
    typed = {"days": "10", "continue_from": "now", "time_zone": "UTC"}
    looked = issuer.preview(first, "renew", **typed)
    page = looked.text
    shown = re.findall(r'<span class="number">([0-9-]{10})<', page)[-1]
    clock.now += 60
    form = issuer.back(looked).text
    assert fields_of(form) | typed | {"term": "days", "expires": ""} == fields_of(form)
    done = issuer.post(f"/licenses/{first}/renew", **fields_of(page) | {"step": "do"})
    assert (
        f'<dt>Expires</dt><dd><span class="number">{shown}<'
        in issuer.get(f"/licenses/{number_in(done)}").text
    )


def test_preview_of_a_shorter_renewal_says_what_it_takes_away(issuer: DeskUser) -> None:
    first = issuer.issue(days=400)
    shorter = issuer.preview(first, "renew", days="10", continue_from="now", time_zone="UTC")
    assert "The new licence grants less than" in shorter.text
    longer = issuer.preview(first, "renew", days="10", continue_from="end", time_zone="UTC")
    assert "grants less" not in longer.text


def test_rule_changed_after_the_preview_requires_another_preview(
    issuer: DeskUser, guarded: str
) -> None:
    desk, path = issuer.desk, "/licenses/{}/renew"

    def rule(wanted: bool) -> None:
        rules, now = {"needs_approval": wanted}, desk.clock.now
        desk.site.database.write(lambda c: products.change(c, guarded, rules, COMMAND, now))

    rule(False)
    first = issuer.issue(product=guarded)
    page = issuer.preview(first, "renew", days="5", reason="order 12").text
    rule(True)
    before = issuer.desk.count("proposals")
    late = issuer.post(path.format(first), **fields_of(page) | {"step": "do"})
    assert (late.status_code, "Submit proposal" in late.text) == (412, True)
    assert f"The product {guarded} has changed" in late.text
    assert issuer.desk.count("proposals") == before
    done = issuer.post(path.format(first), **fields_of(late.text) | {"step": "do"})
    assert done.headers["location"].startswith("/proposals/")


@pytest.mark.parametrize("step", ["look", "do"])
def test_late_action_names_the_user_who_was_first(issuer: DeskUser, step: str) -> None:
    first = issuer.issue()
    other = DeskUser(issuer.desk, "issuer", "other")
    page = issuer.preview(first, "renew", days="5").text
    taken = number_in(other.do(first, "rehost", host=OTHER_LINE, reason="burnt down"))
    late = issuer.post(f"/licenses/{first}/renew", **fields_of(page) | {"step": step})
    assert late.status_code == 409
    for said in ("nothing was done", taken, other.email, "burnt down"):
        assert said in late.text
    assert stored(issuer.desk, taken).state == "active"


def test_stale_action_form_is_rejected_and_keeps_input(
    issuer: DeskUser,
) -> None:
    first = issuer.issue()
    typed = {"seen": "of-another-state", "days": "77"}
    late = issuer.preview(first, "renew", **typed)
    assert (late.status_code, "Someone else changed this licence first" in late.text) == (412, True)
    assert fields_of(late.text)["days"] == "77"
    path, sent = f"/licenses/{first}/revoke", {"seen": "x", "reason": "because", "step": "do"}
    form = fields_of(issuer.get(path).text)
    ended = issuer.post(path, **form | sent)
    assert (ended.status_code, fields_of(ended.text)["reason"]) == (412, "because")
    assert stored(issuer.desk, first).state == "active"
    # The page that tells so carries the present state: sent again, it is done.
    again = issuer.post(path, **fields_of(ended.text) | {"step": "do"})
    assert again.status_code == 303


def test_licence_page_offers_only_permitted_actions(issuer: DeskUser) -> None:
    first = issuer.issue()
    every = {"renew", "rehost", "change", "suspend", "revoke", "return"}
    assert acts_on(issuer, first) == every
    for role in ("reader", "approver", "auditor"):
        person = DeskUser(issuer.desk, role)
        assert acts_on(person, first) == set()
        assert 'name="note"' not in person.get(f"/licenses/{first}").text
        assert person.get(f"/licenses/{first}/renew").status_code == 403
        refused = person.post(f"/licenses/{first}/revoke", step="do", reason="x", once="x")
        assert refused.status_code == 403
    assert stored(issuer.desk, first).state == "active"


def test_rehost_warns_that_the_former_host_keeps_its_licence(issuer: DeskUser) -> None:
    """Before it is done, to who does it; after it, to them and in the letter."""
    first = issuer.issue()

    def told(page: str) -> str:
        return re.sub(r"<[^>]*>", "", page)

    elsewhere = OTHER_LINE.replace("studio2_gpu", "studio3_gpu")
    keeps, do = "The former host studio2_gpu still has the file of", "delete conf/license.dat"
    page = issuer.preview(first, "rehost", host=elsewhere, reason="a new machine").text
    assert f"{keeps} {first}, which stays valid there until the end of 20" in told(page)
    assert do in page
    done = issuer.post(f"/licenses/{first}/rehost", **fields_of(page) | {"step": "do"})
    after = issuer.get(done.headers["location"]).text
    assert f"{keeps} {first}" in told(after)
    assert "Please delete conf/license.dat on the former host, studio2_gpu" in after
    assert "请在原主机 studio2_gpu 上删除 conf/license.dat" in after
    second = number_in(issuer.do(number_in(done), "renew", days="400"))
    assert keeps not in issuer.get(f"/licenses/{second}?issued=1").text
    eternal = issuer.issue(days=None, perpetual=True)
    assert (
        "stays valid there indefinitely"
        in issuer.preview(eternal, "rehost", host=elsewhere, reason="x").text
    )
