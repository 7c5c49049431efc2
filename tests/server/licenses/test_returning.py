"""A licence is given back: over the API, and what that leaves and gives back."""

import os
from typing import Any

import pytest

from license_core import b64url, giveback
from license_core.giveback import Returned
from license_core.request import LicenseRequest
from license_server.signing import revocation_store
from tests.support.api import Caller, slug, verified
from tests.support.desk import Desk, last_event, trail, unique
from tests.support.server import KEY, OTHER_LINE

SECRET = bytes(range(32))


@pytest.fixture
def caller(desk: Desk) -> Caller:
    return Caller(desk, "back")


def asked(secret: bytes | None = SECRET) -> str:
    """A request that names the digest of *secret*."""
    digest = None if secret is None else giveback.digest_of(secret)
    return LicenseRequest(KEY, "studio2_gpu", return_digest=digest).to_text()


def give_back(caller: Caller, number: str, **members: Any) -> Any:
    return caller.post(f"/licenses/{number}/return", **members)


def text_of(number: str, secret: bytes | None = SECRET) -> str:
    return Returned(number, 1_795_000_000, secret).to_text()


def test_licence_names_what_its_request_named_until_it_is_for_another_host(caller: Caller) -> None:
    first = caller.issue(host=asked()).json()["id"]
    renewed = caller.post(f"/licenses/{first}/renew", days=30).json()["id"]
    moved = caller.post(f"/licenses/{renewed}/rehost", host=OTHER_LINE, reason="remade")
    named = [
        verified(caller, number).host.return_digest
        for number in (first, renewed, moved.json()["id"])
    ]
    assert named == [giveback.digest_of(SECRET)] * 2 + [None]


def test_secret_that_the_licence_names_ends_it_and_is_kept_as_evidence(caller: Caller) -> None:
    secret = os.urandom(32)
    number = caller.issue(host=asked(secret)).json()["id"]
    text = "> " + text_of(number, secret).replace("\n", "\n> ")
    looked = caller.post(f"/licenses/{number}/return?dry_run=true", text=text)
    assert looked.json()["license"]["state"] == "active"
    done = give_back(caller, number, text=text, reason="sold the machine")
    assert (done.status_code, done.json()["state"]) == (200, "returned")
    _, action, details = last_event(caller.desk, number)
    assert (action, b64url.decode(details["evidence"])) == ("license.returned", secret)
    assert trail(caller.desk, number)[-1][2] == "sold the machine"
    with caller.desk.site.database.reading() as connection:
        assert number in set(revocation_store.to_be_listed(connection, 0))
    again = give_back(caller, number, text=text)
    assert (again.status_code, slug(again)) == (409, "license-state")
    assert "given back" in again.json()["detail"]
    found = caller.get("/licenses?state=returned").json()["licenses"]
    assert found[0]["id"] == number


def test_what_proves_nothing_needs_somebody_who_says_that_they_know(caller: Caller) -> None:
    without = caller.issue(host=asked(None)).json()["id"]
    named = caller.issue(host=asked()).json()["id"]
    for number, members, field in (
        (without, {}, "unproven"),
        (without, {"text": text_of(without, None)}, "unproven"),
        (without, {"text": text_of(without)}, "unproven"),
        (named, {"text": text_of(named, None)}, "unproven"),
        (named, {"text": text_of(named, os.urandom(32)), "unproven": True}, "text"),
        (named, {"text": text_of(without), "unproven": True}, "text"),
        (named, {"text": "we removed it", "unproven": True}, "text"),
        (named, {"text": text_of(named)[:-30], "unproven": True}, "text"),
        (named, {"text": 1, "unproven": 1}, "text"),
        (named, {"other": 1, "unproven": True}, "other"),
    ):
        refused = give_back(caller, number, **members)
        assert (refused.status_code, refused.json()["field"]) == (422, field), members
    done = give_back(caller, without, text=text_of(without, None), unproven=True)
    assert done.json()["state"] == "returned"
    assert last_event(caller.desk, without)[2].get("evidence") is None


def test_move_counts_for_no_quota_where_a_text_proved_that_the_licence_was_given_back(
    caller: Caller,
) -> None:
    name = unique(caller.desk, "p")
    assert caller.post("/products", name=name, rehosts=1).status_code == 201
    secrets = [os.urandom(32) for _ in range(3)]
    number = caller.issue(product=name, host=elsewhere(0, secrets[0])).json()["id"]
    for at, secret in enumerate(secrets[:2]):
        given = give_back(caller, number, text=text_of(number, secret))
        assert given.status_code == 200, given.text
        number = moved(caller, number, elsewhere(at + 1, secrets[at + 1]))
    number = moved(caller, number, OTHER_LINE)
    refused = caller.post(f"/licenses/{number}/rehost", host=elsewhere(4), reason="broken")
    assert slug(refused) == "rehosts-used-up"
    assert give_back(caller, number, unproven=True).status_code == 200
    said = caller.post(f"/licenses/{number}/rehost", host=elsewhere(4), reason="they say so")
    assert slug(said) == "rehosts-used-up"


def elsewhere(at: int, secret: bytes = SECRET) -> str:
    """A request of another host, which names the digest of *secret*."""
    digest = giveback.digest_of(secret)
    return LicenseRequest(f"{at:x}" * 40, f"studio{at}_gpu", return_digest=digest).to_text()


def moved(caller: Caller, number: str, host: str) -> str:
    reply = caller.post(f"/licenses/{number}/rehost", host=host, reason="moves")
    assert reply.status_code == 201, reply.text
    return str(reply.json()["id"])


def test_reinstated_licence_does_not_name_the_secret_that_everybody_knows(caller: Caller) -> None:
    secret = os.urandom(32)
    number = caller.issue(host=asked(secret)).json()["id"]
    assert give_back(caller, number, text=text_of(number, secret)).status_code == 200
    again = caller.post(f"/licenses/{number}/reinstate", reason="the wrong one").json()["id"]
    assert verified(caller, again).host.return_digest is None
    suspended = caller.issue(host=asked()).json()["id"]
    caller.post(f"/licenses/{suspended}/suspend", reason="unpaid")
    paid = caller.post(f"/licenses/{suspended}/reinstate", reason="paid").json()["id"]
    assert verified(caller, paid).host.return_digest == giveback.digest_of(SECRET)


def test_secret_that_two_licences_name_proves_the_first_that_is_given_back(caller: Caller) -> None:
    secret = os.urandom(32)
    first, second = (caller.issue(host=asked(secret)).json()["id"] for _ in range(2))
    assert give_back(caller, first, text=text_of(first, secret)).status_code == 200
    refused = give_back(caller, second, text=text_of(second, secret))
    assert (refused.status_code, refused.json()["field"]) == (422, "unproven")
    assert f"proves nothing for {second}" in refused.json()["detail"]
    done = give_back(caller, second, text=text_of(second, secret), unproven=True)
    assert done.json()["state"] == "returned"
    assert last_event(caller.desk, second)[2].get("evidence") is None
