"""Finding a licence at the desk, acting on it, and approving what somebody else proposed."""

import os
import re
from collections.abc import Iterator
from datetime import datetime
from html import unescape
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from license_core.claims import MAX_INSTANT
from license_core.verify import open_license
from license_server.access import accounts, sessions
from license_server.actor import COMMAND
from license_server.audit import audit_store
from license_server.catalog import products
from license_server.licenses import issuing, license_store
from license_server.licenses.license_store import StoredLicense
from license_server.web import prefill
from license_server.web.reader import at
from license_server.web.session import SESSION
from tests.support import server
from tests.support.desk import Desk
from tests.support.server import KEY, LINE

DAY = 86400
OTHER_LINE = LINE.replace("5591", "6602")
REASONED = ("rehost", "suspend", "reinstate", "revoke")
MARKUP = "</li><script>alert(1)</script><b>"


class Person:
    """Somebody at the desk; each act of theirs is a page or a form."""

    def __init__(self, desk: Desk, role: str, name: str = "") -> None:
        self.desk, self.email = desk, f"{name or role}-{os.urandom(4).hex()}@example.com"
        write, now = desk.site.database.write, desk.clock.now
        user = write(lambda c: accounts.insert(c, self.email, "!", role, COMMAND, now))
        self.session = write(
            lambda c: sessions.open_session(c, user, now, 1, os.urandom, "192.0.2.1")
        )

    def get(self, path: str, **query: str) -> Any:
        self._enter()
        return self.desk.client.get(path, params=query or None)

    def post(self, path: str, **fields: str) -> Any:
        self._enter()
        return self.desk.client.post(path, data={"form_token": self.session.form_token} | fields)

    def _enter(self) -> None:
        self.desk.client.cookies.clear()
        self.desk.client.cookies.set(SESSION, self.session.secret)

    def issue(self, **members: Any) -> str:
        """Issue a licence over the API; its number."""
        order = {"customer": "ACME", "product": "darwin", "days": 30, "host": LINE} | members
        reply = self.desk.client.post("/api/v1/licenses", json=order, headers=self.desk.bearer)
        assert reply.status_code == 201, reply.text
        return str(reply.json()["id"])

    def look(self, number: str, act: str, **typed: str) -> Any:
        """The form of *act*, filled in and sent to be looked at."""
        path = f"/licenses/{number}/{act}"
        form = self.get(path)
        assert form.status_code == 200, form.text
        return self.followed(self.post(path, **fields_of(form.text) | {"step": "look"} | typed))

    def followed(self, reply: Any) -> Any:
        """The page to which a form leads that was only looked at."""
        return self.get(reply.headers["location"]) if reply.status_code == 303 else reply

    def back(self, page: Any) -> Any:
        """The form to which the page of a look leads back."""
        found = re.search(r'href="([^"]+form=1)"', page.text)
        assert found
        return self.get(unescape(found[1]))

    def do(self, number: str, act: str, **typed: str) -> Any:
        """The act from its form to its end."""
        path = f"/licenses/{number}/{act}"
        if act in ("suspend", "revoke"):
            return self.post(path, **fields_of(self.get(path).text) | {"step": "do"} | typed)
        page = self.look(number, act, **typed)
        assert page.status_code == 200, page.text
        return self.post(path, **fields_of(page.text) | {"step": "do"})


@pytest.fixture
def issuer(desk: Desk) -> Person:
    return Person(desk, "issuer")


@pytest.fixture
def guarded(desk: Desk) -> Iterator[str]:
    """A product whose licences a second person must approve."""
    name = f"guarded{desk.clock.now}"
    wanted = {"name": name, "needs_approval": True}
    desk.site.database.write(lambda c: products.add(c, wanted, COMMAND, desk.clock.now))
    yield name


def fields_of(page: str) -> dict[str, str]:
    """The fields of the page's own form as a browser would send them."""
    main = page[page.index("<main") :]
    found: dict[str, str] = {}
    for tag in re.findall(r"<input [^>]*>", main):
        name, value = re.search(r'name="(\w+)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and not ('type="radio"' in tag and " checked" not in tag):
            found[name[1]] = unescape(value[1]) if value else ""
    areas = re.findall(r'<textarea [^>]*name="(\w+)"[^>]*>(.*?)</textarea>', main, re.DOTALL)
    found |= {name: unescape(text) for name, text in areas}
    for name, inside in re.findall(
        r'<select [^>]*name="(\w+)"[^>]*>(.*?)</select>', main, re.DOTALL
    ):
        chosen = re.search(r'<option value="([^"]*)" selected>', inside)
        found[name] = unescape(chosen[1]) if chosen else ""
    found.pop("form_token")
    return found


def number_in(reply: Any) -> str:
    """The number of the licence that a reply leads to."""
    assert reply.status_code == 303, reply.text
    found = re.match(r"/licenses/(HS-[0-9A-Z-]+)\?", reply.headers["location"])
    assert found, reply.headers["location"]
    return found[1]


def stored(desk: Desk, number: str) -> StoredLicense:
    with desk.site.database.reading() as connection:
        found = license_store.by_number(connection, number)
    assert found is not None
    return found


def trail(desk: Desk, *subjects: str) -> list[tuple[str, str, str | None]]:
    """Who did what and why."""
    with desk.site.database.reading() as connection:
        events = audit_store.trail(connection, subjects)
    return [(event.actor, event.action, event.reason) for event in events]


def faults(page: str) -> dict[str, str]:
    """What is said beside the fields."""
    found = re.findall(r'<span class="fault" id="(\w+)-fault">(.*?)</span>', page, re.DOTALL)
    return {name: unescape(text).strip() for name, text in found}


# The acts


def test_a_renewal_goes_from_its_form_to_a_file_that_verifies(issuer: Person) -> None:
    first = issuer.issue(limits={"gpus": 4}, notify_days=7)
    page = issuer.look(first, "renew", days="60", reason="order 4711")
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


def test_a_renewal_from_today_and_to_a_day(issuer: Person) -> None:
    first = issuer.issue()
    today = number_in(issuer.do(first, "renew", days="10", continue_from="now"))
    ends = stored(issuer.desk, today).expires_at
    assert ends is not None
    assert ends < issuer.desk.clock.now + 12 * DAY
    last = number_in(issuer.do(today, "renew", term="expires", days="", expires="2031-12-31"))
    assert stored(issuer.desk, last).expires_at == 1_956_528_000  # 2032-01-01T00:00:00Z


def test_a_move_to_another_host_keeps_what_was_sent_and_why(issuer: Person) -> None:
    first = issuer.issue(edition="pro")
    mail = f"Hello,\r\n> {OTHER_LINE}\r\n--\r\nsupport"
    page = issuer.look(first, "rehost", host=mail, reason="made anew")
    assert KEY in page.text
    assert KEY.replace("5591", "6602") in page.text
    second = number_in(issuer.do(first, "rehost", host=mail, reason="made anew"))
    assert stored(issuer.desk, second).host_key == KEY.replace("5591", "6602")
    assert trail(issuer.desk, second)[0][1:] == ("license.rehosted", "made anew")
    shown = issuer.get(f"/licenses/{second}").text
    assert "&gt; [&#34;6602" in shown
    renewed = number_in(issuer.do(second, "renew", days="5"))
    assert "&gt; [&#34;6602" in issuer.get(f"/licenses/{renewed}").text


def test_a_change_says_what_becomes_otherwise_and_leaves_the_rest(issuer: Person) -> None:
    first = issuer.issue(edition="pro", features=["a", "b"], limits={"gpus": 4}, grace_days=3)
    page = issuer.look(first, "change", limits="gpus=8, seats=2", features="")
    rows = re.findall(r'<th scope="row"[^>]*>(\w[\w ]*)</th>', page.text)
    assert rows == ["Features", "Limits"]
    assert "gpus=8, seats=2" in page.text
    second = number_in(issuer.do(first, "change", limits="gpus=8, seats=2", features=""))
    before, after = (issuing.claims_of(stored(issuer.desk, n)) for n in (first, second))
    assert (after.limits, after.features) == ({"gpus": 8, "seats": 2}, ())
    assert (after.edition, after.exp, after.grace_until) == ("pro", before.exp, before.grace_until)


def test_a_suspended_licence_is_reinstated_by_a_new_one(issuer: Person) -> None:
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


def test_a_revoked_licence_can_do_nothing_any_more(issuer: Person) -> None:
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
    assert acts_on(issuer, first) == set()
    for act in (*REASONED, "renew", "change"):
        reply = issuer.get(f"/licenses/{first}/{act}")
        assert (reply.status_code, "The licence is revoked." in reply.text) == (409, True)


def acts_on(person: Person, number: str) -> set[str]:
    """The acts that the licence's page offers."""
    page = person.get(f"/licenses/{number}").text
    return set(re.findall(rf'href="/licenses/{number}/(\w+)"', page))


@pytest.mark.parametrize("act", REASONED)
def test_a_reason_is_asked_for_and_nothing_is_done_without(issuer: Person, act: str) -> None:
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
def test_what_is_wrong_is_told_beside_its_field_and_what_was_typed_stays(
    issuer: Person, act: str, typed: dict[str, str], wrong: set[str] | None
) -> None:
    first = issuer.issue(edition="pro")
    reply = issuer.look(first, act, **typed)
    assert reply.status_code in (409, 422)
    assert faults(reply.text).keys() == (wrong or typed.keys())
    kept = fields_of(reply.text)
    assert {name: kept[name] for name in typed} == typed
    assert stored(issuer.desk, first).state == "active"


def test_an_order_that_the_product_does_not_allow_cannot_be_sent(
    issuer: Person, desk: Desk
) -> None:
    name = f"brief{desk.clock.now}"
    rules = {"name": name, "longest_days": 40, "rehosts": 0}
    desk.site.database.write(lambda c: products.add(c, rules, COMMAND, desk.clock.now))
    first = issuer.issue(product=name)
    for act, typed in (
        ("renew", {"days": "400"}),
        ("rehost", {"host": OTHER_LINE, "reason": "x"}),
    ):
        page = issuer.look(first, act, **typed)
        assert 'value="do"' not in page.text
        sent = fields_of(page.text)
        kept = fields_of(issuer.back(page).text)
        assert {field: kept[field] for field in typed} == typed
        forced = issuer.post(f"/licenses/{first}/{act}", **sent | {"step": "do"})
        assert forced.status_code == 409
    assert stored(desk, first).state == "active"


def test_a_second_click_does_it_once(issuer: Person) -> None:
    first = issuer.issue()
    sent = fields_of(issuer.look(first, "renew", days="5").text) | {"step": "do"}
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


def test_a_look_has_an_address_of_its_own_and_says_what_came_of_it(
    issuer: Person, desk: Desk
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
    other = Person(desk, "issuer")
    assert other.get(address).status_code == 404
    assert issuer.get(f"/licenses/{made}/renew?{address.partition('?')[2]}").status_code == 404


def test_a_renewal_is_to_the_day_that_was_looked_at_though_midnight_passes(
    desk: Desk,
) -> None:
    clock = desk.clock
    clock.now += -clock.now % DAY - 30
    issuer = Person(desk, "issuer")
    first = issuer.issue(days=1)
    typed = {"days": "10", "continue_from": "now", "time_zone": "UTC"}
    looked = issuer.look(first, "renew", **typed)
    page = looked.text
    shown = re.findall(r"last day ([0-9-]{10})", page)[-1]
    clock.now += 60
    form = issuer.back(looked).text
    assert fields_of(form) | typed | {"term": "days", "expires": ""} == fields_of(form)
    done = issuer.post(f"/licenses/{first}/renew", **fields_of(page) | {"step": "do"})
    assert f"last day {shown}" in issuer.get(f"/licenses/{number_in(done)}").text


def test_what_another_rule_makes_of_an_act_is_looked_at_before_it_is_done(
    issuer: Person, guarded: str
) -> None:
    desk, path = issuer.desk, "/licenses/{}/renew"

    def rule(wanted: bool) -> None:
        rules, now = {"needs_approval": wanted}, desk.clock.now
        desk.site.database.write(lambda c: products.change(c, guarded, rules, COMMAND, now))

    rule(False)
    first = issuer.issue(product=guarded)
    page = issuer.look(first, "renew", days="5", reason="order 12").text
    rule(True)
    before = issuer.desk.count("proposals")
    late = issuer.post(path.format(first), **fields_of(page) | {"step": "do"})
    assert (late.status_code, "Submit proposal" in late.text) == (412, True)
    assert f"The product {guarded} was changed" in late.text
    assert issuer.desk.count("proposals") == before
    done = issuer.post(path.format(first), **fields_of(late.text) | {"step": "do"})
    assert done.headers["location"].startswith("/proposals/")


@pytest.mark.parametrize("step", ["look", "do"])
def test_who_comes_second_is_told_who_was_first(issuer: Person, step: str) -> None:
    first = issuer.issue()
    other = Person(issuer.desk, "issuer", "other")
    page = issuer.look(first, "renew", days="5").text
    taken = number_in(other.do(first, "rehost", host=OTHER_LINE, reason="burnt down"))
    late = issuer.post(f"/licenses/{first}/renew", **fields_of(page) | {"step": step})
    assert late.status_code == 409
    for said in ("nothing was done", taken, other.email, "burnt down"):
        assert said in late.text
    assert stored(issuer.desk, taken).state == "active"


def test_a_form_of_another_state_is_not_obeyed_and_what_was_typed_is_kept(
    issuer: Person,
) -> None:
    first = issuer.issue()
    typed = {"seen": "of-another-state", "days": "77"}
    late = issuer.look(first, "renew", **typed)
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


def test_only_what_is_permitted_is_offered(issuer: Person) -> None:
    first = issuer.issue()
    every = {"renew", "rehost", "change", "suspend", "revoke"}
    assert acts_on(issuer, first) == every
    for role in ("reader", "approver", "auditor"):
        person = Person(issuer.desk, role)
        assert acts_on(person, first) == set()
        assert 'name="note"' not in person.get(f"/licenses/{first}").text
        assert person.get(f"/licenses/{first}/renew").status_code == 403
        refused = person.post(f"/licenses/{first}/revoke", step="do", reason="x", once="x")
        assert refused.status_code == 403
    assert stored(issuer.desk, first).state == "active"


# Finding


def found(person: Person, **query: str) -> list[str]:
    page = person.get("/licenses", **query)
    assert page.status_code == 200, page.text
    return re.findall(r'<a href="/licenses/(HS-[^"]+)">', page.text)


def test_filters_find_by_state_product_and_last_day(issuer: Person, desk: Desk) -> None:
    name = f"f{desk.clock.now}"
    lasting = issuer.issue(product=name, days=400)
    replaced = issuer.issue(product=name, days=390)
    renewed = number_in(issuer.do(replaced, "renew", days="9"))
    suspended = issuer.issue(product=name)
    issuer.do(suspended, "suspend", reason="x")
    revoked = issuer.issue(product=name)
    issuer.do(revoked, "revoke", reason="x")
    grace = issuer.issue(product=name, days=1, grace_days=30)
    ended = issuer.issue(product=name, days=1, customer="Over GmbH")
    desk.clock.now += 5 * DAY
    issuer = Person(desk, "issuer", "later")
    by_state = {
        "valid": [renewed, lasting],
        "grace": [grace],
        "expired": [ended],
        "active": [grace, renewed, lasting],
        "suspended": [suspended],
        "revoked": [revoked],
        "replaced": [replaced],
    }
    for state, numbers in by_state.items():
        assert found(issuer, product=name, state=state) == numbers, state
    assert found(issuer, product=name, q="over gmbh") == [ended]
    assert found(issuer, product=name, customer="Over GmbH") == [ended]
    last = issuer.get("/licenses", product=name, q=grace).text
    day = re.findall(r'data-label="Last day">([\d-]+)<', last)[0]
    both = {grace, ended}
    assert set(found(issuer, product=name, expires_from=day)) >= both
    assert not both & set(found(issuer, product=name, expires_before=day))
    assert found(issuer, product=name, expires_from=day, expires_before=day) == []


def test_the_last_day_is_that_of_the_reader(issuer: Person) -> None:
    name = f"z{issuer.desk.clock.now}"
    made = issuer.issue(product=name, days=None, expires="2027-06-30", time_zone="Asia/Shanghai")
    for zone, day, next_day in (
        ("Asia/Shanghai", "2027-06-30", "2027-07-01"),
        ("UTC", "2027-06-30", "2027-07-01"),
        ("Pacific/Auckland", "2027-07-01", "2027-07-02"),
    ):
        issuer._enter()
        issuer.desk.client.cookies.set("hostseal_zone", zone)
        get = issuer.desk.client.get
        query = {"product": name, "expires_from": day, "expires_before": next_day}
        page = get("/licenses", params=query).text
        assert made in page
        assert f'data-label="Last day">{day}<' in page
        assert made not in get("/licenses", params=query | {"expires_before": day}).text


def test_the_filters_stay_while_one_goes_on(issuer: Person) -> None:
    name = f"m{issuer.desk.clock.now}"
    made = [issuer.issue(product=name) for _ in range(52)]
    page = issuer.get("/licenses", product=name, state="valid").text
    older = re.search(r'rel="next" href="([^"]+)"', page)
    assert older
    address = unescape(older[1])
    assert f"product={name}" in address
    assert "state=valid" in address
    rest = issuer.get(address).text
    assert re.findall(r'<a href="/licenses/(HS-[^"]+)">', rest) == made[1::-1]
    newest = re.search(r'href="([^"]+)">Newest', rest)
    assert newest
    assert unescape(newest[1]).endswith(f"state=valid&product={name}")


def test_a_filter_that_finds_nothing_is_told_with_a_way_out(issuer: Person) -> None:
    issuer.issue()
    query = {"q": "n0where", "state": "grace", "expires_from": "2030-01-01"}
    page = issuer.get("/licenses", **query).text
    empty = page[page.index("No matching licences") :]
    for said in ("n0where", "in grace", "2030-01-01", 'href="/licenses"'):
        assert said in empty


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("expires_from", "2027-02-30"),
        ("expires_before", "9999-99-99"),
        ("expires_from", "0001-01-01"),
        ("state", "gone"),
        ("state", MARKUP),
    ],
)
def test_a_filter_that_is_none_is_told_at_its_field(issuer: Person, name: str, text: str) -> None:
    reply = issuer.get("/licenses", **{name: text})
    if text == "0001-01-01":
        assert reply.status_code in (200, 422)
        return
    assert (reply.status_code, set(faults(reply.text))) == (422, {name})
    assert "<script>alert" not in reply.text


# A licence's life


def test_a_life_tells_what_replaced_what_and_who_did_it_why(issuer: Person) -> None:
    first = issuer.issue()
    second = number_in(issuer.do(first, "renew", days="60", reason="order 4711"))
    third = number_in(issuer.do(second, "change", limits="gpus=2"))
    for number in (first, second, third):
        page = issuer.get(f"/licenses/{number}").text
        told = page[page.index('<ol class="life">') : page.index("</ol>")]
        done = re.findall(r"<strong>(.*?)</strong>\s*<\w+ [^>]*>(HS-[^<]+)<", told)
        assert done == [("Changed", third), ("Renewed", second), ("Issued", first)]
        assert "order 4711" in told
        assert issuer.email in told
        assert "gpus=2" in told
    old = issuer.get(f"/licenses/{first}").text
    assert f'Replaced by <a href="/licenses/{second}">' in old
    assert f'The newest licence in this lineage is <a href="/licenses/{third}">' in old


def test_a_note_stays_in_the_life_and_a_second_click_adds_none(issuer: Person) -> None:
    first = issuer.issue()
    form = fields_of(issuer.get(f"/licenses/{first}").text)
    note = f"asked by telephone {MARKUP}"
    for _ in range(2):
        reply = issuer.post(f"/licenses/{first}/notes", **form | {"note": note})
        assert reply.status_code == 303
    assert [one[1:] for one in trail(issuer.desk, first)][1:] == [("license.noted", note)]
    shown = issuer.get(f"/licenses/{first}").text
    assert unescape(shown).count(note) == 1
    assert MARKUP not in shown
    for wrong in ("", "n" * 10_000, "a\u202eb"):
        form = fields_of(issuer.get(f"/licenses/{first}").text)
        refused = issuer.post(f"/licenses/{first}/notes", **form | {"note": wrong})
        assert (refused.status_code, set(faults(refused.text))) == (422, {"note"})
        assert fields_of(refused.text)["note"] == wrong


def test_a_long_life_is_told_a_page_at_a_time(issuer: Person) -> None:
    first = issuer.issue()
    for n in range(24):
        form = fields_of(issuer.get(f"/licenses/{first}").text)
        issuer.post(f"/licenses/{first}/notes", **form | {"note": f"note {n}."})
    page = issuer.get(f"/licenses/{first}").text
    assert ("note 23." in page, "note 4." in page, "note 3." in page) == (True, True, False)
    older = re.search(r'rel="next" href="([^"]+)"', page)
    assert older
    rest = issuer.get(unescape(older[1]).partition("#")[0]).text
    assert ("note 4." in rest, "note 3." in rest, "Issued" in rest) == (False, True, True)


def test_what_attacks_is_shown_as_text(issuer: Person) -> None:
    name = f"{MARKUP} {issuer.desk.clock.now}"
    host = f"{MARKUP} \u202egnp.exe\u202c {LINE} " + "x" * 10_000
    first = issuer.issue(customer=name, host=host)
    issuer.do(first, "suspend", reason=MARKUP)
    number = number_in(issuer.do(first, "reinstate", reason=f"{MARKUP} again"))
    pages = [
        issuer.get(f"/licenses/{number}").text,
        issuer.get("/licenses", q=MARKUP).text,
        issuer.get("/licenses", product=MARKUP, customer=MARKUP).text,
        issuer.look(number, "renew", reason=MARKUP).text,
        issuer.look(number, "change", limits=MARKUP, edition=MARKUP).text,
        issuer.look(number, "rehost", host=MARKUP, reason=MARKUP, match=MARKUP).text,
        issuer.look(number, "renew", continue_from=MARKUP, term=MARKUP).text,
    ]
    for page in pages:
        assert "<script>alert" not in page
        assert "\u202e" not in page
        assert len(page.encode("utf-8")) < 100_000
    assert "\\u202e" in pages[0]
    assert "Only the beginning is shown." in pages[0]


# Approvals


def propose(person: Person, guarded: str) -> str:
    """Propose a renewal at the desk; the address of the proposal."""
    approver = Person(person.desk, "approver", "first")
    order = {"customer": "ACME", "product": guarded, "days": 30, "host": LINE}
    post = person.desk.client.post
    proposed = post("/api/v1/licenses", json=order, headers=person.desk.bearer).json()["id"]
    form = fields_of(approver.get(f"/proposals/{proposed}").text)
    first = number_in(approver.post(f"/proposals/{proposed}/approve", **form))
    assert "becomes a proposal" in person.get(f"/licenses/{first}/renew").text
    page = person.look(first, "renew", days="9", reason="they wait")
    assert "Submit proposal" in page.text
    sent = fields_of(page.text) | {"step": "do"}
    made = person.post(f"/licenses/{first}/renew", **sent)
    again = person.post(f"/licenses/{first}/renew", **sent)
    assert made.status_code == 303
    assert made.headers["location"] == again.headers["location"]
    assert stored(person.desk, first).state == "active"
    return str(made.headers["location"]).partition("?")[0]


def test_who_proposes_is_told_what_to_do_and_who_approves_sees_the_same_warnings(
    issuer: Person, guarded: str
) -> None:
    form = issuer.get("/licenses/new").text
    order = {"customer": f"New {MARKUP}", "product": guarded, "host": LINE, "reason": "order  77"}
    reply = issuer.post("/licenses/preview", **fields_of(form) | order)
    page = issuer.followed(reply).text
    warned = ("Nothing was issued to", "This is a host key line", "If the host changes later")
    for said in (*warned, "Reason: order 77"):
        assert said in page, said
    sent = issuer.post("/licenses", **fields_of(page))
    here = sent.headers["location"]
    told = issuer.get(here).text
    assert f"http://testserver{here.partition('?')[0]}</pre>" in told
    assert "Next steps:" in told
    approver = Person(issuer.desk, "approver")
    seen = approver.get(here).text
    for said in (*warned, "order 77", "Existing licences"):
        assert said in seen, said
    number = number_in(approver.post(f"{here.partition('?')[0]}/approve", **fields_of(seen)))
    assert trail(issuer.desk, number) == [(f"user:{issuer.email}", "license.issued", "order 77")]
    for person in (approver, issuer):
        assert f'href="/licenses/{number}?send=1"' in person.get(here).text


def test_a_reason_that_is_too_long_is_told_beside_its_field(issuer: Person) -> None:
    form = fields_of(issuer.get("/licenses/new").text)
    typed = {"customer": "ACME", "product": "darwin", "host": LINE, "reason": "x" * 1001}
    refused = issuer.post("/licenses/preview", **form | typed)
    assert refused.status_code == 422
    assert faults(refused.text).keys() == {"reason"}


def test_a_move_says_that_the_former_host_keeps_its_file(issuer: Person) -> None:
    """Before it is done, to who does it; after it, to them and in the letter."""
    first = issuer.issue()

    def told(page: str) -> str:
        return re.sub(r"<[^>]*>", "", page)

    keeps, do = "The former host studio2_gpu keeps its file of", "delete conf/license.dat"
    page = issuer.look(first, "rehost", host=OTHER_LINE, reason="a new machine").text
    assert f"{keeps} {first}, which stays valid there until 20" in told(page)
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
        "stays valid there without end"
        in issuer.look(eternal, "rehost", host=OTHER_LINE, reason="x").text
    )


def test_a_second_person_approves_and_the_first_may_not(issuer: Person, guarded: str) -> None:
    both = Person(issuer.desk, "administrator", "both")
    here = propose(both, guarded)
    own = both.get(here).text
    assert "someone else must approve it" in own
    assert "/approve" not in own
    form = fields_of(own)
    refused = both.post(f"{here}/approve", **form)
    assert refused.status_code == 403
    assert "somebody else must approve" in refused.text
    approver = Person(issuer.desk, "approver")
    page = approver.get(here).text
    for said in (both.email, "they wait", "Field", "Expires"):
        assert said in page
    sent = fields_of(page) | {"reason": "checked with sales"}
    number = number_in(approver.post(f"{here}/approve", **sent))
    assert number == number_in(approver.post(f"{here}/approve", **sent))  # a second click
    id_ = here.rpartition("/")[2]
    assert trail(issuer.desk, number)[0][:2] == (f"user:{both.email}", "license.renewed")
    assert trail(issuer.desk, f"proposal/{id_}")[-1] == (
        f"user:{approver.email}",
        "proposal.approved",
        "checked with sales",
    )
    after = approver.get(here).text
    assert number in after
    assert "checked with sales" in after
    assert f'href="{here}"' in approver.get(f"/licenses/{number}").text
    assert f'href="{here}"' in approver.get("/proposals", state="approved").text
    assert f'href="{here}"' not in approver.get("/proposals").text


def test_a_proposal_is_turned_down_or_taken_back_with_a_reason(
    issuer: Person, guarded: str
) -> None:
    approver = Person(issuer.desk, "approver")
    for person, mark in ((approver, "refused"), (issuer, "withdrawn")):
        here = propose(issuer, guarded)
        assert f'href="{here}"' in issuer.get("/proposals").text
        form = fields_of(person.get(here).text)
        silent = person.post(f"{here}/refuse", **form)
        assert (silent.status_code, set(faults(silent.text))) == (422, {"reason"})
        said = f"no {MARKUP}"
        done = person.post(f"{here}/refuse", **fields_of(silent.text) | {"reason": said})
        assert (done.status_code, done.headers["location"]) == (303, here)
        page = person.get(here).text
        assert mark in page
        assert said in unescape(page)
        assert MARKUP not in page
        late = approver.post(f"{here}/approve", once="late", reason="")
        assert late.status_code == 409
        assert "decided already" in late.text


def test_who_may_not_decide_sees_the_proposal_and_no_button(issuer: Person, guarded: str) -> None:
    here = propose(issuer, guarded)
    reader = Person(issuer.desk, "reader")
    page = reader.get(here).text
    assert "Your role can only view it." in page
    assert "/refuse" not in page
    assert reader.post(f"{here}/approve", once="x").status_code == 403
    assert reader.post(f"{here}/refuse", once="x", reason="x").status_code == 403


def test_a_proposal_that_came_too_late_says_why_it_cannot_be_approved(
    issuer: Person, guarded: str
) -> None:
    here = propose(issuer, guarded)
    first = re.findall(r'href="/licenses/(HS-[^"]+)"', issuer.get(here).text)[0]
    issuer.do(first, "revoke", reason="x")
    approver = Person(issuer.desk, "approver")
    page = approver.get(here).text
    assert "was revoked" in page
    assert "/approve" not in page
    late = approver.post(f"{here}/approve", **fields_of(page))
    assert late.status_code == 409
    assert 'value="refused"' not in late.text


@pytest.mark.parametrize("id_", ["0", "999999999", "x", "9" * 30, "-1"])
def test_a_proposal_that_is_not_there_is_told(issuer: Person, id_: str) -> None:
    assert issuer.get(f"/proposals/{id_}").status_code == 404


# The end of the calendar


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "Pacific/Kiritimati", "Etc/GMT+12"])
def test_a_licence_to_the_end_of_the_calendar_is_shown_everywhere(
    issuer: Person, zone: str
) -> None:
    last = {"expires": "9999-12-30", "time_zone": "Etc/GMT+12", "days": None}
    number = issuer.issue(customer=f"Far {issuer.email}", grace_days=36500, **last)
    for path in (
        f"/licenses/{number}?issued=1",
        "/licenses",
        f"/licenses/{number}/renew",
        f"/licenses/{number}/change",
        f"/licenses/new?like={number}",
    ):
        issuer._enter()
        issuer.desk.client.cookies.set("hostseal_zone", zone)
        page = issuer.desk.client.get(path)
        assert page.status_code == 200, path
    assert 'name="expires" value="9999-12-30"' in page.text


def test_an_instant_that_a_time_zone_cannot_tell_is_told_in_utc() -> None:
    assert at(MAX_INSTANT, ZoneInfo("Asia/Shanghai")).isoformat() == "9999-12-31T23:59:59+00:00"
    assert at(0, ZoneInfo("Asia/Shanghai")).isoformat() == "1970-01-01T08:00:00+08:00"


def test_the_last_day_of_a_term_is_right_where_the_next_day_has_no_midnight() -> None:
    zone = "America/Sao_Paulo"  # on 2018-11-04 the clocks went from 0:00 to 1:00
    end = int(datetime(2018, 11, 4, tzinfo=ZoneInfo(zone)).timestamp())
    assert prefill.last_day(end, zone).isoformat() == "2018-11-03"
