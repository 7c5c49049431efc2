"""A licence by QR codes: what a camera reads off the page installs, and a host line becomes one."""

import re
from html import unescape
from pathlib import Path
from urllib.parse import quote

import pytest

from license_core import hostline, qr, received
from license_core.request import LicenseRequest
from license_server.web import qr_codes
from tests.support import qr_reader
from tests.support.cli import World
from tests.support.desk import Desk, unique
from tests.support.desk_user import DeskUser
from tests.support.pages import all_hidden, preview


@pytest.fixture
def issuer(desk: Desk) -> DeskUser:
    return DeskUser(desk, "issuer")


def codes_on(page: str) -> list[str]:
    """What a camera reads of each code on a page."""
    found = []
    for drawn in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        (text,) = qr_reader.read(qr_reader.of_svg(drawn))
        found.append(text)
    return found


@pytest.fixture
def world(tmp_path: Path, desk: Desk) -> World:
    """An operator who trusts this vendor."""
    made = World(tmp_path, desk.clock.now)
    root = (desk.settings.data / "root.pub.pem").read_text("ascii")
    (made.keys / "root.pub.pem").write_text(root, "ascii")
    return made


def test_host_line_and_licence_travel_by_qr_codes_and_install(
    signed_in: Desk, world: World
) -> None:
    shown = world.run("get_host_key", "--qr").out
    (line,) = qr_reader.read(qr_reader.of_terminal(shown))
    page = preview(signed_in, host=line, limits="gpus=4").text
    issued = signed_in.client.post("/licenses", data=all_hidden(page))
    address = issued.headers["location"].partition("?")[0]
    assert f"{address}/qr" in signed_in.client.get(address).text
    told = signed_in.client.get(f"{address}/qr").text
    texts = codes_on(told)
    assert len(texts) == 2
    assert "in any order" in told
    done = world.run("install", "-", stdin="\n".join(reversed(texts)).encode())
    assert done.exit_code == 0, done.err
    assert world.run("verify").exit_code == 0


def test_links_that_were_scanned_are_read_as_what_they_carry() -> None:
    key = "55917890141cb1c89accc5e53a929acb1867c42c"
    asked = LicenseRequest(key, "studio2_gpu", tags=dict.fromkeys(("hostname", "ip"), "0" * 16))
    for text, found in (
        (hostline.write(key, "studio2_gpu"), LicenseRequest(key, "studio2_gpu")),
        (asked.to_text(), asked),
    ):
        link = f"https://desk.example.com/licenses/new#host={quote(text, safe='')}"
        assert received.parse(link) == found


def test_file_is_cut_into_codes_that_telephones_read() -> None:
    short = "-----BEGIN LICENSE-----\nAAAA\n-----END LICENSE-----"
    assert qr_codes.parts(f"For people.\n\n{short}\n") == [short]
    long = short.replace("AAAA", "\n".join(["A" * 64] * 30))
    parts = qr_codes.parts(f"For people.\n{long}\n{short}\n")
    assert "\n".join(parts) == f"{long}\n{short}"
    assert qr_codes.is_cut(parts)
    assert not qr_codes.is_cut([short, short])
    assert all(qr.version_of(qr.encode(part)) <= 20 for part in parts)


def test_page_of_codes_is_in_chinese_too_and_of_a_licence_that_there_is(issuer: DeskUser) -> None:
    number = issuer.issue(customer=unique(issuer.desk, "qr"))
    issuer.enter()
    given = {"Accept-Language": "zh"}
    page = issuer.desk.client.get(f"/licenses/{number}/qr", headers=given).text
    assert f"{number} 的二维码" in unescape(page)
    assert issuer.get("/licenses/HS-2026-00000000/qr").status_code == 404


def test_no_other_site_gets_the_camera(issuer: DeskUser) -> None:
    assert "camera=(self)" in issuer.get("/licenses/new").headers["permissions-policy"]
