"""The page of a customer: who they are, what holds, what ends next; and their tags."""

import re
from html import unescape
from typing import Any

import pytest

from license_server.actor import COMMAND
from license_server.catalog import customers, tags
from license_server.db.errors import InputInvalidError
from license_server.licenses import totals_store
from license_server.permissions import PERMISSIONS
from license_server.sheets import exports
from tests.support.api import bearer
from tests.support.desk import Desk, last_event, row, unique
from tests.support.desk_forms import add_customer, add_product, exported
from tests.support.desk_user import DeskUser
from tests.support.pages import faults, form, once
from tests.support.server import LINE

DAY = 86400


def issue(desk: Desk, customer: str, **more: Any) -> str:
    order = {"customer": customer, "product": "darwin", "days": 365, "host": LINE} | more
    reply = desk.client.post("/api/v1/licenses", json=order, headers=desk.bearer)
    assert reply.status_code == 201, reply.text
    return str(reply.json()["id"])


def path_of(desk: Desk, name: str) -> str:
    return f"/customers/{row(desk, 'customers', name=name).id}"


def figures(page: str) -> list[int]:
    """The figures above: valid, ending soon, in grace, expired."""
    found = re.findall(r'class="figure[^>]*><strong>([\d,]+)</strong>', page)
    return [int(one.replace(",", "")) for one in found]


def totals(page: str) -> dict[str, list[int]]:
    """Product to its numbers by state, and all."""
    body = page.partition('id="totals"')[2].partition("</table>")[0]
    return {
        re.search(r">([^<]+)</a></th>", line)[1]: [  # type: ignore[index]
            int(one) for one in re.findall(r">(\d+)</(?:a|span)></td>", line)
        ]
        for line in body.split("<tr>")[2:]
    }


def test_page_tells_what_holds_what_ends_next_and_the_totals_of_each_product(desk: Desk) -> None:
    name, other = unique(desk, "Zwei Segel"), unique(desk, "owl")
    soon = issue(desk, name, days=20, contract="PO-4711")
    grace = issue(desk, name, days=1, grace_days=30, contract="PO-4711")
    issue(desk, name, days=1)
    far = issue(desk, name, product=other)
    issue(desk, name, perpetual=True, days=None)
    ended = issue(desk, name, product=other)
    headers, reason = bearer(desk, *PERMISSIONS), {"reason": "unpaid"}
    for act, number in (("revoke", ended), ("suspend", issue(desk, name))):
        path = f"/api/v1/licenses/{number}/{act}"
        assert desk.client.post(path, json=reason, headers=headers).status_code == 200
    issue(desk, name, product=other, replaces=far)
    desk.clock.now += 3 * DAY
    page = DeskUser(desk, "reader").get(path_of(desk, name)).text
    assert figures(page) == [3, 1, 1, 1]
    assert totals(page) == {
        "darwin": [2, 1, 1, 1, 0, 0, 0, 5],
        other: [1, 0, 0, 0, 1, 0, 1, 3],
    }
    following = page.partition("Expires next</h2>")[2].partition("</ul>")[0]
    numbers = re.findall(r'href="/licenses/(HS-[\w-]+)"', following)
    assert numbers[:2] == [grace, soon]
    assert len(numbers) == 3  # what is perpetual ends never
    assert ">PO-4711</a> <span" in page
    listed = page.partition('id="licenses"')[2]
    assert listed.count('<th scope="row"') == 4
    every = DeskUser(desk, "reader").get(path_of(desk, name), state="all").text
    assert every.partition('id="licenses"')[2].count('<th scope="row"') == 8


def test_figures_lead_to_lists_of_as_many(desk: Desk) -> None:
    name = unique(desk, "Counted")
    for days in (10, 400, 1):
        issue(desk, name, days=days)
    desk.clock.now += 3 * DAY
    reader = DeskUser(desk, "reader")
    page = reader.get(path_of(desk, name)).text
    links = re.findall(r'class="figure[^"]*" href="([^"]+)"><strong>(\d+)', page)
    assert len(links) == 4
    for link, number in links:
        shown = reader.get(unescape(link)).text
        assert shown.count('<th scope="row" class="number"') == int(number)


def test_customer_without_licences_is_told_what_to_do(desk: Desk, admin: DeskUser) -> None:
    path = add_customer(admin, unique(desk, "Empty"))
    page = admin.get(path).text
    assert "No licences yet" in page
    assert "Issue the first licence" in page
    assert figures(page) == []
    reader = DeskUser(desk, "reader").get(path).text
    assert "No licences yet" in reader
    assert "Issue the first licence" not in reader


def test_licences_come_in_pages_and_as_csv(desk: Desk, admin: DeskUser) -> None:
    name = unique(desk, "Many")
    numbers = [issue(desk, name) for _ in range(25)]
    path, seen, pages = path_of(desk, name), [], 0
    query: dict[str, str] = {}
    while True:
        page = admin.get(path, **query).text
        listed = page.partition('id="licenses"')[2]
        seen += re.findall(r'<th scope="row"[^>]*><a href="/licenses/(HS-[\w-]+)"', listed)
        pages += 1
        following = re.search(r'rel="next" href="[^"]*cursor=([^"#&]+)', page)
        if following is None:
            break
        query = {"state": "active", "cursor": following[1]}
    assert (seen, pages) == (numbers[::-1], 2)
    link = re.search(r'href="(/sheets/licenses\.csv[^"]+)"', page)
    assert link
    rows = exported(admin.get(unescape(link[1])))
    assert {one["number"] for one in rows} == set(numbers)


def test_licence_leads_to_its_customer(desk: Desk, admin: DeskUser) -> None:
    name = unique(desk, "Linked")
    number = issue(desk, name)
    assert f'<a href="{path_of(desk, name)}">{name}</a>' in admin.get(f"/licenses/{number}").text


def test_page_tells_who_acted_and_what_changed_in_the_record(desk: Desk, admin: DeskUser) -> None:
    name = unique(desk, "Acted")
    path = add_customer(admin, name, notes="old note")
    admin.send(admin.get(path).text, path, notes="new note", tags="vip")
    issue(desk, name)
    page = unescape(admin.get(path).text)
    people = page.partition("Who did something for them")[2].partition("</ul>")[0]
    assert admin.email in people
    assert "2 actions, last on" in people
    assert "API token test" in people
    assert "<del>old note</del> → <ins>new note</ins>" in page
    assert "<ins>vip</ins>" in page


def test_events_are_none_of_a_token_that_is_called_as_the_customer(
    desk: Desk, admin: DeskUser
) -> None:
    name = unique(desk, "Same")
    path = add_customer(admin, name)
    admin.post("/tokens", **once(), name=name, **{"may:licenses:read": "yes"})
    last = admin.get(path).text.partition("What happened last")[2].partition("</section>")[0]
    record = admin.get("/record", customer=name).text.partition("<tbody>")[2]
    for listed in (last, record.partition("</tbody>")[0]):
        assert "customer added" in listed.lower()
        assert "token created" not in listed.lower()


def test_tags_are_folded_filtered_found_exported_and_in_the_audit_log(
    desk: Desk, admin: DeskUser
) -> None:
    name, mark = unique(desk, "Tagged"), f"t{desk.clock.now}"
    path = add_customer(admin, name, tags=f" VIP；Ｋｅｙ  Account, vip 、{mark.upper()}")
    assert row(desk, "customers", name=name).tags == f"vip\nkey account\n{mark}"
    changed = last_event(desk, name)[2]["changed"]["tags"]
    assert changed == [None, ["vip", "key account", mark]]
    page = admin.get(path).text
    assert form(page, path)["tags"] == f"vip, key account, {mark}"
    assert f'<a class="mark" href="/customers?tag={mark}">{mark}</a>' in page
    listed = admin.get("/customers", tag=mark.upper()).text
    assert re.findall(r'<a class="cut" href="(/customers/\d+)"', listed) == [path]
    assert "1–1 of 1" in listed
    assert f'<option value="{mark}"' in listed
    assert name not in admin.get("/customers", tag=f"{mark}x").text
    assert name in admin.get("/customers", q=f"{mark[:6]} vip", tag=mark).text
    assert name in admin.get("/find", q=mark).text
    api = desk.client.get("/api/v1/customers", params={"tag": mark}, headers=desk.bearer).json()
    assert [one["tags"] for one in api["customers"]] == [["vip", "key account", mark]]
    for sheet, query in (("list", {"columns": "tags"}), ("customers", {})):
        (told,) = exported(admin.get(f"/customers/{sheet}.csv", tag=mark, **query))
        assert told["Tags" if sheet == "list" else "tags"] == f"vip, key account, {mark}"
    export = "/api/v1/exports/customers.csv"
    reply = desk.client.get(export, params={"tag": mark}, headers=desk.bearer)
    assert len(reply.text.splitlines()) == 2
    assert name in reply.text
    rows = exports.customer_rows(desk.site.database.read, name, COMMAND)
    (told,) = (dict(zip(exports.CUSTOMERS, one, strict=True)) for one in rows)
    assert told["tags"] == f"vip, key account, {mark}"
    assert admin.send(page, path, tags="").status_code == 303
    assert row(desk, "customers", name=name).tags is None
    assert name not in admin.get("/customers", tag=mark).text


@pytest.mark.parametrize(
    "wrong", [["a"] * 3 + ["b," * 3], ["x" * 41], [""], [7], "vip", ["a\x00b"], ["\u202ea"]]
)
def test_wrong_tags_are_refused(wrong: Any) -> None:
    with pytest.raises(InputInvalidError):
        customers.read({"tags": wrong})


def test_too_many_tags_are_marked(desk: Desk, admin: DeskUser) -> None:
    path = add_customer(admin, unique(desk, "Many tags"))
    many = ", ".join(map(str, range(tags.MOST + 1)))
    reply = admin.send(admin.get(path).text, path, tags=many)
    assert faults(reply.text) == {"tags": "there are 21, and at most 20 are allowed."}
    assert form(reply.text, path)["tags"] == many


def test_merged_customer_has_the_tags_of_both(desk: Desk, admin: DeskUser) -> None:
    name, mark = unique(desk, "Both tags"), f"m{desk.clock.now}"
    former = add_customer(admin, f"{name} old", tags=f"vip, {mark}")
    into = add_customer(admin, f"{name} new", tags="reseller, vip")
    ids = {"into": int(into.rpartition("/")[2])}
    reply = desk.client.post(f"/api/v1{former}/merge", json=ids, headers=bearer(desk, *PERMISSIONS))
    assert reply.json()["tags"] == ["reseller", "vip", mark]
    listed = admin.get("/customers", tag=mark).text
    assert f'href="{into}"' in listed
    assert f'href="{former}"' not in listed


def test_what_happened_is_of_the_customer_not_of_a_product_or_token_of_its_name(desk: Desk) -> None:
    name, admin = unique(desk, "alike").lower(), DeskUser(desk)
    issue(desk, name)
    add_product(admin, name, sure="yes")
    admin.post("/tokens", **once(), name=name, **{"may:licenses:read": "yes"})
    page = admin.get(path_of(desk, name)).text
    life = page[page.index('<ol class="life">') :].partition("</ol>")[0]
    told = [one.strip().lower() for one in re.findall(r"<strong>([^<]+)</strong>", life)]
    assert told == ["issued", "customer added"]
    log = admin.get("/record", customer=name).text
    assert "product added" not in log.partition("<tbody>")[2]


def test_token_of_a_product_learns_no_tags_of_shared_customers(desk: Desk) -> None:
    mark = f"s{desk.clock.now}"
    ours, theirs = unique(desk, "ours"), unique(desk, "theirs")
    alone, shared = unique(desk, "Alone"), unique(desk, "Shared")
    every = bearer(desk, *PERMISSIONS)
    for name, products in ((alone, [ours]), (shared, [ours, theirs])):
        for product in products:
            issue(desk, name, product=product)
        id_ = row(desk, "customers", name=name).id
        body = {"tags": [mark]}
        path = f"/api/v1/customers/{id_}"
        assert desk.client.patch(path, json=body, headers=every).status_code == 200
    limited = bearer(desk, "licenses:read", products=[ours])
    for tag, expected in ((mark, [alone]), (f"{mark}x", [])):
        found = desk.client.get("/api/v1/customers", params={"tag": tag}, headers=limited).json()
        assert [one["name"] for one in found["customers"]] == expected
    found = desk.client.get("/api/v1/customers", headers=limited).json()
    assert {one["name"]: one["tags"] for one in found["customers"]} == {alone: [mark], shared: []}


def test_totals_of_a_product_tell_nothing_of_another(desk: Desk) -> None:
    name, ours, theirs = unique(desk, "Apart"), unique(desk, "ours"), unique(desk, "theirs")
    mine = issue(desk, name, product=ours, days=90, contract="OURS-1")
    issue(desk, name, product=theirs, days=30, contract="THEIRS-1")
    id_ = row(desk, "customers", name=name).id
    with desk.site.database.reading() as connection:
        found = totals_store.of_customer(
            connection, id_, frozenset({ours}), desk.clock.now, 99_999, 5
        )
        none = totals_store.of_customer(connection, id_, frozenset(), desk.clock.now, 99_999, 5)
    assert [(one.product, one.all) for one in found.totals] == [(ours, 1)]
    assert (found.next, [one.number for one in found.contracts]) == ([mine], ["OURS-1"])
    assert none == ([], [], [])
