"""Chosen licences go out together: as a sheet like the screen, or as files with their letters."""

import csv
import io
import re
import zipfile
from html import unescape
from typing import Any

import pytest

from license_server.web import delivery
from tests.support.desk import Desk, stored, unique
from tests.support.desk_forms import add_customer, add_product
from tests.support.desk_user import DeskUser

EXPORT = "/licenses/export"


def issued(admin: DeskUser, count: int, **members: Any) -> list[str]:
    """The numbers of so many licences, each of a host of its own."""
    lines = [f'["{n:040x}", "box-{n}"]' for n in range(1, count + 1)]
    return [admin.issue(host=line, **members) for line in lines]


def download(user: DeskUser, form: str, numbers: list[str], **more: str) -> Any:
    """What the list gives for the rows of these *numbers*."""
    query = "&".join(f"number={number}" for number in numbers)
    shown = "".join(f"&{name}={text}" for name, text in more.items())
    return user.get(f"{EXPORT}?form={form}&scope=chosen&{query}{shown}")


def unpacked(reply: Any) -> dict[str, str]:
    """The texts of an archive: by number and name; of the sheet by its name."""
    assert reply.status_code == 200, reply.text
    packed = zipfile.ZipFile(io.BytesIO(reply.content))
    assert packed.testzip() is None
    found = {}
    for entry in packed.namelist():
        number = re.match(r"HS-\d{4}-\w{8}", entry)
        name = f"{number[0]} {entry.rpartition('/')[2]}" if number else entry
        found[name] = packed.read(entry).decode("utf-8-sig")
    return found


def test_archive_has_each_file_with_its_letter_in_the_language_of_the_customer(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "AT_ONCE", 2)
    admin = DeskUser(desk)
    chinese, silent = unique(desk, "Zh"), unique(desk, "Silent")
    add_customer(admin, chinese, contact_name="李伟", contact_email="li@x.cn", language="zh")
    product = f"letters{desk.clock.now}"
    page = add_product(admin, product, sure="yes")
    letters = f"{page}/letters/issued"
    own = "Our {number}\nDear {customer}, {contract}\n\n{commands}"
    assert admin.send(admin.get(letters).text, letters, zh=own).status_code == 303
    first, moved = issued(admin, 2, customer=chinese, product=product, contract="PO-7")
    other = admin.issue(customer=silent, product=product)
    found = unpacked(download(DeskUser(desk, "reader"), "zip", [first, moved, other]))
    assert {name.partition(" ")[2] or name for name in found if first in name} == {
        "license.dat",
        "letter.zh.txt",
    }
    assert found[f"{first} letter.zh.txt"].startswith(f"Our {first}\n\nDear {chinese}, PO-7\n")
    assert {f"{other} letter.en.txt", f"{other} letter.zh.txt"} <= found.keys()
    for number in (first, moved, other):
        file = admin.get(f"/licenses/{number}/license.dat").content.decode()
        assert found[f"{number} license.dat"] == file
    rows = list(csv.DictReader(io.StringIO(found["licenses.csv"])))
    assert [(row["license"], row["contact_email"], row["language"]) for row in rows] == [
        (first, "li@x.cn", "zh"),
        (moved, "li@x.cn", "zh"),
        (other, "", ""),
    ]
    assert rows[0]["file"].startswith(first)


def test_letter_in_the_archive_is_that_of_the_page_while_the_licence_holds(
    desk: Desk, admin: DeskUser
) -> None:
    number = admin.issue(customer=unique(desk, "Same"), host='["' + "a" * 40 + '", "gpu-1"]')
    admin.do(number, "rehost", host='["' + "b" * 40 + '", "gpu-2"]', reason="r")
    moved = stored(desk, number).replaced_by or ""
    page = unescape(admin.get(f"/licenses/{moved}?send=1").text)
    found = unpacked(download(admin, "zip", [moved]))
    for language in ("en", "zh"):
        subject, _, text = found[f"{moved} letter.{language}.txt"].partition("\n\n")
        assert subject in page
        assert text.strip() in page
        assert "gpu-1" in text
    admin.do(moved, "revoke", reason="not paid")
    found = unpacked(download(admin, "zip", [number, moved]))  # nobody is to install them
    assert found.keys() == {f"{number} license.dat", f"{moved} license.dat", "licenses.csv"}
    rows = csv.DictReader(io.StringIO(found["licenses.csv"]))
    assert [row["state"] for row in rows] == ["replaced", "revoked"]


def test_sheet_has_the_chosen_rows_with_the_columns_of_the_list(
    desk: Desk, admin: DeskUser
) -> None:
    numbers = issued(admin, 3, customer=unique(desk, "Sheet"), contract="PO-9")
    chosen = [numbers[2], numbers[0]]
    reply = download(admin, "csv", [*chosen, "HS-2026-00000000"], columns="customer,contract")
    rows = list(csv.reader(io.StringIO(reply.content.decode("utf-8-sig"))))
    assert rows[0] == ["Number", "Customer", "Order or contract number"]
    assert [(row[0], row[2]) for row in rows[1:]] == [(number, "PO-9") for number in chosen]


def test_all_that_the_filters_find_are_exported_as_the_list_shows_them(
    desk: Desk, admin: DeskUser
) -> None:
    customer = unique(desk, "All")
    numbers = issued(admin, 3, customer=customer)
    query = {"q": customer, "columns": "customer", "sort": "number", "scope": "all"}
    assert "Download all 3 found" in admin.get("/licenses", q=customer).text
    lead = admin.get(EXPORT, form="csv", **query)
    rows = list(csv.reader(io.StringIO(admin.get(lead.headers["location"]).text)))
    assert [row[0] for row in rows[1:]] == sorted(numbers)
    found = unpacked(admin.get(EXPORT, form="zip", **query))
    assert {name for name in found if name.endswith(".dat")} == {
        f"{n} license.dat" for n in numbers
    }


def test_nothing_chosen_and_unknown_forms_are_said(desk: Desk, admin: DeskUser) -> None:
    nothing = admin.get(f"{EXPORT}?form=zip&scope=chosen")
    assert (nothing.status_code, "No licence was chosen" in nothing.text) == (422, True)
    assert admin.get(f"{EXPORT}?form=doc&scope=all").status_code == 404
