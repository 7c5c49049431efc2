"""The keys page: keys, expiry warnings, revocation lists."""

from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from license_core.keyset import TrustedKeyset
from license_core.revocation import Revocations
from license_server.access import accounts
from license_server.actor import COMMAND
from license_server.audit import events
from license_server.db.tables import audit_events
from license_server.signing import keysets, revocation_lists, revocation_store
from license_server.signing.revocation_store import StoredList
from tests.support.desk import Desk
from tests.support.pages import faults, followed, hidden, sign_in

DAY = 86400


def test_keys_page_shows_the_keys_and_serves_no_private_key(signed_in: Desk) -> None:
    page = signed_in.client.get("/keys").text
    issuer = signed_in.site.issuer
    assert issuer.signer.public_key.kid in page
    assert issuer.roots.keys[0].kid in page
    root = signed_in.client.get("/keys/root.pub.pem")
    assert root.text == signed_in.settings.root_pub_pem.read_text()
    for name in ("signing.key.pem", "keys", "..%2Fkeys%2Froot.key.pem", "root.key.pem"):
        assert signed_in.client.get(f"/keys/{name}").status_code == 404
    assert "PRIVATE" not in page


@pytest.mark.parametrize(
    ("change", "days", "said"),
    [
        ({}, 89, "can sign for 89 more days"),
        ({}, 1, "can sign for 1 more day."),
        ({}, 0, "can sign for less than a day"),
        ({}, 90, None),
        ({}, -1, "can no longer sign"),
        ({"state": "retired"}, 500, "can no longer sign"),
        ({"products": ("<b>x</b>",)}, 500, None),
    ],
)
def test_signing_key_expiry_is_announced_90_days_ahead(
    signed_in: Desk, monkeypatch: pytest.MonkeyPatch, change: Any, days: int, said: str | None
) -> None:
    site, app = signed_in.site, signed_in.client.app
    present = site.issuer.keyset.keyset
    ends = signed_in.clock.now + days * DAY + 60
    entry = present.keys[0]._replace(exp=ends, **change)
    keyset = TrustedKeyset(present._replace(keys=(entry,)))
    changed = site._replace(issuer=site.issuer._replace(keyset=keyset))
    monkeypatch.setattr(app.state.server, "site", changed)  # type: ignore[attr-defined]
    page = signed_in.client.get("/keys").text
    assert ("This server's key can" in page) is (said is not None)
    home = signed_in.client.get("/overview").text
    assert ("This server's key can" in home) is (said is not None)
    if said:
        assert said in page
    assert "<b>x</b>" not in page


def test_keys_page_counts_unpublished_revocations(desk: Desk) -> None:
    site = desk.site
    newest = site.database.read(
        lambda c: c.execute(select(func.max(audit_events.c.at))).scalar_one()
    )
    now = desk.clock.now = max(desk.clock.now, newest) + 1  # nothing is of this second
    sign_in(desk)
    acts_ = ("license.revoked", "license.suspended", "license.rehosted", "license.renewed")

    def record(connection: Connection) -> None:
        for number, action in enumerate(acts_):
            events.record(connection, now, COMMAND, action, f"HS-{number}")

    def publish() -> None:
        with site.database.reading() as connection:
            new, count = revocation_lists.sign_next(connection, site.issuer, desk.clock.now)
        site.database.write(record)  # meanwhile
        site.database.write(lambda c: revocation_lists.record(c, new, count, COMMAND))

    publish()
    page = desk.client.get("/keys").text
    assert "3 revocations, suspensions or rehosts are not in a published list yet." in page
    desk.clock.now += 1
    publish()
    assert "not in a published list" not in desk.client.get("/keys").text
    now = desk.clock.now
    for _ in range(40):
        site.database.write(record)
    assert "100 or more revocations, suspensions or rehosts" in desk.client.get("/keys").text
    number = site.database.read(revocation_store.newest_number)
    address = "/record?action=revocations.published"
    assert f"<span>list {number}</span>" in desk.client.get(address).text
    chinese = desk.client.get(address, headers={"Accept-Language": "zh"})
    assert f"<span>列表 {number}</span>" in chinese.text


def test_keys_page_reports_a_newer_keyset_in_the_database(
    signed_in: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, app = signed_in.site, signed_in.client.app
    older = site.issuer.keyset.keyset._replace(version=0)
    issuer = site.issuer._replace(keyset=TrustedKeyset(older), keyset_token="")
    monkeypatch.setattr(app.state.server, "site", site._replace(issuer=issuer))  # type: ignore[attr-defined]
    assert "newer keyset, version 1" in signed_in.client.get("/keys").text
    assert keysets.WARN_DAYS == 90


def newest_list(desk: Desk) -> int:
    return desk.site.database.read(revocation_store.newest_number)


def test_the_desk_publishes_a_list_with_one_button(signed_in: Desk) -> None:
    before = newest_list(signed_in)
    page = signed_in.client.get("/keys").text
    data = {"form_token": hidden(page, "form_token"), "days": "14"}
    done = followed(signed_in, signed_in.client.post("/keys/revocations", data=data))
    assert done.status_code == 200, done.text
    assert f"Revocation list {before + 1} is published." in done.text
    assert newest_list(signed_in) == before + 1


def test_the_desk_offers_the_shard_of_a_licence_where_the_list_is_long(signed_in: Desk) -> None:
    assert 'name="license"' not in signed_in.client.get("/keys").text
    site, number = signed_in.site, newest_list(signed_in) + 1
    listed = Revocations.of(map(str, range(2000)), iss="V", number=number, iat=0)
    token = revocation_store.unsigned(listed)
    at = signed_in.clock.now
    long = StoredList(number, token, at, at + 1, site.issuer.version, "")
    site.database.write(lambda c: revocation_lists.record(c, long, 2000, COMMAND))
    page = signed_in.client.get("/keys").text
    assert "in shards alone" in page
    assert "one of 16, of at most 32 KiB each" in page
    assert 'name="license"' in page
    made = signed_in.client.get("/license.revocations", params={"license": "HS-2027-00000001"})
    assert (made.status_code, len(made.content) < 32768) == (200, True)


@pytest.mark.parametrize("typed", ["", "0", "x", "3651", "<b>7</b>"])
def test_the_desk_marks_days_that_no_list_has_and_keeps_what_was_typed(
    signed_in: Desk, typed: str
) -> None:
    before = newest_list(signed_in)
    data = {"form_token": hidden(signed_in.client.get("/keys").text, "form_token"), "days": typed}
    page = signed_in.client.post("/keys/revocations", data=data)
    assert (page.status_code, list(faults(page.text))) == (422, ["days"])
    assert "No revocation list was published." in page.text
    assert "<b>7</b>" not in page.text
    assert newest_list(signed_in) == before


def test_who_may_not_publish_sees_no_button(desk: Desk) -> None:
    email = f"reader{desk.clock.now}@example.com"
    desk.site.database.write(
        lambda c: accounts.add(c, email, "a long password", "reader", COMMAND, desk.clock.now)
    )
    sign_in(desk, "a long password", email)
    page = desk.client.get("/keys").text
    assert "Revocation list" in page
    assert "/keys/revocations" not in page
