"""Finding anything by any part of it, over the API; both databases."""

import os
import secrets
from typing import Any

import pytest

from license_core import phonecode
from license_server.actor import COMMAND, SERVER
from license_server.catalog import customers
from license_server.finding import words
from license_server.permissions import PERMISSIONS
from license_server.requests import expiring, filing, outcomes
from license_server.requests.incoming import Received
from tests.support.api import bearer, issue, slug
from tests.support.desk import Desk


def find(desk: Desk, typed: str, headers: dict[str, str] | None = None) -> Any:
    reply = desk.client.get("/api/v1/find", params={"q": typed}, headers=headers or desk.bearer)
    assert reply.status_code == 200, reply.text
    return reply.json()


def numbers(found: Any) -> list[str]:
    return [one["id"] for one in found["licenses"]]


@pytest.fixture
def mark() -> str:
    """Letters that nothing else has."""
    return "".join(chr(ord("g") + int(digit, 16)) for digit in secrets.token_hex(4))


def made_on(desk: Desk, host: str, **members: Any) -> tuple[str, str]:
    """The number of a licence on *host*, and the host's key."""
    key = os.urandom(20).hex()
    line = f'["{key}", "{host}"]'
    return issue(desk, host=line, **members).json()["id"], key


def test_licence_is_found_by_any_part_of_what_is_known_of_it(desk: Desk, mark: str) -> None:
    name = f"Müller {mark} Söhne"
    made, key = made_on(desk, f"fra-{mark}-gpu-box-7", customer=name, contract=f"PO-{mark}/0815")
    note = {"note": f"asked by phone, ticket {mark}-4711"}
    desk.client.post(f"/api/v1/licenses/{made}/notes", json=note, headers=desk.bearer)
    for typed in (
        f"{mark}-gpu",
        f"{mark} gpu box 7",
        f"{mark}gpubox7",
        f"{mark[2:]}_GPU-BO",
        f"muller {mark}",
        f"{mark} soehne"[:-5] + "ohne",
        f"po {mark} 0815",
        f"{mark}-47",
        f"{mark} 4711",
        f'["{key[:6]}…", "fra-{mark}-gpu-box-7"]',
        f'["{key}", "another-name"]',
        made,
        made[8:],
    ):
        assert numbers(find(desk, typed))[:1] == [made], typed
    assert numbers(find(desk, f"{mark}-nothing")) == []


def test_licences_that_have_it_in_one_piece_come_first(desk: Desk, mark: str) -> None:
    seven, _ = made_on(desk, f"{mark}-box-7")
    seventeen, _ = made_on(desk, f"{mark}-box-17")
    assert numbers(find(desk, f"{mark} box 7")) == [seven, seventeen]
    assert numbers(find(desk, f'"{mark} box 7"')) == [seven]


def test_contract_goes_on_with_the_licence(desk: Desk, mark: str) -> None:
    made, _ = made_on(desk, mark, contract=f"C-{mark}")
    here = f"/api/v1/licenses/{made}"
    renewed = desk.client.post(f"{here}/renew", json={"days": 9}, headers=desk.bearer).json()
    assert renewed["contract"] == f"C-{mark}"
    members = {"days": 9, "contract": f"D-{mark}"}
    here = f"/api/v1/licenses/{renewed['id']}"
    again = desk.client.post(f"{here}/renew", json=members, headers=desk.bearer).json()
    assert again["contract"] == f"D-{mark}"
    assert numbers(find(desk, f"d{mark}")) == [again["id"]]
    file = desk.client.get(f"/api/v1/licenses/{again['id']}/license.dat", headers=desk.bearer)
    assert mark not in file.text.replace(mark, "", 1) or f"D-{mark}" not in file.text


def test_customers_are_found_by_mail_notes_and_two_characters(desk: Desk, mark: str) -> None:
    members = {
        "name": f"华为技术 {mark}",
        "contact_email": f"li.wei@{mark}.example",
        "notes": f"Rahmenvertrag {mark}-99",
    }
    every = bearer(desk, *PERMISSIONS)
    added = desk.client.post("/api/v1/customers", json=members, headers=every).json()
    for typed in (f"wei@{mark}", f"{mark}-99", f"{mark} 华为", f"为技 {mark}"):
        assert [one["id"] for one in find(desk, typed)["customers"]] == [added["id"]], typed
    renamed = {"name": f"Newname {mark}"}
    here = f"/api/v1/customers/{added['id']}"
    desk.client.patch(here, json=renamed, headers=every)
    assert [one["name"] for one in find(desk, f"华为技术{mark}")["customers"]] == [renamed["name"]]


def test_products_and_proposals_are_found(desk: Desk, mark: str) -> None:
    product = {"name": f"{mark}-studio", "needs_approval": True}
    desk.client.post("/api/v1/products", json=product, headers=bearer(desk, *PERMISSIONS))
    proposed, _ = made_on(desk, "box", product=product["name"], reason=f"tender {mark}-5")
    found = find(desk, f"{mark[3:]}-stu")
    assert [one["name"] for one in found["products"]] == [product["name"]]
    assert [one["id"] for one in find(desk, f"tender {mark}")["proposals"]] == [int(proposed)]


def test_limited_token_is_told_nothing_by_what_it_may_not_see(desk: Desk, mark: str) -> None:
    ours, theirs = f"ours-{mark}", f"theirs-{mark}"
    name = f"Shared {mark}"
    mine, _ = made_on(desk, f"{mark}-a", customer=name, product=ours)
    made_on(desk, f"{mark}-b", customer=name, product=theirs)
    stored = desk.site.database.read(
        lambda c: customers.find(c, name)  # whom both products share
    )
    here = f"/api/v1/customers/{stored.id}"
    changed = {"contact_email": f"boss@{mark}.example", "notes": f"owes {mark}"}
    every = bearer(desk, *PERMISSIONS)
    assert desk.client.patch(here, json=changed, headers=every).status_code == 200
    limited = bearer(desk, "licenses:read", products=frozenset({ours}))
    assert numbers(find(desk, mark, limited)) == [mine]
    (shared,) = find(desk, name, limited)["customers"]
    assert shared["contact_email"] is None
    for secret in (f"boss@{mark}", f"owes {mark}", theirs, f"{mark}-b"):
        found = find(desk, secret, limited)
        assert not any(found.values()), secret
        assert any(find(desk, secret).values()), secret


def test_a_text_that_many_licences_have_is_followed_by_its_own_index(
    desk: Desk, mark: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old licences of one host are found, however many newer ones there are."""
    made = [made_on(desk, mark)[0] for _ in range(3)]
    for _ in range(4):
        issue(desk)
    monkeypatch.setattr(words, "FEW", 1)
    monkeypatch.setattr("license_server.licenses.search.LOOKED_AT", 3)
    params = {"q": mark, "limit": "3"}
    found = desk.client.get("/api/v1/licenses", params=params, headers=desk.bearer).json()
    assert [one["id"] for one in found["licenses"]] == made[::-1]


def test_find_refuses_too_much(desk: Desk) -> None:
    reply = desk.client.get("/api/v1/find", params={"q": "x" * 201}, headers=desk.bearer)
    assert (reply.status_code, slug(reply)) == (422, "input-invalid")


@pytest.mark.parametrize("typed", ["", " ", "…"])
def test_find_by_nothing_finds_nothing(desk: Desk, typed: str) -> None:
    assert not any(find(desk, typed).values())


def asked(found: Any) -> list[int]:
    return [one["id"] for one in found["requests"]]


def test_requests_are_found_by_what_is_known_of_them_until_it_is_forgotten(
    desk: Desk, mark: str
) -> None:
    """By number, sender, subject, host, telephone code and words; of these, words are forgotten."""
    key, now = os.urandom(20).hex(), desk.clock.now
    came = Received(
        *("mail", f"Guten Tag, Knoten Nr. {mark}x ist neu.\n" + "quoted " * 90 + f"{mark}late"),
        host=f'["{key}", "fra-{mark}-box"]',
        sender_name=f"Zoë {mark}n",
        sender_address=f"zoe@{mark}.example",
        subject=f"Lizenz {mark}s",
        product="darwin",
    )
    write = desk.site.database.write
    id_ = write(lambda c: filing.file(c, SERVER, came, now)).request.id
    by_words = (f"knoten {mark}x", f"guten tag {mark}n")
    by_row = (
        *(f"zoe {mark}n", f"e@{mark}.exa", f"lizenz{mark}s", f"ra-{mark}-b", key[:9], key[10:30]),
        *(
            f'["{key[:8]}…", "other"]',
            " ".join(phonecode.groups(key)),
            str(id_),
            f"#{id_}",
            f"Request {id_}",
        ),
        *(f"request/{id_}", f"授权请求 {id_}"),
    )
    for typed in (*by_row, *by_words):
        assert id_ in asked(find(desk, typed)), typed
    assert asked(find(desk, str(id_)))[0] == id_
    for typed in (f"{mark}late", f"{mark}y", f"noten {mark}x"):  # inside of a word of a mail
        assert asked(find(desk, typed)) == [], typed
    other = bearer(desk, "licenses:read", "requests:read", products=["another"])
    blind = bearer(desk, "licenses:read")
    for headers in (other, blind):
        assert [find(desk, one, headers)["requests"] for one in (f"{mark}n", str(id_))] == [[], []]
    write(lambda c: outcomes.refuse(c, id_, COMMAND, f"ended {mark}r", now))
    assert asked(find(desk, f"ended {mark}r")) == [id_]
    days = desk.site.settings.requests_days
    write(lambda c: expiring.expire(c, now + days * 86400 + 1, days))
    assert [asked(find(desk, one)) for one in by_words] == [[], []]
    assert asked(find(desk, f"{mark}n")) == [id_]


def test_request_is_found_by_the_customer_that_it_turned_out_to_be_of(
    desk: Desk, mark: str
) -> None:
    came = Received("api", f'["{os.urandom(20).hex()}", "{mark}h"]', customer=f"Guess {mark}")
    now, write = desk.clock.now, desk.site.database.write
    id_ = write(lambda c: filing.file(c, SERVER, came, now)).request.id
    assert asked(find(desk, f"guess {mark}")) == [id_]
    number, _ = made_on(desk, f"{mark}other", customer=f"Right {mark}")
    write(lambda c: outcomes.answer_with(c, id_, number, COMMAND, now, other_host=True))
    assert asked(find(desk, f"guess {mark}")) == []
    assert asked(find(desk, f"right {mark}")) == asked(find(desk, number)) == [id_]
