"""How the list of licences is shown: totals, order, columns, views, and its export."""

import csv
import io
import re
from html import unescape

import pytest

from license_server.licenses import license_store
from tests.support.desk import Desk, unique
from tests.support.desk_user import DeskUser


def numbers(page: str) -> list[str]:
    return re.findall(r'<a href="/licenses/(HS-[^"]+)">', page)


def total(page: str) -> str:
    found = re.search(r'<p class="total">(.*?)</p>', page, re.DOTALL)
    assert found
    return unescape(found[1]).strip()


def exported(person: DeskUser, page: str) -> list[list[str]]:
    """What the link under the list downloads."""
    address = re.search(r'href="(/sheets/licenses.csv[^"]*columns=[^"]*)"', page)
    assert address
    text = person.get(unescape(address[1])).content.decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))


def test_list_tells_how_many_there_are_on_each_page(issuer: DeskUser, desk: Desk) -> None:
    name = unique(desk, "t")
    for _ in range(52):
        issuer.issue(product=name)
    page = issuer.get("/licenses", product=name).text
    assert total(page) == "1–50 of 52"
    older = re.search(r'rel="next" href="([^"]+)"', page)
    assert older
    assert total(issuer.get(unescape(older[1])).text) == "51–52 of 52"
    assert total(issuer.get("/licenses", product=name, sort="host", page="2").text) == "51–52 of 52"


def test_counting_and_sorting_stop_where_they_are_too_many(
    issuer: DeskUser, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = unique(desk, "b")
    made = [issuer.issue(product=name) for _ in range(4)]
    monkeypatch.setattr("license_server.web.shown_licenses.MOST_SORTED", 3)
    page = issuer.get("/licenses", product=name, sort="expires_at").text
    assert total(page) == "1–4 of more than 4"
    assert "too many to be sorted" in page
    assert numbers(page) == made[::-1]


@pytest.mark.parametrize("by", sorted(license_store.SORTS))
def test_list_is_sorted_by_each_column_both_ways(issuer: DeskUser, desk: Desk, by: str) -> None:
    name = unique(desk, "s")
    made = [
        issuer.issue(product=name, customer=f"{customer} {name}", days=days, contract=contract)
        for customer, days, contract in (
            ("Beta", 30, "c2"),
            ("alpha", 9, None),
            ("Gamma", 400, "C1"),
        )
    ]
    up, down = (
        numbers(issuer.get("/licenses", product=name, sort=f"{sign}{by}").text)
        for sign in ("", "-")
    )
    assert sorted(up) == sorted(down) == sorted(made)
    beta, alpha, gamma = made
    expected = {
        "customer": [alpha, beta, gamma],
        "contract": [alpha, gamma, beta],
        "expires_at": [alpha, beta, gamma],
        "number": sorted(made),
    }.get(by)
    if expected:
        assert (up, down) == (expected, expected[::-1])


def test_heading_turns_the_order_round(issuer: DeskUser) -> None:
    issuer.issue()
    page = issuer.get("/licenses", sort="customer").text
    assert re.search(r'<th scope="col" aria-sort="ascending"><a href="[^"]*sort=-customer', page)
    page = issuer.get("/licenses", sort="-customer", state="valid").text
    assert re.search(r'aria-sort="descending"><a href="[^"]*state=valid[^"]*sort=customer"', page)
    assert (
        issuer.get("/licenses", sort="nonsense", columns="nonsense", page="-1").status_code == 200
    )


def test_export_is_what_the_list_shows(issuer: DeskUser, desk: Desk) -> None:
    """The same columns, order and words; all of it, whichever page is open; in both languages."""
    name = unique(desk, "x")
    for customer in ("Beta", "alpha"):
        issuer.issue(product=name, customer=f"{customer} {name}", contract=f"PO {customer}")
    issuer.issue(product=name, customer=f"Gamma {name}", days=1, grace_days=9, limits={"gpus": 4})
    desk.clock.now += 2 * 86400
    issuer = DeskUser(desk, "issuer", "exporter")
    shown = {"product": name, "sort": "-customer"}
    page = issuer.get(
        "/licenses", **shown, columns="customer,contract,limits,expires_at,state"
    ).text
    rows = exported(issuer, page)
    assert rows[0] == [
        *("Number", "Customer", "Order or contract number", "Limits"),
        *("Last day", "Time zone", "State"),
    ]
    assert [row[0] for row in rows[1:]] == numbers(page)
    assert [row[1].split()[0] for row in rows[1:]] == ["Gamma", "Beta", "alpha"]
    assert [row[2] for row in rows[1:]] == ["", "PO Beta", "PO alpha"]
    assert [row[3] for row in rows[1:]] == ["gpus=4", "", ""]
    days = re.findall(r'data-label="Last day"><span>([\d-]+)<br><span[^>]*>([^<]+)<', page)
    assert [tuple(row[4:6]) for row in rows[1:]] == days
    assert [row[6] for row in rows[1:]] == ["in grace", "valid", "valid"]
    desk.client.cookies.set("hostseal_language", "zh")
    chinese = exported(issuer, issuer.get("/licenses", **shown).text)
    assert chinese[0][0] == "编号"
    assert chinese[1][-1] == "宽限期内"


def test_export_of_a_list_too_long_to_sort_is_whole(
    issuer: DeskUser, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = unique(desk, "w")
    made = [issuer.issue(product=name) for _ in range(4)]
    monkeypatch.setattr("license_server.web.shown_licenses.MOST_SORTED", 3)
    monkeypatch.setattr("license_server.web.list_shape.AT_ONCE", 2)
    rows = exported(issuer, issuer.get("/licenses", product=name, sort="host").text)
    assert [row[0] for row in rows[1:]] == made[::-1]


def test_customers_and_products_are_reached_from_the_list(issuer: DeskUser, desk: Desk) -> None:
    customer = unique(desk, "Reached")
    issuer.issue(customer=customer)
    page = issuer.get("/licenses", customer=customer).text
    links = re.findall(r'<a class="cut" href="(/(?:customers|products)/\d+)"', page)
    assert len(links) == 2
    assert customer in issuer.get(links[0]).text


def test_dense_lists_are_a_readers_choice(issuer: DeskUser) -> None:
    assert 'data-density="roomy"' in issuer.get("/licenses").text
    issuer.get("/preferences", density="dense", back="/licenses")
    assert 'data-density="dense"' in issuer.get("/customers").text
