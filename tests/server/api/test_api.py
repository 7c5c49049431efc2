"""``/api/v1``: issuing, reading and errors, on SQLite and PostgreSQL."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from license_core.armor import MAX_FILE
from license_core.request import LicenseRequest
from license_core.verify import open_license
from license_server.actor import COMMAND
from license_server.audit import audit_store
from license_server.http.middleware import MAX_BODY
from license_server.licenses import vocabulary
from tests.support import server
from tests.support.api import issue
from tests.support.desk import Desk
from tests.support.server import KEY, LINE


def test_issued_licence_can_be_fetched_listed_and_verified(desk: Desk) -> None:
    reply = issue(desk, limits={"gpus": 4}, features=["export"], edition="pro")
    assert reply.status_code == 201
    made = reply.json()
    assert reply.headers["location"] == f"/api/v1/licenses/{made['id']}"

    assert desk.client.get(reply.headers["location"], headers=desk.bearer).json() == made
    listed = desk.client.get("/api/v1/licenses", headers=desk.bearer).json()["licenses"]
    assert listed[0] == made
    file = desk.client.get(made["links"]["file"], headers=desk.bearer)
    assert 'filename="license.dat"' in file.headers["content-disposition"]
    assert len(file.content) < MAX_FILE
    license_ = open_license(file.content, roots=server.roots(desk.settings.data)).license
    assert (license_.jti, license_.sub, license_.aud) == (made["id"], "ACME", "darwin")
    assert (license_.host.key, license_.limits, license_.features) == (
        KEY,
        {"gpus": 4},
        ("export",),
    )
    assert license_.iat == desk.clock.now


def test_licence_file_keeps_the_same_bytes(desk: Desk) -> None:
    address = issue(desk).json()["links"]["file"]
    first = desk.client.get(address, headers=desk.bearer).content
    desk.clock.now += 86400
    assert desk.client.get(address, headers=desk.bearer).content == first


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (None, "no API token"),
        ("Bearer", "no API token"),
        ("Basic YTpi", "no API token"),
        ("Bearer hst_000000000000_AAAA", "not valid"),
        ("Bearer \u00ff", "not valid"),
        ("Bearer " + "x" * 5000, "not valid"),
    ],
)
@pytest.mark.parametrize("path", ["", "/HS-2026-00000000", "/HS-2026-00000000/license.dat"])
def test_requests_without_a_valid_token_get_401(
    desk: Desk, path: str, header: str | None, reason: str
) -> None:
    headers = {} if header is None else {"Authorization": header.encode("latin-1")}
    reply = desk.client.get(f"/api/v1/licenses{path}", headers=headers)
    assert reply.status_code == 401
    assert reason in reply.json()["detail"]
    assert reply.headers["www-authenticate"].startswith("Bearer")


def test_revoked_token_gets_401_after_a_second(desk: Desk) -> None:
    from license_server.access import tokens

    name = f"revoked-{desk.clock.now}"
    token = server.new_token(desk.site.database, name, desk.clock.now)
    headers = {"Authorization": f"Bearer {token}"}
    assert desk.client.get("/api/v1/licenses", headers=headers).status_code == 200
    desk.site.database.write(lambda c: tokens.revoke_token(c, name, COMMAND, desk.clock.now))
    desk.clock.now += 1
    reply = desk.client.get("/api/v1/licenses", headers=headers)
    assert (reply.status_code, "revoked" in reply.json()["detail"]) == (401, True)


def test_repeated_request_with_one_key_issues_one_licence(desk: Desk) -> None:
    key = {"Idempotency-Key": f"order-{desk.clock.now}"}
    before = desk.count("licenses")
    first, again = issue(desk, key), issue(desk, key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert desk.count("licenses") == before + 1


def test_concurrent_requests_with_one_key_issue_one_licence(desk: Desk) -> None:
    key = {"Idempotency-Key": f"burst-{desk.clock.now}"}
    before = desk.count("licenses")
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: issue(desk, key), range(16)))
    assert {reply.status_code for reply in replies} == {201}
    assert len({reply.json()["id"] for reply in replies}) == 1
    assert desk.count("licenses") == before + 1


def test_idempotency_keys_are_separate_for_each_token(desk: Desk) -> None:
    other = server.new_token(desk.site.database, f"other-{desk.clock.now}", desk.clock.now)
    key = {"Idempotency-Key": f"shared-{desk.clock.now}"}
    first = issue(desk, key)
    second = issue(desk, {"Authorization": f"Bearer {other}"} | key)
    assert first.json()["id"] != second.json()["id"]


def test_armour_in_a_customer_name_does_not_break_the_licence_file(desk: Desk) -> None:
    for name in (
        "-----END LICENSE-----",
        "-----BEGIN LICENSE-----AAAA-----END LICENSE-----",
        "-----BEGIN LICEN=53E-----",
        "\u2014\u2014BEGIN LICENSE\u2014\u2014",
    ):
        made = issue(desk, customer=name)
        assert made.status_code == 201
        file = desk.client.get(made.json()["links"]["file"], headers=desk.bearer).content
        assert open_license(file, roots=server.roots(desk.settings.data)).license.sub == name
        mailed = file.replace(b"\n", b"\r\n> ")
        assert open_license(mailed, roots=server.roots(desk.settings.data)).license.sub == name


def test_reused_key_with_another_request_is_rejected(desk: Desk) -> None:
    key = {"Idempotency-Key": f"order-{desk.clock.now}"}
    issue(desk, key)
    before = desk.count("licenses")
    reply = issue(desk, key, days=31)
    assert reply.status_code == 422
    assert reply.json()["type"] == "/problems/idempotency-key-reused"
    assert desk.count("licenses") == before


@pytest.mark.parametrize(
    ("members", "status", "slug"),
    [
        ({"days": None, "expires": "2020-01-01"}, 409, "term-over"),
        ({"match": "anchored"}, 409, "evidence-missing"),
        ({"replaces": "HS-2026-00000000"}, 404, "not-found"),
    ],
)
def test_conflicting_order_is_rejected_and_issues_nothing(
    desk: Desk, members: dict[str, Any], status: int, slug: str
) -> None:
    before = desk.count("licenses")
    reply = issue(desk, **members)
    assert (reply.status_code, reply.json()["type"]) == (status, f"/problems/{slug}")
    assert desk.count("licenses") == before


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"customer": None}, "customer"),
        ({"customer": "a\u0007b"}, "customer"),
        ({"customer": "x" * 201}, "customer"),
        ({"product": "no such name"}, "product"),
        ({"days": 0}, "days"),
        ({"days": -1}, "days"),
        ({"days": True}, "days"),
        ({"days": 1.5}, "days"),
        ({"days": 10**9}, "days"),
        ({"days": None}, "days"),
        ({"perpetual": True}, "perpetual"),
        ({"days": None, "expires": "2026-02-30"}, "expires"),
        ({"days": None, "expires": "9999-12-31"}, "expires"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"time_zone": "../../etc/passwd"}, "time_zone"),
        ({"limits": {"gpus": "4"}}, "limits"),
        ({"limits": {"gpus": -1}}, "limits"),
        ({"features": ["a", "a"]}, "features"),
        ({"features": "a"}, "features"),
        ({"match": "loose"}, "match"),
        ({"customer": "\u3164"}, "customer"),
        ({"customer": "ACME\u2800"}, "customer"),
        ({"customer": "\ufe0f"}, "customer"),
        ({"replaces": "x'; drop table licenses"}, "replaces"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_invalid_member_is_named_and_nothing_is_issued(
    desk: Desk, members: dict[str, Any], field: str
) -> None:
    before = desk.count("licenses")
    reply = issue(desk, **members)
    document = reply.json()
    assert (reply.status_code, document["type"]) == (422, "/problems/input-invalid")
    assert document["field"].startswith(field)
    assert desk.count("licenses") == before


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("hello", "request-unreadable"),
        (f"{LINE}\n{LINE.replace('5', '6')}", "request-ambiguous"),
        ("-----BEGIN LICENSE REQUEST-----\nAAAA\n-----END LICENSE REQUEST-----", "request-damaged"),
    ],
)
def test_unusable_host_texts_are_rejected(desk: Desk, text: str, slug: str) -> None:
    reply = issue(desk, host=text)
    assert (reply.status_code // 100, reply.json()["type"]) == (4, f"/problems/{slug}")


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b"{", b'{"a":1,"a":2}', b"\xff", b"[" * 100_000, b'{"days":NaN}'],
)
def test_malformed_body_gets_a_problem_document(desk: Desk, body: bytes) -> None:
    reply = desk.client.post("/api/v1/licenses", content=body, headers=desk.bearer)
    assert reply.status_code == 422
    assert reply.headers["content-type"] == "application/problem+json"


def test_oversized_body_gets_413(desk: Desk) -> None:
    reply = desk.client.post("/api/v1/licenses", content=b" " * (MAX_BODY + 1), headers=desk.bearer)
    assert (reply.status_code, reply.json()["type"]) == (413, "/problems/request-too-large")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/api/v1/licenses/HS-2026-ZZZZZZZZ", 404),
        ("GET", "/api/v1/licenses/%2e%2e%2f", 404),
        ("DELETE", "/api/v1/licenses", 405),
        ("GET", "/api/v1/licenses?limit=0", 422),
        ("GET", "/api/v1/licenses?limit=١", 422),
        ("GET", "/api/v1/licenses?cursor=x", 422),
        ("GET", "/api/v1/licenses?cursor=__________8", 422),
        ("GET", "/api/v1/licenses?nothing=1", 422),
        ("GET", "/api/v1/licenses?limit=1&limit=2", 422),
    ],
)
def test_every_error_reply_is_a_problem_document(
    desk: Desk, method: str, path: str, status: int
) -> None:
    reply = desk.client.request(method, path, headers=desk.bearer)
    document = reply.json()
    assert reply.status_code == status
    assert reply.headers["content-type"] == "application/problem+json"
    assert document["status"] == status
    assert {"type", "title", "detail", "remedy", "request_id"} <= document.keys()
    assert document["request_id"] == reply.headers["x-request-id"]


def test_problem_type_links_to_a_page_that_explains_it(desk: Desk) -> None:
    document = desk.client.get("/api/v1/nothing", headers=desk.bearer).json()
    page = desk.client.get(document["type"])
    assert (page.status_code, document["title"] in page.text) == (200, True)


def test_paging_has_no_gaps_while_licences_are_issued(desk: Desk) -> None:
    customer = f"Pages {desk.clock.now}"
    made = [issue(desk, customer=customer).json()["id"] for _ in range(7)]
    seen: list[str] = []
    cursor = ""
    while True:
        query = {"customer": customer, "limit": "3"} | ({"cursor": cursor} if cursor else {})
        page = desk.client.get("/api/v1/licenses", params=query, headers=desk.bearer).json()
        seen += [one["id"] for one in page["licenses"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        issue(desk, customer=customer)
    assert seen == made[::-1]


def test_expiry_date_ends_with_the_day_in_its_time_zone(desk: Desk) -> None:
    made = issue(desk, days=None, expires="2095-06-30", time_zone="Asia/Shanghai").json()
    assert made["expires_at"] == "2095-06-30T16:00:00Z"
    made = issue(desk, days=None, perpetual=True).json()
    assert made["expires_at"] is None


def test_replacement_is_shown_on_both_licences(desk: Desk) -> None:
    old = issue(desk).json()["id"]
    new = issue(desk, replaces=old).json()
    assert new["replaces"] == old
    found = desk.client.get(f"/api/v1/licenses/{old}", headers=desk.bearer).json()
    assert found["replaced_by"] == new["id"]


def test_request_cannot_replace_another_customers_licence(desk: Desk) -> None:
    theirs = issue(desk, customer="Somebody Else").json()["id"]
    asked = LicenseRequest(key="ab" * 20, name="x", replaces=theirs).to_text()
    made = issue(desk, host=asked).json()
    assert made["replaces"] is None
    found = desk.client.get(f"/api/v1/licenses/{theirs}", headers=desk.bearer).json()
    assert found["replaced_by"] is None
    own = issue(desk).json()["id"]
    asked = LicenseRequest(key="ab" * 20, name="x", replaces=own).to_text()
    assert issue(desk, host=asked).json()["replaces"] == own


def test_a_request_that_another_program_wrapped_is_read(desk: Desk) -> None:
    asked = LicenseRequest(key="ab" * 20, name="x").to_text()
    made = issue(desk, host=base64.b64encode(asked.encode()).decode())
    assert made.status_code == 201
    assert made.json()["host"]["key"] == "ab" * 20


def test_issuing_is_recorded_in_the_audit_log(desk: Desk) -> None:
    number = issue(desk).json()["id"]
    with desk.site.database.reading() as connection:
        (event,) = audit_store.trail(connection, [number])
    assert (event.at, event.actor) == (desk.clock.now, "token:test")
    assert (event.action, event.address) == ("license.issued", "testclient")
    assert json.loads(event.details)["host"] == KEY


def test_every_reply_has_the_security_headers(desk: Desk) -> None:
    for path in ("/login", "/api/v1/licenses", "/static/desk.css", "/nothing"):
        headers = desk.client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-frame-options"] == "DENY"


def test_api_page_names_every_member_and_parameter() -> None:
    from license_server.licenses import orders

    text = (server.REPOSITORY / "docs" / "API.md").read_text("utf-8")
    for name in (*orders.MEMBERS, *vocabulary.FILTERS):
        assert f"`{name}`" in text, name
