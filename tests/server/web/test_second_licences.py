"""An import says before of which rows the host has a licence of the same customer and product."""

import re
from html import unescape

from tests.support.desk import Desk, unique
from tests.support.desk_forms import exported, host, upload
from tests.support.desk_user import DeskUser
from tests.support.server import LINE

OTHER = '["' + "77" * 20 + '", "studio2_gpu"]'
FAR = '["' + "88" * 20 + '", "elsewhere"]'


def text_of(page: str) -> str:
    return " ".join(unescape(re.sub("<[^>]*>", "", page)).split())


def test_preview_names_the_licence_that_a_host_has_already(desk: Desk, admin: DeskUser) -> None:
    name = unique(desk, "Second")
    number = admin.issue(customer=name, host=LINE)
    admin.issue(customer=unique(desk, "Else"), host=FAR)
    rows = (LINE, OTHER, FAR)
    text = "customer,product,host,days\n" + "".join(
        f"{name},darwin,{host(line)},30\n" for line in rows
    )
    job = upload(admin, text)
    page = admin.get(job).text
    assert "2 rows for hosts that have a licence" in text_of(page)
    assert f"has a valid licence for darwin on this host already: {number}." in text_of(page)
    assert f"on what may be the same host: {number}." in text_of(page)
    told = [one["detail"] for one in exported(admin.get(f"{job}/result.csv"))]
    assert [number in detail for detail in told] == [True, True, False]
    moved = admin.followed(admin.send(page, f"/licenses/{number}/rehost", step="instead"))
    assert moved.status_code == 200
    assert "77" * 20 in moved.text


def test_rows_that_replace_move_or_are_of_others_are_not_warned_of(
    desk: Desk, admin: DeskUser
) -> None:
    name = unique(desk, "Fine")
    number = admin.issue(customer=name, host=LINE)
    over = admin.issue(customer=name, host=FAR)
    admin.do(over, "revoke", reason="x")
    text = (
        "customer,product,host,days,replaces\n"
        f"{name},darwin,{host(LINE)},30,{number}\n"
        f"{name},bulk,{host(LINE)},30,\n"
        f"{name},darwin,{host(FAR)},30,\n"
        f"{unique(desk, 'Other')},darwin,{host(LINE)},30,\n"
    )
    job = upload(admin, text)
    assert "that have a licence" not in admin.get(job).text
    told = [one["detail"] for one in exported(admin.get(f"{job}/result.csv"))]
    assert not [detail for detail in told if "already" in detail]


def test_two_rows_for_one_host_are_told_once_each(desk: Desk, admin: DeskUser) -> None:
    name = unique(desk, "Twins")
    text = "customer,product,host,days\n" + "".join(
        f"{name},darwin,{host(LINE)},{days}\n" for days in (30, 60, 60)
    )
    job = upload(admin, text)
    told = [one["detail"] for one in exported(admin.get(f"{job}/result.csv"))]
    assert told == [
        "",
        "Row 2 of the file is for the same customer, product and host.",
        "Row 3 of the file says the very same.",
    ]


def test_row_whose_contact_a_customer_does_not_get_is_told(desk: Desk, admin: DeskUser) -> None:
    there, new = unique(desk, "There"), unique(desk, "New")
    admin.issue(customer=there, host=FAR)
    text = "customer,product,host,days,contact_email\n" + "".join(
        f"{name},darwin,{host(line)},30,ops@{name}.example\n"
        for name, line in ((there, LINE), (new, OTHER))
    )
    job = upload(admin, text)
    told = [one["detail"] for one in exported(admin.get(f"{job}/result.csv"))]
    assert told[0].startswith(f"The customer {there} exists already; the contact in this row")
    assert told[1] == ""
