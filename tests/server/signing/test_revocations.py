"""The revocation list: published by a command, served to everybody, cacheable."""

import os
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError

from license_core import armor
from license_core.armor import MAX_FILE
from license_core.revocation import Revocations, open_revocations
from license_core.verify import open_license
from license_server.actor import COMMAND
from license_server.licenses import issuing, recording
from license_server.licenses.acts import REVOKE
from license_server.licenses.planning import ActRequest
from license_server.signing import revocation_lists
from license_server.signing.revocation_store import StoredList
from tests.support import server
from tests.support.desk import Desk
from tests.support.ledger import NOW, Ledger, line, new_ledger
from tests.support.problems import exit_code

URL = "/license.revocations"


def publish(desk: Desk) -> StoredList:
    site = desk.site
    with site.database.reading() as connection:
        new, count = revocation_lists.sign_next(connection, site.issuer, desk.clock.now)
    site.database.write(lambda c: revocation_lists.record(c, new, count, COMMAND))
    return new


def issue(desk: Desk) -> str:
    order = {"customer": "ACME", "product": "darwin", "host": server.LINE, "days": 30}
    made = desk.client.post("/api/v1/licenses", json=order, headers=desk.bearer)
    return str(made.json()["id"])


def revoke(desk: Desk, number: str) -> None:
    wanted = ActRequest(REVOKE, {"reason": "x"}, number)
    desk.site.database.write(lambda c: recording.end(c, wanted, COMMAND, desk.clock.now))


def test_server_serves_the_last_published_revocation_list(desk: Desk) -> None:
    revoked, kept, later = issue(desk), issue(desk), issue(desk)
    revoke(desk, revoked)
    first = publish(desk)
    revoke(desk, later)
    desk.client.cookies.clear()
    reply = desk.client.get(URL)
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"
    head = desk.client.head(URL)
    assert (head.status_code, head.headers["etag"]) == (200, reply.headers["etag"])
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


def test_list_leaves_out_what_is_over_and_no_clock_that_knows_it_could_bring_back(
    desk: Desk,
) -> None:
    short = issue(desk)
    revoke(desk, short)
    site = desk.site
    with site.database.reading() as connection:
        ends = issuing.find(connection, short).expires_at or 0
        for at, listed in ((ends + 2 * 86400 - 1, True), (ends + 2 * 86400, False)):
            new, _ = revocation_lists.sign_next(connection, site.issuer, at)
            opened = open_revocations(new.token, site.issuer.keyset)
            assert opened.lists(short) is listed


def test_list_names_ended_and_rehosted_licences_with_predecessors(
    ledger: Ledger,
) -> None:
    """A former file of an ended licence would run as well; one that was renewed may still run."""
    renewed = ledger.issue(1)
    kept = ledger.act("renew", renewed, days=60)
    ended = {act: [ledger.issue(n)] for n, act in enumerate(("revoke", "suspend", "rehost"), 2)}
    for numbers in ended.values():
        numbers.append(ledger.act("renew", numbers[0], days=60))
    for act in ("revoke", "suspend"):
        ledger.end(act, ended[act][1], "x")
    moved = ledger.act("rehost", ended["rehost"][1], host=line(5), reason="x")
    away = ledger.issue(6)
    ledger.end("suspend", away, "x")
    back = ledger.act("reinstate", away, reason="x")
    with ledger.site.database.reading() as connection:
        stored, count = revocation_lists.sign_next(connection, ledger.site.issuer, NOW)
    listed = open_revocations(stored.token, ledger.site.issuer.keyset)
    assert all(listed.lists(number) for numbers in ended.values() for number in numbers)
    assert not any(map(listed.lists, (renewed, kept, moved, away, back)))
    assert count == 6


def test_revocation_list_supports_conditional_requests(desk: Desk) -> None:
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
    far = "9" * 20
    for wrong in (
        "yesterday",
        "",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        f"Mon, 01 Jan {far} 00:00:00 GMT",
        f"Mon, 01 Jan 2024 00:00:00 +{far}",
    ):
        assert desk.client.get(URL, headers={"If-Modified-Since": wrong}).status_code == 200
    desk.clock.now += 60
    publish(desk)
    assert desk.client.get(URL, headers={"If-None-Match": tag}).status_code == 200
    assert desk.client.get(URL, headers=since).status_code == 200


def test_repeated_requests_do_not_read_the_list_from_the_database(desk: Desk) -> None:
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


def test_concurrent_publications_cannot_share_a_number(ledger: Ledger) -> None:
    with ledger.site.database.reading() as connection:
        one, two = (
            revocation_lists.sign_next(connection, ledger.site.issuer, NOW) for _ in range(2)
        )
    ledger.site.database.write(lambda c: revocation_lists.record(c, *one, COMMAND))
    with pytest.raises(IntegrityError):
        ledger.site.database.write(lambda c: revocation_lists.record(c, *two, COMMAND))
    assert ledger.faults() == []


def test_licence_file_includes_the_list_or_its_shard(ledger: Ledger, tmp_path: Path) -> None:
    number, other = ledger.issue(1), ledger.issue(2)
    ledger.end("revoke", other, "not paid")
    env, out = server.environment(ledger.settings.data), tmp_path / "license.dat"
    words = ("file", number, "--with-revocations", "-o", str(out))
    none = server.at_once(*words, env=env)
    assert (none.returncode, "no revocation list" in none.stderr) == (77, True)
    assert "revocations publish" in none.stderr
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
    ledger.site.database.write(lambda c: revocation_lists.record(c, stored, 3000, COMMAND))
    done = server.at_once(*words, env=env)
    assert done.returncode == 0, done.stderr
    assert len(out.read_bytes()) < MAX_FILE
    opened = open_license(out.read_bytes(), roots=server.roots(ledger.settings.data))
    assert opened.revocations_token is not None
    shard = open_revocations(opened.revocations_token, opened.trust.keyset)
    assert (shard.number, len(shard.prefix), shard.covers(number)) == (2, 1, True)
    several = tmp_path / "license.revocations"
    done = server.at_once("revocations", "file", number, other, "-o", str(several), env=env)
    assert done.returncode == 0, done.stderr
    tokens = armor.unwrap(several.read_bytes())[armor.REVOCATIONS]
    shards = [open_revocations(token, opened.trust.keyset) for token in tokens]
    assert all(any(one.covers(jti) for one in shards) for jti in (number, other))
    nobodys = ("revocations", "file", f"{number[:-4]}ZZZZ", "-o", "-")
    assert server.at_once(*nobodys, env=env).returncode == exit_code("not-found")
    assert ledger.faults() == []
    ledger.site.database.close()


def test_revocations_command_publishes_and_shows_the_list(data: Path, tmp_path: Path) -> None:
    env = server.environment(data)
    out = tmp_path / "license.revocations"
    none = server.at_once("revocations", "show", env=env)
    assert (none.returncode, "no revocation list" in none.stderr) == (77, True)
    done = server.at_once("revocations", "publish", "--days", "7", "-o", str(out), env=env)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("Published list 1: 0 licences; the next is due ")
    again = server.at_once("revocations", "show", "-o", "-", env=env)
    assert again.stdout.encode() == out.read_bytes()
    assert server.at_once("revocations", "show", env=env).stdout.startswith("List 1 of ")
    assert os.stat(out).st_size < 4000
    large = env | {"LICENSE_SERVER_REVOCATIONS_BYTES": "1024"}
    done = server.at_once("revocations", "publish", env=large)
    assert (done.returncode, "[W]: It is too large to be one file" in done.stderr) == (0, True)
    assert "too large to be one file" in server.at_once("revocations", "show", env=env).stdout
    refused = server.at_once("revocations", "show", "-o", "-", env=env)
    assert (refused.returncode, refused.stdout) == (99, "")
    assert "?license=NUMBER" in refused.stderr
