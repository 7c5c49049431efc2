"""Giving back at the desk: a pasted text ends its licence, and what proves nothing asks first."""

import os

import pytest

from license_core import giveback
from license_core.giveback import Returned
from license_core.request import LicenseRequest
from tests.support.asked import filed
from tests.support.desk import Desk, stored, trail, unique
from tests.support.desk_user import DeskUser
from tests.support.pages import faults, fields_of, text_of
from tests.support.server import KEY


@pytest.fixture
def issuer(desk: Desk) -> DeskUser:
    return DeskUser(desk, "administrator")


@pytest.fixture
def secret() -> bytes:
    """Of this test: one that was revealed proves nothing for another licence."""
    return os.urandom(32)


def issued(issuer: DeskUser, secret: bytes) -> str:
    asked = LicenseRequest(KEY, "studio2_gpu", return_digest=giveback.digest_of(secret))
    return issuer.issue(customer=unique(issuer.desk, "c"), host=asked.to_text())


def text_of_return(number: str, secret: bytes | None) -> str:
    return Returned(number, 1_795_000_000, secret).to_text()


def test_pasted_text_that_proves_it_ends_the_licence_with_one_click(
    issuer: DeskUser, secret: bytes
) -> None:
    number = issued(issuer, secret)
    page = issuer.post("/why", text=f"Hello,\n> {text_of_return(number, secret)}\nRegards")
    assert "proves that the text is from its host" in text_of(page)
    done = issuer.send(page.text, f"/licenses/{number}/return", step="do")
    shown = text_of(issuer.get(done.headers["location"]))
    assert "Given back." in shown
    assert "given back" in shown
    assert stored(issuer.desk, number).state == "returned"
    assert trail(issuer.desk, number)[-1][1] == "license.returned"
    again = text_of(issuer.post("/why", text=text_of_return(number, secret)))
    assert f"{number} was given back." in again
    assert "The licence was given back." in text_of(issuer.get(f"/licenses/{number}/renew"))


def test_text_that_proves_nothing_leads_to_a_form_that_asks(
    issuer: DeskUser, secret: bytes
) -> None:
    number = issued(issuer, secret)
    page = issuer.post("/why", text=text_of_return(number, None))
    assert "proves nothing" in text_of(page)
    action = f"/licenses/{number}/return"
    form = issuer.send(page.text, action, step="fill")
    assert "End it without evidence" in text_of(form)
    assert "It cannot rule out that a copy of the host is restored later" in text_of(form)
    filled = fields_of(form.text)
    del filled["unproven"]  # a box that is not ticked
    assert giveback.parse(filled["text"]) is not None
    refused = issuer.post(action, **filled | {"step": "do"})
    assert "nothing proves that the licence was removed" in faults(refused.text)["unproven"]
    assert stored(issuer.desk, number).state == "active"
    issuer.post(action, **fields_of(refused.text) | {"step": "do", "unproven": "yes"})
    assert stored(issuer.desk, number).state == "returned"


def test_text_of_another_licence_and_a_damaged_one_are_told_at_the_field(
    issuer: DeskUser,
    secret: bytes,
) -> None:
    number = issued(issuer, secret)
    action = f"/licenses/{number}/return"
    form = fields_of(issuer.get(action).text)
    for text, told in (
        (text_of_return("HS-2026-AAAAAAAA", secret), "it is of the licence HS-2026-AAAAAAAA"),
        (text_of_return(number, bytes(32)), "not the one that the licence names"),
        (text_of_return(number, secret)[:-30], "it is damaged"),
        ("we gave it back", "it is not what return prints"),
    ):
        refused = issuer.post(action, **form | {"step": "do", "text": text})
        assert told in faults(refused.text)["text"]
    damaged = issuer.post("/why", text=text_of_return(number, secret)[:-30])
    assert "the return text is damaged" in text_of(damaged)


def test_request_with_such_a_text_offers_to_end_the_licence(
    issuer: DeskUser, secret: bytes
) -> None:
    number = issued(issuer, secret)
    id_ = filed(issuer.desk, f"We do not need it any more.\n{text_of_return(number, secret)}")
    page = issuer.get(f"/requests/{id_}")
    done = issuer.send(page.text, f"/licenses/{number}/return", step="do")
    assert done.status_code == 303
    assert stored(issuer.desk, number).state == "returned"
    again = text_of(issuer.get(f"/requests/{id_}"))
    assert f"{number} was given back." in again
    assert f"End {number} as given back" not in again
