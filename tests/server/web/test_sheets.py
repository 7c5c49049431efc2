"""Imports at the desk: uploaded, previewed, issued row by row."""

import csv
import io
import re
from html import unescape

from license_server.http import middleware
from license_server.licenses import license_store
from license_server.sheets import (
    order_sheet,
    preview,
)
from license_server.web import sheets
from tests.support.attacks import ATTACKS, RTL
from tests.support.catalogue import translated
from tests.support.desk import Desk, last_event, stored, unique
from tests.support.desk_forms import add_product, exported, host, upload
from tests.support.desk_user import DeskUser
from tests.support.pages import faults, form
from tests.support.server import LINE


def test_import_is_previewed_then_issued_and_reported_row_by_row(
    desk: Desk, admin: DeskUser
) -> None:
    name, before = unique(desk, "批量"), desk.count("licenses")
    text = f"customer,product,host,days\n{name},bulk,{host()},30\n{name} 2,bulk,{host()},60\n"
    job = upload(admin, text)
    page = admin.get(job).text
    assert name in page
    assert re.search(r"<strong>2</strong>\s*valid rows", page)
    assert desk.count("licenses") == before
    assert admin.send(page, f"{job}/issue").headers["location"] == job
    assert desk.count("licenses") == before + 2
    shown = admin.get(job).text
    assert "2 of 2 rows done: 2 issued, 0 skipped." in shown
    numbers = re.findall(r'href="/licenses/(HS-[\w-]+)"', shown)
    result = exported(admin.get(f"{job}/result.csv"))
    assert [(one["line"], one["customer"], one["license"]) for one in result] == [
        ("2", name, numbers[0]),
        ("3", f"{name} 2", numbers[1]),
    ]
    assert last_event(desk, numbers[0])[:2] == (f"user:{admin.email}", "license.issued")
    assert job in admin.get("/sheets").text


def test_preview_says_of_each_row_what_it_takes_away(desk: Desk, admin: DeskUser) -> None:
    former = admin.issue(days=400, features=["export", "train"], limits={"gpus": 4})
    order = stored(desk, former)
    text = (
        "customer,product,host,days,replaces,limits\n"
        f"{order.customer},{order.product},{host()},30,{former},gpus=2\n"
        f"{unique(desk, 'New')},bulk,{host()},30,,gpus=2\n"
    )
    job = upload(admin, text)
    page = " ".join(unescape(re.sub("<[^>]*>", "", admin.get(job).text)).split())
    assert "1 row that takes something away" in page
    assert f"The new licence grants less than {former}: without export, train; gpus 2" in page
    told = [one["detail"] for one in exported(admin.get(f"{job}/result.csv"))]
    assert f"The new licence grants less than {former}: without export" in told[0]
    assert told[1] == ""


def test_csv_file_uploaded_or_issued_twice_is_imported_once(desk: Desk, admin: DeskUser) -> None:
    text = f"customer,product,host,days\n{unique(desk, 'Once')},bulk,{host()},30\n"
    job = upload(admin, text)
    fields = form(admin.get(job).text, f"{job}/issue")
    before = desk.count("licenses")
    for _ in range(2):
        assert admin.post(f"{job}/issue", **fields).status_code == 303
    assert upload(admin, text) == job
    assert "Importing the same file again leads back here" in admin.get(job).text
    assert desk.count("licenses") == before + 1


def test_wrong_rows_are_listed_and_skipped_only_on_request(desk: Desk, admin: DeskUser) -> None:
    name, before = unique(desk, "Part"), desk.count("licenses")
    product = unique(desk, "four-eyes")
    add_product(admin, product, needs_approval="yes")
    lines = (
        f"{name},bulk,{host()},30",
        f"{name},bulk,nonsense,30",
        f"{name},bulk,{host()},many",
        f"{name},{product},{host()},30",
    )
    job = upload(admin, "customer,product,host,days\n" + "\n".join(lines) + "\n")
    page = admin.get(job).text
    assert "No host key found" in page
    assert "is not a whole number from 1 to 36500" in page
    assert "must be approved individually" in page
    refused = admin.send(page, f"{job}/issue")
    assert (refused.status_code, set(faults(refused.text))) == (422, {"skip"})
    assert desk.count("licenses") == before
    assert admin.send(page, f"{job}/issue", skip="yes").status_code == 303
    assert desk.count("licenses") == before + 1
    shown = admin.get(job).text
    assert "4 of 4 rows done: 1 issued, 3 skipped." in shown
    assert "No host key found" in shown
    result = exported(admin.get(f"{job}/result.csv"))
    assert result[0]["problem"] == ""
    assert [one["column"] for one in result[2:]] == ["days", "product"]


def test_malformed_csv_is_marked_and_its_text_kept(desk: Desk, admin: DeskUser) -> None:
    for text in ("", "customer,salary\nA,1\n", 'customer,host\nA,"b\n', "customer\nA,b,c\n"):
        reply = admin.send(admin.get("/sheets").text, "/sheets", sheet=text)
        assert reply.status_code == 422
        assert faults(reply.text).keys() == {"sheet"}
        assert form(reply.text, "/sheets")["sheet"].strip() == text.strip()
    empty = upload(admin, "customer,product,host,days\n")
    assert "No rows below the column names" in admin.get(empty).text


def test_import_form_accepts_larger_bodies_up_to_a_limit(desk: Desk, admin: DeskUser) -> None:
    lines = "".join(f"{'长' * 60},bulk,{host()},{n % 90 + 1}\n" for n in range(2000))
    assert len(lines) > middleware.MAX_BODY
    job = upload(admin, f"customer,product,host,days\n{lines}")
    page = admin.get(job)
    assert re.search(r"<strong>2000</strong>\s*valid rows", page.text)
    assert len(page.content) < 100_000
    assert admin.post("/sheets", sheet="x" * (sheets.SHEET_CAPS["/sheets"] + 1)).status_code == 413
    assert admin.post("/customers", name="x" * (middleware.MAX_BODY + 1)).status_code == 413


def test_large_rejected_csv_text_is_not_sent_back(desk: Desk, admin: DeskUser) -> None:
    for size, kept in ((sheets.MOST_SHOWN, True), (sheets.MOST_SHOWN + 1, False)):
        reply = admin.post("/sheets", sheet="x" * size)
        assert reply.status_code == 422
        assert faults(reply.text).keys() == {"sheet"}
        assert bool(form(reply.text, "/sheets")["sheet"]) is kept


def test_import_preview_is_cached_for_a_minute_but_issuing_checks_again(
    desk: Desk, admin: DeskUser
) -> None:
    name = unique(desk, "Looked")
    product = unique(desk, "looked")
    job = upload(admin, f"customer,product,host,days\n{name},{product},{host()},30\n")
    right = re.compile(r"<strong>1</strong>\s*valid row<")
    assert right.search(admin.get(job).text)
    add_product(admin, product, needs_approval="yes")
    desk.clock.now += preview.SHOWN_AGAIN_SECONDS - 1
    page = admin.get(job).text
    assert right.search(page)
    # It is not begun on the word of an earlier look.
    assert admin.send(page, f"{job}/issue").status_code == 412
    assert "must be approved individually" in admin.get(job).text


def test_number_of_cached_previews_is_limited(desk: Desk, admin: DeskUser) -> None:
    previews, now = preview.Previews(most=2), desk.clock.now
    made = []
    for n in range(3):
        name = f"{unique(desk, 'Few')} {n}"
        job = upload(admin, f"customer,product,host,days\n{name},p,{host()},3\n")
        made.append(previews.show(desk.site, job.rpartition("/")[2], admin.session.actor, now))
    assert len(previews) == 2
    assert previews.show(desk.site, job.rpartition("/")[2], admin.session.actor, now) is made[2]


def test_csv_file_imported_by_another_user_gives_a_warning(desk: Desk, admin: DeskUser) -> None:
    other = DeskUser(desk, "issuer")
    text = f"customer,product,host,days\n{unique(desk, 'Both')},bulk,{host()},30\n"
    job, warning = upload(other, text), "already imported this file"
    mine = upload(admin, text)
    assert warning not in admin.get(mine).text  # they only looked
    page = other.get(job).text
    assert warning not in page
    other.send(page, f"{job}/issue")
    assert f"{other.email} {warning}" in admin.get(mine).text


def test_import_is_visible_only_to_its_user(desk: Desk, admin: DeskUser) -> None:
    job = upload(admin, f"customer,product,host,days\n{unique(desk, 'Mine')},p,{host()},3\n")
    other = DeskUser(desk, "issuer")
    for path in (job, f"{job}/result.csv", f"{job}/progress"):
        assert other.get(path).status_code == 404
    assert other.post(f"{job}/issue").status_code == 404
    reader = DeskUser(desk, "reader")
    assert reader.get(job).status_code == 403
    shown = reader.get("/sheets").text
    assert 'action="/sheets"' not in shown
    assert 'action="/sheets/licenses.csv"' in shown


FORMULAE = ('=HYPERLINK("http://x")', "+1+1", "-1", "@SUM(A1)", "'=1", "=cmd|' /C calc'!A0")


def test_formulas_and_markup_survive_import_and_export_harmlessly(
    desk: Desk, admin: DeskUser
) -> None:
    product = unique(desk, "csv")
    names = [f"{text} {desk.clock.now}" for text in (*FORMULAE, *ATTACKS)]
    sheet = io.StringIO()
    writer = csv.writer(sheet)
    writer.writerow(("customer", "product", "host", "days"))
    writer.writerows((name, product, LINE, 30) for name in names)
    writer.writerow((f"{RTL} {desk.clock.now}", product, LINE, 30))
    job = upload(admin, sheet.getvalue())
    page = admin.get(job).text
    for attack in ATTACKS:
        assert attack in unescape(page)
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "\u202e" not in page
    assert admin.send(page, f"{job}/issue", skip="yes", alike="yes").status_code == 303
    rows = exported(admin.get(f"/sheets/licenses.csv?product={product}"))
    assert len(rows) == len(names)
    for path in (f"/sheets/licenses.csv?product={product}", f"{job}/result.csv"):
        for one in exported(admin.get(path)):
            for field in one.values():
                assert not field.startswith(("=", "+", "-", "@", "\t", "\r")), field
    # What a sheet brings in behind an apostrophe, it takes out behind one: nothing is lost.
    out = {one["customer"].removeprefix("'") for one in rows}
    assert out == {name.removeprefix("'") for name in names}


def test_similar_names_within_one_csv_file_need_confirmation(desk: Desk, admin: DeskUser) -> None:
    name = unique(desk, "Twice")
    text = f"{name},bulk,{host()},3\n{name.upper()} LLC,bulk,{host()},3\n"
    job = upload(admin, f"customer,product,host,days\n{text}")
    page = admin.get(job).text
    assert "(also in this file)" in page
    assert admin.send(page, f"{job}/issue", alike="yes").status_code == 303


def test_example_csv_file_can_be_imported(desk: Desk, admin: DeskUser) -> None:
    text = admin.get("/sheets/example.csv").content.decode("utf-8-sig")
    page = admin.get(upload(admin, text)).text
    assert re.search(r"<strong>2</strong>\s*valid rows", page)
    assert re.search(r"<strong>0</strong>\s*rows with errors", page)


def test_every_csv_column_is_explained_in_both_languages() -> None:
    assert tuple(sheets.COLUMNS) == order_sheet.COLUMNS
    said = {*sheets.COLUMNS.values(), *license_store.STATES, "expired"}
    assert not said - translated()
