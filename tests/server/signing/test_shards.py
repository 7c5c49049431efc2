"""Shards of a revocation list: short, signed when asked for, and together the whole list."""

import asyncio
import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from license_core import armor, b64url, strictjson
from license_core.errors import SignerUnavailableError
from license_core.paths import MAX_REVOCATIONS
from license_core.revocation import Revocations, digest, open_revocations
from license_server.actor import COMMAND
from license_server.audit import digests
from license_server.db.errors import InputInvalidError
from license_server.licenses import recording, typed_numbers
from license_server.licenses.acts import REVOKE
from license_server.licenses.planning import ActRequest
from license_server.signing import (
    list_file,
    revocation_lists,
    revocation_store,
    signature_count,
)
from license_server.signing.issuer import Issuer
from license_server.signing.revocation_shards import LARGEST_SHARD, MOST_LICENSES, Kept, Shards
from license_server.signing.revocation_store import StoredList
from license_server.signing.signature_count import CountedSigner
from license_server.signing.signers.backend import Remote
from license_server.web import revocation_file
from tests.support.api import bearer, issue
from tests.support.desk import Desk
from tests.support.ledger import NOW, Ledger, new_ledger

URL = "/license.revocations"


@pytest.fixture
def issuer(tmp_path: Path) -> Issuer:
    ledger: Ledger = new_ledger(tmp_path, None)
    return ledger.site.issuer


def cut(issuer: Issuer, count: int) -> Shards:
    """A list of so many licences, that is in shards alone."""
    numbers = (f"HS-2027-{n}" for n in range(count))
    listed = Revocations.of(numbers, iss=issuer.name, number=7, iat=NOW, exp=NOW + 1)
    token = revocation_store.unsigned(listed)
    stored = StoredList(7, token, NOW, NOW + 1, issuer.version, issuer.keyset_token)
    return Shards(stored, issuer)


def opened(body: bytes, issuer: Issuer) -> list[Revocations]:
    tokens = armor.unwrap(body)[armor.REVOCATIONS]
    return [open_revocations(token, issuer.keyset) for token in tokens]


@pytest.mark.parametrize(
    ("most", "count", "digits"),
    [(None, 1_000, 0), (None, 15_000, 1), (None, 100_000, 2), (4096, 150, 0), (4096, 9_000, 2)],
)
def test_shards_are_short_and_say_what_the_whole_list_says(
    issuer: Issuer, most: int | None, count: int, digits: int
) -> None:
    signed: list[bytes] = []
    counted = CountedSigner(issuer.signer, signed.append)
    remote = None if most is None else cast("Remote", SimpleNamespace(most=most))
    shards = cut(issuer._replace(signer=counted, remote=remote), count)
    assert (shards.digits, shards.licenses) == (digits, count)
    assert signed == []  # nothing is signed that nobody asks for
    numbers = [f"HS-2027-{n}" for n in (0, 1, count - 1, count, count + 1)]
    for number in numbers:
        made = shards.of([number], NOW)
        assert len(made.body) <= LARGEST_SHARD
        (shard,) = opened(made.body, issuer)
        assert shard.covers(number)
        assert shard.lists(number) is (int(number[8:]) < count)
        assert (shard.number, shard.iat, shard.exp) == (7, NOW, NOW + 1)
    several = opened(shards.of(numbers * 2, NOW).body, issuer)
    assert {one.prefix for one in several} == {message_prefix(one) for one in signed}
    assert len(several) == len(signed)  # each once
    assert most is None or max(map(len, signed)) <= most


def message_prefix(message: bytes) -> str:
    """The prefix of the shard whose token begins so."""
    token = message.decode("ascii") + "."
    stored = StoredList(7, token, NOW, NOW, 1, "")
    return stored.listed().prefix


def test_a_list_of_any_length_is_stored_as_it_is_and_read_as_it_was(issuer: Issuer) -> None:
    for count in (0, 1, 40_000):
        shards = cut(issuer, count)
        numbers = (f"HS-2027-{n}" for n in range(count))
        listed = Revocations.of(numbers, iss=issuer.name, number=7, iat=NOW, exp=NOW + 1)
        payload = strictjson.dumps(listed.to_dict())
        former = f"eyJhbGciOiJub25lIn0.{b64url.encode(payload)}."
        for token in (revocation_store.unsigned(listed), former):
            stored = shards.stored._replace(token=token)
            assert (stored.is_whole, stored.listed()) == (False, listed)
        assert revocation_store.unsigned(listed).encode() == payload
        signed = shards.stored._replace(token=listed.sign(issuer.signer))
        assert (signed.is_whole, signed.listed()) == (True, listed)
        row = signed._asdict()
        plain = {name: row[name] for name in sorted(row) if name != "keyset_token"}
        whole = hashlib.sha256(strictjson.dumps(plain)).digest()
        assert digests.digest("revocation_lists", row) == b64url.encode(whole)


def test_who_asks_for_many_shards_delays_others_by_one_signature(issuer: Issuer) -> None:
    signed: list[bytes] = []
    counted = CountedSigner(issuer.signer, signed.append)
    shards = cut(issuer._replace(signer=counted), 15_000)
    numbers = {digest(one := f"HS-2027-{n}").hex()[0]: one for n in range(200)}
    last = numbers.pop("f")

    async def ask() -> None:
        asked = [[*numbers.values()], [last], [last, last]]
        await asyncio.gather(*(revocation_file.file_for(shards, one, NOW) for one in asked))

    asyncio.run(ask())
    assert message_prefix(signed[1]) == "f"
    assert len(signed) == 16  # each once


def test_a_file_is_for_so_many_licences_that_clients_read_it(desk: Desk, issuer: Issuer) -> None:
    numbers = [f"HS-2027-{n:08}" for n in range(MOST_LICENSES)]
    for count in (0, 15_000):
        assert cut(issuer, count).of(numbers, NOW)
        with pytest.raises(InputInvalidError):
            cut(issuer, count).of([*numbers, *numbers[:1]], NOW)
    assert MOST_LICENSES * LARGEST_SHARD <= MAX_REVOCATIONS
    published(desk)
    query = tuple(("license", one) for one in [*numbers, *numbers[:1]])
    reply = desk.client.get(URL, params=query)
    assert (reply.status_code, reply.json()["type"]) == (422, "/problems/input-invalid")


def test_a_number_is_read_as_people_write_it(desk: Desk) -> None:
    published(desk)
    number = str(issue(desk).json()["id"])
    plain = desk.client.get(URL, params={"license": number})
    typed = f" {number.lower().replace('0', 'o')} "
    assert typed_numbers.whole(typed) == number
    same = desk.client.get(URL, params={"license": typed})
    assert (same.status_code, same.content) == (200, plain.content)
    for other in (number[8:], f"{number}0", ""):  # its shard would be of other licences
        reply = desk.client.get(URL, params={"license": other})
        assert (reply.status_code, reply.json()["type"]) == (422, "/problems/input-invalid")


def test_a_list_is_read_once_whoever_asks_at_once(tmp_path: Path) -> None:
    site = new_ledger(tmp_path, None).site
    listed = Revocations.of(map(str, range(50_000)), iss=site.issuer.name, number=7, iat=1, exp=2)
    token = revocation_store.unsigned(listed)
    stored = cut(site.issuer, 3).stored._replace(token=token)
    site.database.write(lambda c: revocation_lists.record(c, stored, 50_000, COMMAND))
    kept = Kept()

    def newest(_: int) -> Shards | None:
        with site.database.reading() as connection:
            return kept.newest(connection, site.issuer)

    with ThreadPoolExecutor(8) as threads:
        found = [*threads.map(newest, range(8))]
    assert found == [found[0]] * 8
    site.database.close()


def test_a_list_that_nobody_signed_counts_as_no_signature(tmp_path: Path) -> None:
    ledger = new_ledger(tmp_path, None)
    ledger.issue(1)
    database = ledger.site.database
    stored = cut(ledger.site.issuer, 3).stored._replace(token="{}")
    database.write(lambda c: revocation_lists.record(c, stored, 3, COMMAND))
    assert ledger.faults() == []
    assert all(one.kind.kid for one in database.read(signature_count.compare))
    database.close()


def test_a_key_that_may_not_sign_signs_no_shard(issuer: Issuer) -> None:
    ended = max(one.exp for one in issuer.keyset.keyset.keys)
    with pytest.raises(SignerUnavailableError):
        cut(issuer, 10).of(["HS-2027-1"], ended)


def test_list_that_is_too_large_is_published_in_shards_alone(desk: Desk) -> None:
    former = published(desk)
    revoked, kept = (str(issue(desk).json()["id"]) for _ in range(2))
    wanted = ActRequest(REVOKE, {"reason": "x"}, revoked)
    desk.site.database.write(lambda c: recording.end(c, wanted, COMMAND, desk.clock.now))
    exact = len(list_file.file_of(signed(desk)))
    assert [signed(desk, largest).is_whole for largest in (exact, exact - 1)] == [True, False]

    state = desk.client.app.state.server  # type: ignore[attr-defined]
    site = desk.site
    settings = site.settings.model_copy(update={"revocations_bytes": exact - 1})
    state.site = site._replace(settings=settings)
    allowed = bearer(desk, "revocations:publish")
    try:
        made = desk.client.post("/api/v1/revocations", json={}, headers=allowed).json()
    finally:
        state.site = site
    assert (made["number"], made["whole"]) == (former.number + 1, False)
    assert desk.client.get("/api/v1/revocations", headers=allowed).json()["whole"] is False
    reply = desk.client.get(URL)
    assert (reply.status_code, reply.json()["type"]) == (409, "/problems/revocations-too-large")
    assert "?license=NUMBER" in reply.json()["remedy"]
    page = desk.client.get(URL, headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["content-type"][:9]) == (409, "text/html")
    (listed,) = asked(desk, revoked)
    assert listed.number == made["number"]
    assert (listed.lists(revoked), listed.lists(kept)) == (True, False)
    assert published(desk).is_whole
    assert desk.client.get(URL).status_code == 200


def signed(desk: Desk, *largest: int) -> StoredList:
    """The next list, unpublished."""
    site = desk.site
    with site.database.reading() as connection:
        given = {"largest": largest[0]} if largest else {}
        return revocation_lists.sign_next(connection, site.issuer, desk.clock.now, **given)[0]


def published(desk: Desk) -> StoredList:
    """The next list, in force."""
    new = signed(desk)
    desk.site.database.write(lambda c: revocation_lists.record(c, new, 0, COMMAND))
    return new


def asked(desk: Desk, *numbers: str) -> list[Revocations]:
    """The lists that the server gives for these licences."""
    query: Sequence[Any] = [("license", number) for number in numbers]
    reply = desk.client.get(URL, params=tuple(query))
    assert reply.status_code == 200, reply.text
    tag = {"If-None-Match": reply.headers["etag"]}
    assert desk.client.get(URL, params=tuple(query), headers=tag).status_code == 304
    return opened(reply.content, desk.site.issuer)
