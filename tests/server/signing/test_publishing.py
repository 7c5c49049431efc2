"""Revocation lists published over the API, and by the server itself."""

import asyncio
from typing import Any

import pytest

from license_core import armor
from license_core.errors import SignerUnavailableError
from license_core.keyset import TrustedKeyset
from license_core.revocation import open_revocations
from license_server.actor import COMMAND
from license_server.background.revocations import Publisher
from license_server.db.reply_store import Reply
from license_server.licenses import recording
from license_server.licenses.acts import REVOKE
from license_server.licenses.planning import ActRequest
from license_server.signing import revocation_lists, revocation_store
from license_server.signing.errors import SigningOverError
from license_server.signing.issuer import check_issuing
from license_server.signing.list_days import LISTED_DAYS
from license_server.signing.revocation_store import StoredList
from tests.support.api import bearer, issue, slug
from tests.support.desk import Desk, last_event

URL = "/api/v1/revocations"
MINUTES = 10
HALF = LISTED_DAYS * 86400 // 2


def revoke(desk: Desk) -> str:
    """A licence that was issued, and is revoked now."""
    number = str(issue(desk).json()["id"])
    wanted = ActRequest(REVOKE, {"reason": "x"}, number)
    desk.site.database.write(lambda c: recording.end(c, wanted, COMMAND, desk.clock.now))
    return number


def newest(desk: Desk) -> int:
    return desk.site.database.read(revocation_store.newest_number)


def test_the_api_publishes_a_list_that_names_what_was_revoked(desk: Desk) -> None:
    number = revoke(desk)
    allowed = bearer(desk, "revocations:publish", "licenses:read")
    made = desk.client.post(URL, json={"days": 7}, headers=allowed)
    assert made.status_code == 201, made.text
    (token,) = armor.unwrap(desk.client.get(made.json()["file"]).content)[armor.REVOCATIONS]
    listed = open_revocations(token, desk.site.issuer.keyset)
    assert listed.lists(number)
    assert (listed.number, listed.exp) == (made.json()["number"], desk.clock.now + 7 * 86400)
    desk.clock.now += 1
    told = desk.client.get(URL, headers=allowed).json()
    assert (told["number"], told["waiting"]) == (listed.number, 1)  # of the second of the list
    assert last_event(desk, f"list {listed.number}")[1] == "revocations.published"


def test_a_list_is_published_though_the_keyset_has_ended(desk: Desk) -> None:
    issuer = desk.site.issuer
    ended = TrustedKeyset(issuer.keyset.keyset._replace(exp=desk.clock.now))
    later = issuer._replace(keyset=ended)
    with pytest.raises(SigningOverError, match="ended at"):
        check_issuing(later, desk.clock.now)
    with desk.site.database.snapshot() as connection:
        new, _ = revocation_lists.sign_next(connection, later, desk.clock.now)
    assert open_revocations(new.token, ended).number == new.number


def test_a_request_that_is_sent_again_publishes_one_list(desk: Desk) -> None:
    headers = bearer(desk, "revocations:publish") | {"Idempotency-Key": f"k{desk.clock.now}"}
    first, second = (desk.client.post(URL, json={}, headers=headers) for _ in range(2))
    assert first.json() == second.json()
    assert newest(desk) == first.json()["number"]


@pytest.mark.parametrize("days", [0, -1, 3651, "7", 1.5, True])
def test_days_that_no_list_has_are_refused_at_their_field(desk: Desk, days: Any) -> None:
    before = newest(desk)
    refused = desk.client.post(
        URL, json={"days": days}, headers=bearer(desk, "revocations:publish")
    )
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "days")
    assert newest(desk) == before


def test_a_token_for_some_products_publishes_nothing(desk: Desk) -> None:
    limited = bearer(desk, "licenses:read", "licenses:end", products=frozenset({"darwin"}))
    refused = desk.client.post(URL, json={}, headers=limited)
    assert (refused.status_code, slug(refused)) == (403, "not-permitted")


def test_lists_that_are_published_at_once_have_each_a_number(desk: Desk) -> None:
    before = newest(desk)
    numbers: list[int] = []

    def told(new: StoredList, _: int) -> Reply:
        numbers.append(new.number)
        return Reply(201, None, b"")

    async def publish() -> None:
        one = desk.site.publish_revocations
        await asyncio.gather(*(one(COMMAND, desk.clock.now, 30, told) for _ in range(4)))

    asyncio.run(publish())
    assert newest(desk) == before + 4
    assert set(numbers) >= set(range(before + 1, before + 5))


def test_nothing_is_published_under_a_keyset_that_is_in_force_no_more(desk: Desk) -> None:
    before, issuer = newest(desk), desk.site.issuer
    former = TrustedKeyset(issuer.keyset.keyset._replace(version=0))
    site = desk.site._replace(issuer=issuer._replace(keyset=former))
    with pytest.raises(SignerUnavailableError):
        asyncio.run(site.publish_revocations(COMMAND, desk.clock.now, 30, silent))
    assert newest(desk) == before


def silent(_: StoredList, __: int) -> Reply:
    return Reply(201, None, b"")


def publisher(desk: Desk, minutes: int = MINUTES) -> Publisher:
    """What the server does by itself, where its settings say *minutes*."""
    settings = desk.site.settings.model_copy(update={"revocations_minutes": minutes})
    return Publisher(lambda: desk.site._replace(settings=settings))


def looked(desk: Desk, of: Publisher, seconds: int) -> int:
    """How many lists there are once it has looked again *seconds* later."""
    desk.clock.now += seconds
    asyncio.run(of.look())
    return newest(desk)


def test_the_server_publishes_a_list_so_many_minutes_after_a_revocation(desk: Desk) -> None:
    of = publisher(desk)
    desk.clock.now += 1
    first = looked(desk, of, MINUTES * 60)  # what waited from before
    revoke(desk)
    assert looked(desk, of, MINUTES * 60 - 1) == first
    assert looked(desk, of, 15) == first + 1
    assert last_event(desk, f"list {first + 1}")[:2] == ("server", "revocations.published")
    assert looked(desk, of, MINUTES * 60) == first + 1


def test_the_server_follows_a_list_that_is_half_over(desk: Desk) -> None:
    of = publisher(desk)
    asyncio.run(desk.site.publish_revocations(COMMAND, desk.clock.now, 30, silent))
    first = looked(desk, of, MINUTES * 60)
    assert looked(desk, of, HALF) == first + 1
    assert looked(desk, of, 60) == first + 1


def test_a_server_whose_settings_say_nothing_publishes_nothing_by_itself(desk: Desk) -> None:
    revoke(desk)
    before = newest(desk)

    async def wait() -> None:
        async with publisher(desk, minutes=0).at_work():
            pass

    asyncio.run(wait())
    assert newest(desk) == before
    assert desk.site.settings.revocations_minutes == 0
