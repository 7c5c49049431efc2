"""The lists of the desk: totals, order, columns, and a sheet that says what the screen says."""

import csv
import io
import re
from html import unescape
from typing import NamedTuple

import pytest

from license_core.wording import printable
from license_server.licenses.proposal_store import SORTS as PROPOSAL_SORTS
from license_server.web import (
    customer_list,
    people_list,
    products,
    proposal_list,
    record_list,
    token_list,
)
from license_server.web.list_page import DeskList
from tests.support import catalogue
from tests.support.desk import Desk, unique
from tests.support.desk_forms import add_customer, add_product
from tests.support.desk_user import DeskUser
from tests.support.pages import once

LISTS: dict[str, DeskList[object]] = {
    "customers": customer_list.LIST,  # type: ignore[dict-item]
    "products": products.LIST,  # type: ignore[dict-item]
    "proposals": proposal_list.LIST,  # type: ignore[dict-item]
    "tokens": token_list.LIST,  # type: ignore[dict-item]
    "people": people_list.LIST,  # type: ignore[dict-item]
    "record": record_list.LIST,  # type: ignore[dict-item]
}
READERS = ("UTC", "Asia/Shanghai", "America/New_York", "Pacific/Kiritimati")
LONG = "Würde" * 40
RIGHT_TO_LEFT = "شركة النور"


class Table(NamedTuple):
    """A list as it stands on the screen: its headings, and each row as texts."""

    headings: list[str]
    rows: list[list[str]]


def shown(page: str) -> Table:
    """The list on a page. What stands beside a text, in small letters, comes after a semicolon."""
    table = re.search(r'<table class="stack cuts">(.*?)</table>', page, re.DOTALL)
    assert table, page
    head, _, body = table[1].partition("</thead>")
    headings = re.findall(r"<th[^>]*>(.*?)</th>", head, re.DOTALL)
    rows = re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL)
    cells = [
        re.findall(r'<t[dh][^>]*data-label="[^>]*>(.*?)</t[dh]>', one, re.DOTALL) for one in rows
    ]
    return Table([plain(one) for one in headings], [[plain(one) for one in row] for row in cells])


def plain(cell: str) -> str:
    """A cell as a person reads it; a dash says nothing."""
    cell = re.sub(
        r'<a class="small"[^>]*>.*?</a>|<summary>.*?</summary>', "", cell, flags=re.DOTALL
    )
    cell = re.sub(r"</li><li>|</dd><dt>|</ul>(?=\s*<details)", "; ", cell)
    cell = re.sub(r"</dt><dd>", ": ", cell)
    cell = re.sub(r'(?:<br>)?\s*<span class="quiet small">', "; ", cell)
    text = unescape(re.sub(r"<[^>]*>", "", cell)).strip()
    return "" if text == "–" else text


def sheet(user: DeskUser, page: str) -> list[list[str]]:
    """What the link under the list downloads."""
    address = re.search(r'href="(/\w+/list\.csv[^"]*)"', page)
    assert address, page
    reply = user.get(unescape(address[1]))
    assert reply.status_code == 200
    rows = csv.reader(io.StringIO(reply.content.decode("utf-8-sig")))
    # Without what keeps a cell from being a formula.
    return [[re.sub(r"^'(?=[=+@-])", "", cell) for cell in row] for row in rows]


@pytest.fixture
def filled(desk: Desk, admin: DeskUser, guarded: str) -> DeskUser:
    """Somebody who sees every list, with rows of each kind in them."""
    add_customer(
        admin, unique(desk, LONG[:170]), contact_email="a@x.cn", notes="line 1\nline 2", sure="yes"
    )
    add_customer(admin, unique(desk, RIGHT_TO_LEFT), contact_name="Ann", language="zh", sure="yes")
    archived = add_customer(admin, unique(desk, "=cmd"), sure="yes")
    admin.send(admin.get(archived).text, f"{archived}/archive")
    add_product(admin, unique(desk, "p"), title="A & B", days="30", sure="yes")
    admin.post("/tokens", **once(), name=unique(desk, "ci"), **{"may:licenses:read": "yes"})
    propose(desk, guarded)
    DeskUser(desk, "auditor")
    return admin


def propose(desk: Desk, product: str) -> None:
    """Propose a licence of a product that needs approval."""
    order = {"customer": "ACME", "product": product, "days": 30, "host": "5" * 40}
    reply = desk.client.post("/api/v1/licenses", json=order, headers=desk.bearer)
    assert reply.status_code == 202, reply.text


@pytest.mark.parametrize("room", LISTS)
def test_sheet_says_what_the_screen_says_in_four_time_zones_and_both_languages(
    desk: Desk, filled: DeskUser, room: str
) -> None:
    every = ",".join(LISTS[room].columns)
    # Of the audit log the newest, which have no long texts: those the screen cuts.
    query = {"columns": every} | ({"actor": filled.email} if room == "record" else {})
    for language in ("en", "zh"):
        for zone in READERS:
            filled.enter()
            desk.client.cookies.set("hostseal_zone", zone)
            desk.client.cookies.set("hostseal_language", language)
            page = filled.get(f"/{room}", **query).text
            screen, written = shown(page), sheet(filled, page)
            headings = [one.replace(f" ({zone})", "") for one in written[0]]
            assert headings == [one for one in screen.headings if one not in ("Choose", "选择")]
            width = len(headings)
            rows = [row[-width:] for row in screen.rows]
            assert rows
            told = [[as_on_screen(cell) for cell in row] for row in written[1 : len(rows) + 1]]
            assert told == [[one_line(cell) for cell in row] for row in rows]


def one_line(cell: str) -> str:
    """A cell with one kind of marks."""
    return " ".join(cell.replace("；", "; ").replace("：", ": ").split())


def as_on_screen(cell: str) -> str:
    """A cell of the sheet, with what is not seen written out."""
    return printable(one_line(cell))


SORTED = [(room, by) for room, one in LISTS.items() for by in sorted(one.sorts) if room != "record"]


@pytest.mark.parametrize(("room", "by"), SORTED)
def test_each_list_is_sorted_both_ways(filled: DeskUser, room: str, by: str) -> None:
    up = sheet(filled, filled.get(f"/{room}", sort=by).text)[1:]
    down = sheet(filled, filled.get(f"/{room}", sort=f"-{by}").text)[1:]
    own = sheet(filled, filled.get(f"/{room}").text)[1:]
    assert sorted(up) == sorted(down) == sorted(own)
    page = filled.get(f"/{room}", sort=by).text
    assert 'aria-sort="ascending"' in filled.get(f"/{room}", sort=by, columns=by).text
    screen = [row[-len(up[0]) :] for row in shown(page).rows]
    keys = [as_on_screen(row[0]) for row in up[: len(screen)]]
    assert [one_line(row[0]) for row in screen] == keys


def test_columns_are_chosen_and_kept_with_the_order(filled: DeskUser) -> None:
    page = filled.get("/customers", columns="notes,language", sort="-name").text
    assert shown(page).headings == ["Name", "Language", "Notes"]
    assert 'href="/customers?columns=language%2Cnotes&amp;sort=name"' in page
    assert "line 1 line 2" in [row[2] for row in shown(page).rows]


def test_total_and_next_page_are_told(
    desk: Desk, admin: DeskUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = unique(desk, "Pg")
    for number in range(3):
        add_customer(admin, f"{mark} {number}", sure="yes")
    monkeypatch.setattr("license_server.web.customers.LIST", customer_list.LIST._replace(page=2))
    for sort in ("", "-name"):
        first = admin.get("/customers", q=mark, sort=sort).text
        assert "1–2 of 3" in first
        later = re.search(r'rel="next" href="([^"]+)"', first)
        assert later
        assert "3–3 of 3" in admin.get(unescape(later[1])).text


def test_list_too_long_to_be_sorted_says_so(
    desk: Desk, admin: DeskUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        add_customer(admin, unique(desk, f"Many {number}"), sure="yes")
    monkeypatch.setattr("license_server.db.sorted_rows.MOST_SORTED", 2)
    page = admin.get("/customers", sort="-name").text
    assert "too many to be sorted" in page
    names = [row[0] for row in shown(page).rows]
    assert names == sorted(names)
    assert len(sheet(admin, page)) > len(names)


def test_words_of_the_lists_are_translated() -> None:
    said = {column.heading for one in LISTS.values() for column in one.columns.values()}
    said |= {"archived", "in use", "enabled", "disabled", "unlimited", "not needed", "limited"}
    said |= {words for words, _ in proposal_list._STATES.values()} | {*token_list._MARKS}
    assert said - catalogue.translated() == set()


def test_lists_are_sorted_by_columns_that_they_have() -> None:
    for one in LISTS.values():
        assert one.sorts <= set(one.columns)
        assert set(one.standard) <= set(one.columns)
    assert proposal_list.LIST.sorts == set(PROPOSAL_SORTS)


def test_customers_of_the_list_can_be_exported_and_imported_again(
    desk: Desk, admin: DeskUser
) -> None:
    name = unique(desk, "Round")
    add_customer(admin, name, contact_name="Ann", notes="1\n2", language="en")
    page = admin.get("/customers", q=name).text
    address = re.search(r'href="(/customers/customers\.csv[^"]*)"', page)
    assert address
    content = admin.get(unescape(address[1])).content.decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(content))
    assert (row["name"], row["contact_name"], row["notes"]) == (name, "Ann", "1\n2")
    reply = admin.send(admin.get("/sheets").text, "/sheets", sheet=content)
    look = admin.get(reply.headers["location"]).text
    assert reply.headers["location"].startswith("/sheets/customers/")
    assert "already there" in look
