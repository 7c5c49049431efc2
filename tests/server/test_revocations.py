"""The revocation list: published by a command, the same for everybody, cheap to ask for again."""

import os
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError

from license_core import armor
from license_core.revocation import Revocations, open_revocations
from license_core.verify import open_license
from license_server import acts, revocations
from license_server.actor import COMMAND
from license_server.acts import Wanted
from license_server.store.revocations import StoredList
from tests.server.conftest import Desk
from tests.support import server
from tests.support.ledger import NOW, Ledger, new_ledger

URL = "/license.revocations"


def publish(desk: Desk) -> StoredList:
    site = desk.site
    with site.database.reading() as connection:
        new, count = revocations.draw_up(connection, site.issuer, desk.clock.now)
    site.database.write(lambda c: revocations.record(c, new, count, COMMAND))
    return new


def issue(desk: Desk) -> str:
    order = {"customer": "ACME", "product": "darwin", "host": server.LINE, "days": 30}
    made = desk.client.post("/api/v1/licenses", json=order, headers=desk.bearer)
    return str(made.json()["id"])


def revoke(desk: Desk, number: str) -> None:
    wanted = Wanted("revoke", {"reason": "x"}, number)
    desk.site.database.write(lambda c: acts.end(c, wanted, COMMAND, desk.clock.now))


def renew(desk: Desk, number: str) -> str:
    url = f"/api/v1/licenses/{number}/renew"
    made = desk.client.post(url, json={"days": 30}, headers=desk.bearer)
    return str(made.json()["id"])


def test_the_files_that_a_revoked_licence_replaced_are_listed_too(desk: Desk) -> None:
    first, kept = issue(desk), issue(desk)
    second, follows = renew(desk, first), renew(desk, kept)
    third = renew(desk, second)
    revoke(desk, third)
    listed = open_revocations(publish(desk).token, desk.site.issuer.keyset)
    assert all(listed.lists(number) for number in (first, second, third))
    assert not any(listed.lists(number) for number in (kept, follows))


def test_what_is_served_is_what_was_published_until_the_next_is(desk: Desk) -> None:
    revoked, kept, later = issue(desk), issue(desk), issue(desk)
    revoke(desk, revoked)
    first = publish(desk)
    revoke(desk, later)
    desk.client.cookies.clear()
    reply = desk.client.get(URL)
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"
    (token,) = armor.unwrap(reply.content)[armor.REVOCATIONS]
    listed = open_revocations(token, desk.site.issuer.keyset)
    assert (listed.number, listed.iat, listed.exp) == (
        first.number,
        desk.clock.now,
        desk.clock.now + 30 * 86400,
    )
    assert [listed.lists(number) for number in (revoked, kept, later)] == [True, False, False]
    second = publish(desk)
    assert second.number == first.number + 1
    (token,) = armor.unwrap(desk.client.get(URL).content)[armor.REVOCATIONS]
    listed = open_revocations(token, desk.site.issuer.keyset)
    assert [listed.lists(number) for number in (revoked, kept, later)] == [True, False, True]


def test_a_cache_may_keep_it_and_ask_whether_it_is_still_the_one(desk: Desk) -> None:
    publish(desk)
    reply = desk.client.get(URL)
    tag, made = reply.headers["etag"], reply.headers["last-modified"]
    assert reply.headers["cache-control"].startswith("public, max-age=")
    assert "set-cookie" not in reply.headers
    assert parsedate_to_datetime(made).timestamp() == desk.clock.now
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = desk.client.get(URL, headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
        assert again.headers["cache-control"] == reply.headers["cache-control"]
    since = {"If-Modified-Since": made}
    assert desk.client.get(URL, headers=since).status_code == 304
    # The tag counts before the date.
    assert desk.client.get(URL, headers=since | {"If-None-Match": '"x"'}).status_code == 200
    for wrong in ("yesterday", "", "Thu, 01 Jan 1970 00:00:00 GMT"):
        assert desk.client.get(URL, headers={"If-Modified-Since": wrong}).status_code == 200
    desk.clock.now += 60
    publish(desk)
    assert desk.client.get(URL, headers={"If-None-Match": tag}).status_code == 200
    assert desk.client.get(URL, headers=since).status_code == 200


def test_a_request_reads_a_number_and_no_list(desk: Desk) -> None:
    publish(desk)
    assert desk.client.get(URL).status_code == 200
    asked: list[str] = []

    def note(_: object, __: object, statement: str, *more: object) -> None:
        asked.append(statement)

    engine = desk.site.database.engine
    event.listen(engine, "before_cursor_execute", note)
    for _ in range(3):
        assert desk.client.get(URL).status_code == 200
    event.remove(engine, "before_cursor_execute", note)
    selected = [one.partition("FROM")[0] for one in asked if "revocation_lists" in one]
    assert len(selected) == 3
    assert not any("token" in columns for columns in selected)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return new_ledger(tmp_path, None)


def test_two_that_publish_at_once_do_not_both_give_out_a_number(ledger: Ledger) -> None:
    with ledger.site.database.reading() as connection:
        one, two = (revocations.draw_up(connection, ledger.site.issuer, NOW) for _ in range(2))
    ledger.site.database.write(lambda c: revocations.record(c, *one, COMMAND))
    with pytest.raises(IntegrityError):
        ledger.site.database.write(lambda c: revocations.record(c, *two, COMMAND))
    assert ledger.faults() == []


def test_a_licence_can_carry_the_list_where_it_has_room(ledger: Ledger, tmp_path: Path) -> None:
    number, other = ledger.issue(1), ledger.issue(2)
    ledger.end("revoke", other, "not paid")
    env, out = server.environment(ledger.settings.data), tmp_path / "license.dat"
    words = ("file", number, "--with-revocations", "-o", str(out))
    none = server.at_once(*words, env=env)
    assert (none.returncode, "no revocation list" in none.stderr) == (77, True)
    ledger.publish()
    done = server.at_once(*words, env=env)
    assert done.returncode == 0, done.stderr
    opened = open_license(out.read_bytes(), roots=server.roots(ledger.settings.data))
    assert opened.license.jti == number
    assert opened.revocations_token is not None
    listed = open_revocations(opened.revocations_token, opened.trust.keyset)
    assert (listed.lists(other), listed.lists(number)) == (True, False)
    long = Revocations.of(map(str, range(3000)), iss="V", number=2, iat=NOW)
    token = long.sign(ledger.site.issuer.signer)
    stored = StoredList(2, token, NOW, NOW, ledger.site.issuer.version, "")
    ledger.site.database.write(lambda c: revocations.record(c, stored, 3000, COMMAND))
    out.unlink()
    refused = server.at_once(*words, env=env)
    assert (refused.returncode, "send the list as a file" in refused.stderr) == (76, True)
    assert not out.exists()
    ledger.site.database.close()


def test_the_command_publishes_and_shows(data: Path, tmp_path: Path) -> None:
    env = server.environment(data)
    out = tmp_path / "license.revocations"
    none = server.command("revocations", "show", env=env)
    assert (none.returncode, "no revocation list" in none.stderr) == (77, True)
    done = server.command("revocations", "publish", "--days", "7", "-o", str(out), env=env)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("Published list 1: 0 licences; the next is due ")
    again = server.command("revocations", "show", "-o", "-", env=env)
    assert again.stdout.encode() == out.read_bytes()
    assert server.command("revocations", "show", env=env).stdout.startswith("List 1 of ")
    assert os.stat(out).st_size < 4000
