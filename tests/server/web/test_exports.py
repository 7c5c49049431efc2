"""Downloads at the desk: licences as CSV, and the files of an import."""

import io
import re
import zipfile
from html import unescape
from urllib.parse import urlencode

from tests.support.desk import Desk, unique
from tests.support.desk_forms import add_customer, add_product, exported, host, upload
from tests.support.desk_user import DeskUser
from tests.support.pages import faults

FOR_PROGRAMS = r'href="(/sheets/licenses\.csv[^"]*)" download="licenses.csv">Export all columns'
"""The link to all columns, under the names that programs know."""


def test_export_contains_the_filtered_licences(desk: Desk, admin: DeskUser) -> None:
    product, name = unique(desk, "out"), unique(desk, "Out")
    text = "customer,product,host,days\n" + "".join(
        f"{name} {n},{product},{host()},30\n" for n in range(3)
    )
    job = upload(admin, text)
    admin.send(admin.get(job).text, f"{job}/issue")
    export = "/sheets/licenses.csv?product=" + product
    assert len(exported(admin.get(export))) == 3
    (only,) = exported(admin.get(f"{export}&customer={name.replace(' ', '+')}+1&state=active"))
    assert only["customer"] == f"{name} 1"
    assert exported(admin.get(f"{export}&state=revoked")) == []
    assert [
        one["customer"] for one in exported(admin.get(f"{export}&q={only['number'][-8:]}"))
    ] == [f"{name} 1"]
    assert len(exported(admin.get(f"{export}&expires_from=2000-01-01"))) == 3
    assert exported(admin.get(f"{export}&expires_until=2000-01-01")) == []
    assert "expires_from" in faults(admin.get(f"{export}&expires_from=soon").text)
    listed = admin.get(f"/licenses?product={product}&q={only['number'][-8:]}").text
    link = re.search(FOR_PROGRAMS, listed)
    assert link is not None
    assert [one["number"] for one in exported(admin.get(unescape(link[1])))] == [only["number"]]
    assert admin.get(f"{export}&state=lost").status_code == 422


def test_export_with_unknown_filter_values_is_rejected(desk: Desk, admin: DeskUser) -> None:
    product, name = unique(desk, "none"), unique(desk, "None")
    add_product(admin, product)
    path = add_customer(admin, name)
    typed = {"customer": f"{name}x", "product": f"{product}x", "state": "lost"}
    reply = admin.get("/sheets/licenses.csv?" + urlencode(typed))
    assert reply.status_code == 422
    assert faults(reply.text).keys() == {"product", "customer", "state"}
    assert "no customer has just this name" in faults(reply.text)["customer"]
    assert f'value="{name}x"' in reply.text
    link = re.search(r'href="(/sheets/licenses\.csv\?[^"]+)"', admin.get(path).text)
    assert link is None  # nobody has a licence there yet
    assert exported(admin.get("/sheets/licenses.csv?" + urlencode({"customer": name}))) == []


def test_export_shows_expired_licences_as_expired(desk: Desk, admin: DeskUser) -> None:
    product = unique(desk, "over")
    job = upload(
        admin, f"customer,product,host,days\n{unique(desk, 'Over')},{product},{host()},1\n"
    )
    admin.send(admin.get(job).text, f"{job}/issue")
    export = f"/sheets/licenses.csv?product={product}"
    assert [one["state"] for one in exported(admin.get(export))] == ["valid"]
    desk.clock.now += 3 * 86400
    admin = DeskUser(desk)  # the former session is over, too
    assert [one["state"] for one in exported(admin.get(export))] == ["expired"]
    assert len(exported(admin.get(f"{export}&state=expired"))) == 1
    assert exported(admin.get(f"{export}&state=valid")) == []


def test_licence_files_of_an_import_download_as_a_zip(desk: Desk, admin: DeskUser) -> None:
    """And each by itself; nothing in it leads out of its folder."""
    name = f"../{unique(desk, 'Zip 云')}"
    lines = "".join(f"{name},bulk,{host()},{n + 1}\n" for n in range(3))
    job = upload(admin, f"customer,product,host,days\n{lines}{name},bulk,nonsense,3\n")
    assert zipfile.ZipFile(io.BytesIO(admin.get(f"{job}/files.zip").content)).namelist() == []
    admin.send(admin.get(job).text, f"{job}/issue", skip="yes")
    page = admin.get(job).text
    numbers = re.findall(r'href="/licenses/(HS-[\w-]+)"', page)
    assert len(numbers) == 3
    packed = zipfile.ZipFile(io.BytesIO(admin.get(f"{job}/files.zip").content))
    assert packed.testzip() is None
    entries = [one for one in packed.namelist() if one.endswith("license.dat")]
    for number, entry in zip(numbers, entries, strict=True):
        assert re.fullmatch(rf"{number}_[\w-]+/license\.dat", entry)
        assert "云" in entry
        assert f'href="/licenses/{number}/license.dat"' in page
        assert packed.read(entry) == admin.get(f"/licenses/{number}/license.dat").content


READERS = ("UTC", "Asia/Shanghai", "America/New_York", "Pacific/Kiritimati")
STATES = {"in grace": "grace"}
"""The words of the screen that the sheet has otherwise."""


def listed(page: str) -> list[dict[str, str]]:
    """The rows of the list of licences, as people read them."""
    rows = []
    for row in re.findall(r"<tr><th scope=\"row\" class=\"number\".*?</tr>", page, re.DOTALL):
        cells = re.findall(r'data-label="([^"]+)"[^>]*>(.*?)</t[hd]>', row, re.DOTALL)
        texts = {name: re.sub(r"<br>", " ", cell) for name, cell in cells}
        rows.append(
            {name: unescape(re.sub(r"<[^>]*>", "", text)).strip() for name, text in texts.items()}
        )
    return rows


def as_listed(row: dict[str, str]) -> tuple[str, ...]:
    """A row of the sheet, as the list has it."""
    last = f"{row['last_day']} {row['time_zone']}" if row["last_day"] else "perpetual"
    return row["number"], row["customer"], row["product"], last, row["state"]


def test_the_sheet_says_what_the_screen_says_row_by_row_in_four_time_zones(
    desk: Desk, admin: DeskUser
) -> None:
    product, day = unique(desk, "sheet"), "2028-12-31"
    for zone in READERS:
        for last in ("2028-12-30", day, "2029-01-01"):
            admin.issue(product=product, days=None, expires=last, time_zone=zone)
    admin.issue(product=product, days=None, perpetual=True)
    admin.issue(product=product, days=1, grace_days=400, customer="Late GmbH")
    gone = admin.issue(product=product, days=40)
    admin.do(gone, "revoke", reason="x")
    desk.clock.now += 5 * 86400
    admin = DeskUser(desk)
    queries: tuple[dict[str, str], ...] = (
        {},
        {"expires_from": day},
        {"expires_until": day},
        {"expires_from": day, "expires_until": day},
        {"state": "grace"},
        {"state": "valid", "expires_until": day},
        {"customer": "Late GmbH"},
    )
    counts = set()
    for query in queries:
        for reader in READERS:
            admin.enter()
            desk.client.cookies.set("hostseal_zone", reader)
            page = admin.get("/licenses", product=product, **query).text
            shown = [
                (
                    row["Number"],
                    row["Customer"],
                    row["Product"],
                    row["Last day"],
                    STATES.get(row["State"], row["State"]),
                )
                for row in listed(page)
            ]
            link = re.search(FOR_PROGRAMS, page)
            assert link is not None
            assert [as_listed(row) for row in exported(admin.get(unescape(link[1])))] == shown
            counts.add((tuple(query.items()), len(shown)))
    expected = (15, 8, 10, 4, 1, 8, 1)
    assert counts == {(tuple(q.items()), n) for q, n in zip(queries, expected, strict=True)}
