"""Moves: what is said of them before they are signed, at the desk, over the API and in letters."""

import re
from pathlib import Path
from typing import Any

import pytest

from license_core.request import LicenseRequest
from tests.support.desk import Desk, unique
from tests.support.desk_user import DeskUser
from tests.support.pages import fields_of, preview, text_of
from tests.support.requests import line_of, of_container

OTHER_ID, OTHER_MACHINE = "6a" * 32, "7b" * 16
DELETE = "Please delete conf/license.dat on the former host"


@pytest.fixture
def issuer(desk: Desk) -> DeskUser:
    return DeskUser(desk, "issuer")


def dry(desk: Desk, path: str, **members: Any) -> Any:
    url = f"/api/v1/licenses{path}?dry_run=true"
    reply = desk.client.post(url, json=members, headers=desk.bearer)
    assert reply.status_code == 200, reply.text
    return reply.json()


def slugs(told: Any) -> list[str]:
    return [notice["slug"] for notice in told["notices"]]


@pytest.mark.parametrize(
    ("now", "place", "left", "letter"),
    [
        ({"ip": "172.17.0.9"}, "here", "former-file-replaced", "nothing has to be deleted"),
        (
            {"container_id": OTHER_ID},
            "perhaps",
            "former-host-may-keep-file",
            "Do not delete the file that you have just installed",
        ),
        (
            {"container_id": OTHER_ID, "machine_id": OTHER_MACHINE, "hostname": "other"},
            "elsewhere",
            "former-host-keeps-file",
            f"{DELETE}, studio2_gpu,",
        ),
    ],
    ids=["here", "perhaps", "elsewhere"],
)
def test_move_says_what_differs_and_what_is_true_of_the_former_file(
    issuer: DeskUser, tmp_path: Path, now: dict[str, Any], place: str, left: str, letter: str
) -> None:
    number = issuer.issue(host=of_container(tmp_path).to_text(), customer=unique(issuer.desk, "c"))
    moved = of_container(tmp_path, **now).to_text()
    told = dry(issuer.desk, f"/{number}/rehost", host=moved, reason="new")
    assert (told["moves"]["license"], told["moves"]["place"]) == (number, place)
    assert slugs(told)[:2] == ["host-differs", left]
    page = issuer.preview(number, "rehost", host=moved, reason="new")
    for notice in told["notices"]:
        assert notice["detail"] in text_of(page)
    done = issuer.post(f"/licenses/{number}/rehost", **fields_of(page.text) | {"step": "do"})
    sent = text_of(issuer.get(done.headers["location"]))
    assert letter in sent
    assert (DELETE in sent) is (place == "elsewhere")


def test_anchored_licence_is_not_moved_for_what_it_allows(issuer: DeskUser, tmp_path: Path) -> None:
    host = of_container(tmp_path).to_text()
    number = issuer.issue(host=host, match="anchored", customer=unique(issuer.desk, "c"))
    moved = of_container(tmp_path, ip="172.17.0.9").to_text()
    told = dry(issuer.desk, f"/{number}/rehost", host=moved, reason="new")
    assert "move-not-needed" in slugs(told)


@pytest.mark.parametrize("pasted", ["request", "line"])
def test_second_licence_for_what_may_be_the_same_host_is_warned_of_and_moved_at_one_click(
    issuer: DeskUser, tmp_path: Path, pasted: str
) -> None:
    customer = unique(issuer.desk, "Nordlicht")
    number = issuer.issue(host=of_container(tmp_path).to_text(), customer=customer)
    now = of_container(tmp_path, ip="172.17.0.9", container_id=OTHER_ID)
    text = f"Hello,\n{as_sent(now, pasted)}\nKind regards"
    told = dry(issuer.desk, "", host=text, customer=customer, product="darwin", days=30)
    assert "host-alike-has-licence" in slugs(told)
    assert [one["license"] for one in told["alike"]] == [number]
    issuer.enter()
    page = preview(issuer.desk, host=text, customer=customer)
    assert f"Rehost {number} here instead" in page.text
    button = (
        rf'<button form="issue"[^>]* formaction="/licenses/{number}/rehost"[^>]*value="instead"'
    )
    assert re.search(button, page.text)
    fields = fields_of(page.text) | {"step": "instead"}
    looked = issuer.followed(issuer.post(f"/licenses/{number}/rehost", **fields))
    assert now.key in looked.text  # what was pasted
    assert "Reason: " in looked.text
    done = issuer.post(f"/licenses/{number}/rehost", **fields_of(looked.text) | {"step": "do"})
    assert done.status_code == 303
    assert "issued=1" in done.headers["location"]


def as_sent(request: LicenseRequest, pasted: str) -> str:
    bare = line_of(request)
    return request.to_text() if pasted == "request" else f'["{bare.key}", "{bare.name}"]'


def test_licence_elsewhere_of_another_product_or_over_is_not_offered(
    issuer: DeskUser, tmp_path: Path
) -> None:
    customer = unique(issuer.desk, "Nordlicht")
    issuer.issue(host=of_container(tmp_path).to_text(), customer=customer, product="studio")
    issuer.issue(host=of_container(tmp_path).to_text(), customer=f"{customer} 2")
    issuer.issue(host=of_container(tmp_path, hostname="other").to_text(), customer=customer)
    short = issuer.issue(host=of_container(tmp_path).to_text(), customer=customer, days=1)
    now = of_container(tmp_path, container_id=OTHER_ID)
    order = {"host": now.to_text(), "customer": customer, "product": "darwin", "days": 30}
    assert [one["license"] for one in dry(issuer.desk, "", **order)["alike"]] == [short]
    issuer.desk.clock.now += 3 * 86400
    assert dry(issuer.desk, "", **order)["alike"] == []


def test_licence_that_is_said_to_be_replaced_is_not_offered_again(
    issuer: DeskUser, tmp_path: Path
) -> None:
    customer = unique(issuer.desk, "Nordlicht")
    number = issuer.issue(host=of_container(tmp_path).to_text(), customer=customer)
    now = of_container(tmp_path, container_id=OTHER_ID)._replace(replaces=number)
    order = {"host": now.to_text(), "customer": customer, "product": "darwin", "days": 30}
    told = dry(issuer.desk, "", **order)
    assert (told["act"], told["moves"]["license"], told["alike"]) == ("rehost", number, [])


def test_move_of_a_text_that_is_no_request_leads_to_its_form(
    issuer: DeskUser, tmp_path: Path
) -> None:
    number = issuer.issue(host=of_container(tmp_path).to_text())
    page = issuer.post(f"/licenses/{number}/rehost", step="instead", host="hello")
    assert page.status_code == 422
    assert "hello" in page.text
