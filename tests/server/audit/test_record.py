"""The audit log: its hash chain, its checkpoints, and its keeper."""

import asyncio
import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import select
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from license_core import b64url, jws
from license_core.claims import MAX_INSTANT, ClaimError
from license_core.errors import ClockWrongError
from license_core.revocation import Revocations
from license_core.signer import MemorySigner
from license_server.access.tokens import Grant
from license_server.actor import COMMAND
from license_server.app import create_app
from license_server.audit import audit_store, chain, events
from license_server.audit.checkpoints import Checkpoint
from license_server.background.record import Keeper
from license_server.db import passing, reply_store
from license_server.db.database import Database
from license_server.db.tables import audit_events, checkpoints
from license_server.operations import schema
from tests.support import server
from tests.support.desk import Desk
from tests.support.ledger import NOW, Ledger, new_ledger, open_ledger, walk
from tests.support.postgres import new_database


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    """A vendor of this test, who has done nothing yet."""
    made = new_ledger(tmp_path, None if request.param == "sqlite" else new_database())
    yield made
    made.site.database.close()


def positions(ledger: Ledger) -> list[int | None]:
    with ledger.site.database.reading() as connection:
        query = select(audit_events.c.position).order_by(audit_events.c.id)
        return list(connection.execute(query).scalars())


def test_each_link_hashes_the_previous_link_and_the_event(ledger: Ledger) -> None:
    ledger.issue()
    ledger.link()
    with ledger.site.database.reading() as connection:
        events = list(audit_store.whole_chain(connection))
    previous = bytes(32)
    for position, event in enumerate(events, 1):
        line = json.loads(chain.exported(event))
        previous = hashlib.sha256(previous + sealed(line["event"])).digest()
        assert (line["position"], b64url.decode(line["link"])) == (position, previous)
    assert len(events) == 5


def sealed(event: dict[str, Any]) -> bytes:
    """The text of an exported event that is hashed, as SPEC section 11.1 says."""
    salt, words = b64url.decode(event["salt"]), {name: event[name] for name in WORDS}
    for name in ("details", "rows"):
        words |= {f"{name}/{one}": word for one, word in json.loads(event[name] or "{}").items()}
    seals = {}
    for path, word in words.items():
        half = salt[16:] if path == "address" else salt[:16]
        key = hashlib.sha256(half + path.encode()).digest()
        seals[path] = b64url.encode(hashlib.sha256(key + compact(word)).digest())
    bare = {name: event[name] for name in ("id", "at", "action")}
    return compact(bare | {"seals": seals})


def compact(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


WORDS = ("actor", "address", "subject", "reason")


def test_issuing_does_not_wait_for_the_hash_chain(ledger: Ledger) -> None:
    ledger.issue()
    assert positions(ledger) == [None] * 5
    ledger.link()
    assert positions(ledger) == [1, 2, 3, 4, 5]


def test_checkpoint_names_its_position_and_the_previous_one(ledger: Ledger) -> None:
    first = Checkpoint.open(ledger.checkpoint(), ledger.trusted.record)
    assert ledger.checkpoint() == ledger.checkpoint()
    ledger.issue()
    second = Checkpoint.open(ledger.checkpoint(), ledger.trusted.record)
    assert (first.position, first.previous) == (2, 0)
    assert (second.position, second.previous) == (5, 2)
    assert (second.iss, second.iat, len(second.link)) == ("Example Vendor", NOW, 32)


@pytest.mark.parametrize("now", [-1, MAX_INSTANT + 1])
def test_nothing_is_signed_or_done_at_an_instant_that_nobody_reads(
    ledger: Ledger, now: int
) -> None:
    ledger.issue()
    ledger.link()
    before = positions(ledger)
    for work in (
        partial(ledger.notary.make, now=now),
        partial(events.record, now=now, actor=COMMAND, action="test.done", subject="x"),
    ):
        with pytest.raises(ClockWrongError):
            ledger.site.database.write(work)
    with pytest.raises(ClaimError):
        Checkpoint("Vendor", 1, bytes(32), 0, now).sign(ledger.notary.signer)
    with pytest.raises(ClaimError):
        Revocations("Vendor", 1, now, b"").sign(ledger.notary.signer)
    assert positions(ledger) == before
    assert ledger.faults() == []


def test_checkpoint_of_the_last_instant_can_be_read(ledger: Ledger) -> None:
    ledger.issue()
    ledger.link()
    made = ledger.site.database.write(partial(ledger.notary.make, now=MAX_INSTANT))
    assert made is not None
    assert Checkpoint.open(made.token, ledger.notary.signer.public_key).iat == MAX_INSTANT
    assert ledger.faults() == []


def test_checkpoint_of_another_key_or_type_is_rejected(ledger: Ledger) -> None:
    opened = Checkpoint.open(ledger.checkpoint(), ledger.trusted.record)
    other = MemorySigner.from_seed(bytes(32))
    with pytest.raises(jws.UnknownHeaderError):
        Checkpoint.open(opened.sign(other), ledger.trusted.record)
    keyset = jws.sign(b"{}", ledger.notary.signer, jws.KEYSET)
    with pytest.raises(jws.UnknownHeaderError):
        Checkpoint.open(keyset, ledger.trusted.record)
    for payload in (b"[]", b"{}", b'{"iss":"a","position":1,"link":"AA","previous":0,"iat":1}'):
        token = jws.sign(payload, ledger.notary.signer, jws.CHECKPOINT)
        with pytest.raises(ValueError, match="it "):
            Checkpoint.open(token, ledger.trusted.record)


def test_ledger_after_every_action_has_no_fault(ledger: Ledger) -> None:
    walk(ledger)
    assert ledger.faults() == []
    token = ledger.checkpoint()
    assert ledger.faults(token) == []
    ledger.issue(9)
    assert ledger.faults(token) == []


def test_upgraded_former_ledger_has_no_fault(ledger: Ledger) -> None:
    walk(ledger)
    write = ledger.site.database.write
    write(lambda connection: schema.downgrade(connection, "0001"))
    write(lambda connection: schema.upgrade(connection, NOW))
    token = ledger.checkpoint()
    assert ledger.faults(token) == []
    ledger.issue(9)
    assert ledger.faults(token) == []


def test_concurrent_linking_assigns_each_position_once(ledger: Ledger) -> None:
    database, settings = ledger.site.database, ledger.settings
    others = [Database(settings.database_url) for _ in range(3)]
    count = 6 * chain.BATCH // 5

    def record(which: Database) -> None:
        for number in range(count // 40):
            which.write(partial(_burst, number=number, count=40))

    def link(which: Database) -> None:
        for _ in range(30):
            which.write(chain.extend)

    with ThreadPoolExecutor(6) as pool:
        done = [pool.submit(record, which) for which in (database, others[0])]
        done += [pool.submit(link, which) for which in (database, *others)]
        for future in done:
            future.result()
    ledger.link()
    for other in others:
        other.close()
    given = positions(ledger)
    assert sorted(p for p in given if p) == list(range(1, len(given) + 1))
    assert len(given) == 2 + 2 * (count // 40) * 40
    assert ledger.faults(ledger.checkpoint()) == []


def _rename(connection: sqlalchemy.Connection, former: str, later: str) -> None:
    connection.execute(sqlalchemy.text(f"alter table {former} rename to {later}"))


def _burst(connection: sqlalchemy.Connection, number: int, count: int) -> None:
    for each in range(count):
        events.record(connection, NOW, COMMAND, "test.done", f"{number}.{each}")


def test_issuing_continues_while_another_process_links(tmp_path: Path) -> None:
    ledger = new_ledger(tmp_path, new_database())
    other = Database(ledger.settings.database_url)
    with other.reading() as connection:  # another process, in the middle of its work
        assert chain.extend(connection) == 2
        first = ledger.issue()
        assert ledger.site.database.write(chain.extend) == 0
        assert ledger.act("renew", first, days=9)
        assert ledger.site.database.write(lambda c: ledger.notary.make(c, NOW)) is None
        assert positions(ledger) == [None] * 6
        connection.commit()
    assert ledger.site.database.write(chain.extend) == 4
    assert ledger.faults(ledger.checkpoint()) == []
    other.close()
    ledger.site.database.close()


def test_late_commit_is_linked_after_earlier_commits(tmp_path: Path) -> None:
    ledger = new_ledger(tmp_path, new_database())
    other = Database(ledger.settings.database_url)
    with other.reading() as slow:
        events.record(slow, NOW, COMMAND, "test.slow", "begun first")  # it has the lower id
        ledger.issue()
        ledger.link()
        slow.commit()
    ledger.link()
    given = positions(ledger)
    assert given == [1, 2, 6, 3, 4, 5]
    assert ledger.faults(ledger.checkpoint()) == []
    other.close()
    ledger.site.database.close()


def test_keeper_deletes_old_replies_once_an_hour(
    ledger: Ledger,
) -> None:
    clock = [NOW]
    keeper = Keeper(ledger.site._replace(clock=lambda: clock[0]), ledger.notary)
    write = ledger.site.database.write

    def keep(key: str, at: int) -> None:
        write(
            lambda c: reply_store.keep_reply(
                c, "a", key, bytes(32), at, reply_store.Reply(200, None, b"")
            )
        )

    def kept() -> list[str]:
        return [
            key
            for key in ("old", "late", "new")
            if ledger.site.database.read(partial(reply_store.kept_reply, actor="a", key=key))
        ]

    async def hours() -> None:
        keep("old", NOW - passing.KEPT_SECONDS - 1)
        keep("new", NOW - passing.KEPT_SECONDS + 3600)
        await keeper.keep(0)
        assert kept() == ["new"]
        keep("late", NOW - passing.KEPT_SECONDS - 1)
        clock[0] += 3599
        await keeper.keep(0)
        assert kept() == ["late", "new"]
        clock[0] += 1
        await keeper.keep(0)
        assert kept() == ["new"]

    asyncio.run(hours())


def test_keeper_makes_a_checkpoint_when_one_is_due(ledger: Ledger) -> None:
    clock = [NOW]
    keeper = Keeper(ledger.site._replace(clock=lambda: clock[0]), ledger.notary)

    def made() -> list[int]:
        with ledger.site.database.reading() as connection:
            return list(connection.execute(select(checkpoints.c.created_at)).scalars())

    async def hours() -> None:
        await keeper.keep(3600)
        ledger.site.database.write(lambda c: _burst(c, 0, 1))
        clock[0] += 3599
        await keeper.keep(3600)
        assert made() == [NOW]
        assert positions(ledger) == [1, 2, 3]
        clock[0] += 1
        await keeper.keep(3600)
        assert made() == [NOW, NOW + 3600]
        ledger.site.database.write(lambda c: _burst(c, 0, 1))
        async with keeper.at_work():
            pass
        assert len(made()) == 3

    asyncio.run(hours())
    assert positions(ledger) == [1, 2, 3, 4]


def test_keeper_survives_a_database_failure(ledger: Ledger) -> None:
    keeper = Keeper(ledger.site, ledger.notary)

    async def end() -> None:
        async with keeper.at_work():
            pass

    for former, later in (("audit_events", "elsewhere"), ("elsewhere", "audit_events")):
        ledger.site.database.write(partial(_rename, former=former, later=later))
        with capture_logs() as logs:
            asyncio.run(end())
        told = [one["event"] for one in logs]
        assert told == (["record not kept"] if later == "elsewhere" else [])
    assert positions(ledger) == [1, 2]


def test_stopping_server_links_all_events_and_makes_a_checkpoint(ledger: Ledger) -> None:
    with TestClient(create_app(ledger.settings, clock=lambda: NOW)):
        ledger.issue()
    assert positions(ledger) == [1, 2, 3, 4, 5]
    with ledger.site.database.reading() as connection:
        (last,) = audit_store.listed_checkpoints(connection, before=None, limit=1)
    assert last.position == 5
    assert ledger.faults(last.token) == []


def test_checkpoints_are_listed_only_with_record_read(desk: Desk) -> None:
    grant = Grant(frozenset({"record:read"}))
    token = server.new_token(desk.site.database, f"auditor-{desk.clock.now}", 1, grant)
    headers = {"Authorization": f"Bearer {token}"}
    ledger = open_ledger(desk.settings)
    made = ledger.checkpoint()
    ledger.site.database.close()
    reply = desk.client.get("/api/v1/checkpoints", params={"limit": 1}, headers=headers)
    assert reply.status_code == 200
    (shown,) = reply.json()["checkpoints"]
    opened = Checkpoint.open(shown["token"], ledger.trusted.record)
    assert (shown["token"], shown["position"]) == (made, opened.position)
    refused = desk.client.get("/api/v1/checkpoints", headers=desk.bearer)
    assert refused.status_code == 403
