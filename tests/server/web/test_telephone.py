"""A telephone code at the desk: it is a host everywhere, and a wrong one says what to ask again."""

import os
from html import unescape
from typing import Any

import pytest

from license_core import phonecode
from license_core.verify import open_license
from tests.support import server
from tests.support.desk import Desk, unique
from tests.support.desk_user import DeskUser
from tests.support.pages import all_hidden, preview, text_of


class Spoken:
    """A host whose key is read aloud."""

    def __init__(self) -> None:
        self.key = os.urandom(20).hex()
        self.name = f"box-{self.key[:4]}"
        self.groups = phonecode.groups(self.key)
        self.code = " ".join(self.groups)
        digit = str((int(self.groups[5][2]) + 1) % 10)
        self.misheard = self.code[:37] + digit + self.code[38:]
        assert self.misheard != self.code


@pytest.fixture
def spoken() -> Spoken:
    return Spoken()


@pytest.fixture
def issuer(desk: Desk) -> DeskUser:
    return DeskUser(desk, "issuer")


def test_code_that_was_typed_becomes_a_licence_for_its_host(
    signed_in: Desk, spoken: Spoken
) -> None:
    page = preview(signed_in, host=f"{spoken.code}\n{spoken.name}").text
    assert spoken.key in page
    assert spoken.name in page
    issued = signed_in.client.post("/licenses", data=all_hidden(page))
    address = issued.headers["location"].partition("?")[0]
    file = signed_in.client.get(f"{address}/license.dat").content
    license_ = open_license(file, roots=server.roots(signed_in.settings.data)).license
    assert (license_.host.key, license_.host.name) == (spoken.key, spoken.name)


def test_wrong_code_issues_nothing_and_names_the_group(signed_in: Desk, spoken: Spoken) -> None:
    before = signed_in.count("licenses")
    page = preview(signed_in, host=spoken.misheard)
    assert "group 6 of the telephone code is wrong (line 2, group 2)" in unescape(page.text)
    assert signed_in.count("licenses") == before


def test_form_says_what_it_has_heard_while_it_is_typed(issuer: DeskUser, spoken: Spoken) -> None:
    def reading(text: str) -> str:
        return text_of(issuer.post("/licenses/reading", host=text))

    begun = reading(" ".join(spoken.groups[:5]))
    assert "groups 1 to 5 of the telephone code are right" in begun
    assert "group 6 of the telephone code is wrong" in reading(spoken.misheard)
    assert "No hostname came with the key" in reading(spoken.code)
    whole = reading(f"{spoken.code}, {spoken.name}")
    assert spoken.key in whole
    assert "No hostname came with the key" not in whole


def test_licence_is_found_by_the_code_of_its_host(issuer: DeskUser, spoken: Spoken) -> None:
    number = issuer.issue(host=f"{spoken.code} {spoken.name}", customer=unique(issuer.desk, "tel"))
    for path in ("/find", "/licenses"):
        assert number in issuer.get(path, q=spoken.code).text
        assert number in issuer.get(path, q=spoken.code.replace(" ", "-")).text
        refused = issuer.get(path, q=spoken.misheard)
        assert "group 6 of the telephone code is wrong" in unescape(refused.text)
        assert number not in refused.text
    found = api(issuer, "find", spoken.code)
    assert [one["id"] for one in found.json()["licenses"]] == [number]
    assert number in api(issuer, "licenses", spoken.code).text
    for resource in ("find", "licenses"):
        refused = api(issuer, resource, spoken.misheard)
        assert refused.json()["type"].endswith("input-invalid")
        assert "group 6 of the telephone code" in refused.text


def api(issuer: DeskUser, resource: str, typed: str) -> Any:
    desk = issuer.desk
    return desk.client.get(f"/api/v1/{resource}", params={"q": typed}, headers=desk.bearer)


def test_order_of_a_program_with_a_wrong_code_is_refused(issuer: DeskUser, spoken: Spoken) -> None:
    desk = issuer.desk
    order = {"customer": "ACME", "product": "darwin", "days": 30, "host": spoken.misheard}
    reply = desk.client.post("/api/v1/licenses", json=order, headers=desk.bearer)
    assert reply.json()["type"].endswith("request-damaged")
    assert "group 6 of the telephone code" in reply.text


def test_why_it_stopped_is_answered_for_a_code(issuer: DeskUser, spoken: Spoken) -> None:
    number = issuer.issue(host=f"{spoken.code} {spoken.name}", customer=unique(issuer.desk, "tel"))
    assert number in issuer.post("/why", text=spoken.code).text
    refused = issuer.post("/why", text=spoken.misheard).text
    assert "group 6 of the telephone code is wrong" in unescape(refused)


def test_wrong_code_is_said_in_chinese(issuer: DeskUser, spoken: Spoken) -> None:
    issuer.enter()
    given = {"Accept-Language": "zh"}
    page = issuer.desk.client.get("/find", params={"q": spoken.misheard}, headers=given).text
    assert "口述码的第 6 组有误（第 2 行第 2 组）" in page
