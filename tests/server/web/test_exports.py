"""Downloads at the desk: licences as CSV, and the files of an import."""

import io
import re
import zipfile
from urllib.parse import urlencode

from tests.support.desk import Desk, unique
from tests.support.desk_forms import add_customer, add_product, exported, host, upload
from tests.support.desk_user import DeskUser
from tests.support.pages import faults


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
    assert [one["state"] for one in exported(admin.get(export))] == ["active"]
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
    for number, entry in zip(numbers, packed.namelist(), strict=True):
        assert re.fullmatch(rf"{number}_[\w-]+/license\.dat", entry)
        assert "云" in entry
        assert f'href="/licenses/{number}/license.dat"' in page
        assert packed.read(entry) == admin.get(f"/licenses/{number}/license.dat").content
