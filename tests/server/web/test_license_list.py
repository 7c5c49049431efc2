"""The list of licences at the desk and its filters."""

import re
from datetime import date, timedelta
from html import unescape

import pytest

from tests.support.desk import Desk, unique
from tests.support.desk_user import DeskUser
from tests.support.pages import all_hidden, faults, number_in, preview

DAY = 86400
MARKUP = "</li><script>alert(1)</script><b>"


ZONES = ("UTC", "Asia/Shanghai", "America/New_York", "Pacific/Kiritimati")


def last_days(page: str) -> list[str]:
    return re.findall(r'data-label="Last day"><span>([\d-]+)<', page)


def found(person: DeskUser, **query: str) -> list[str]:
    page = person.get("/licenses", **query)
    assert page.status_code == 200, page.text
    return re.findall(r'<a href="/licenses/(HS-[^"]+)">', page.text)


def test_list_filters_by_state_product_customer_and_last_day(issuer: DeskUser, desk: Desk) -> None:
    name = unique(desk, "f")
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
    issuer = DeskUser(desk, "issuer", "later")
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
    (day,) = last_days(last)
    both = [ended, grace]
    before = str(date.fromisoformat(day) - timedelta(1))
    assert set(found(issuer, product=name, expires_from=day)) >= set(both)
    assert not set(both) & set(found(issuer, product=name, expires_until=before))
    assert found(issuer, product=name, expires_from=day, expires_until=day) == both
    # An address that was kept from before says the day after.
    assert found(issuer, product=name, expires_from=day, expires_before=day) == []


@pytest.mark.parametrize("reader", ZONES)
def test_last_day_is_that_of_the_licence_wherever_its_reader_is(
    issuer: DeskUser, reader: str
) -> None:
    name = unique(issuer.desk, "z")
    day, term = "2047-06-30", {"days": None, "expires": "2047-06-30"}
    made = {zone: issuer.issue(product=name, **term, time_zone=zone) for zone in ZONES}
    issuer.enter()
    issuer.desk.client.cookies.set("hostseal_zone", reader)
    page = issuer.get("/licenses", product=name, expires_from=day, expires_until=day).text
    assert last_days(page) == [day] * len(made)
    for zone, number in made.items():
        assert zone in page
        one = issuer.get(f"/licenses/{number}").text
        told = re.search(r"<dt>Expires</dt><dd>(.*?)</dd>", one, re.DOTALL)
        assert told is not None
        assert day in told[1]
        assert f"({zone})" in told[1]
        assert ("your time" in told[1]) == (zone != reader)
    for query in ({"expires_from": "2047-07-01"}, {"expires_until": "2047-06-29"}):
        assert found(issuer, product=name, **query) == []


def test_filters_survive_paging(issuer: DeskUser) -> None:
    name = unique(issuer.desk, "m")
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


def test_empty_result_names_the_filters_and_offers_to_clear_them(issuer: DeskUser) -> None:
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
        ("expires_until", "9999-99-99"),
        ("expires_from", "0001-01-01"),
        ("state", "gone"),
        ("state", MARKUP),
    ],
)
def test_invalid_filter_is_marked_at_its_field(issuer: DeskUser, name: str, text: str) -> None:
    reply = issuer.get("/licenses", **{name: text})
    if text == "0001-01-01":
        assert reply.status_code in (200, 422)
        return
    assert (reply.status_code, set(faults(reply.text))) == (422, {name})
    assert "<script>alert" not in reply.text


def test_search_matches_word_beginnings_and_literal_signs(
    signed_in: Desk,
) -> None:
    name = f"100%_{signed_in.clock.now} 上海示例公司 Werkstätten"
    signed_in.client.post("/licenses", data=all_hidden(preview(signed_in, customer=name).text))
    for typed in (str(signed_in.clock.now), f"100%_{signed_in.clock.now}", "示例", "werkst"):
        assert name in signed_in.client.get("/licenses", params={"q": typed}).text
    assert "No matching licences" in signed_in.client.get("/licenses", params={"q": "%%%"}).text
