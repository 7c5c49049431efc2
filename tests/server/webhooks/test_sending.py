"""Deliveries reach the other end, in order, once it lets them, and say so."""

import asyncio
import random
import threading
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from functools import partial

import pytest
import sqlalchemy
from standardwebhooks.webhooks import Webhook as Verifier

from license_core import strictjson
from license_server.actor import COMMAND, SERVER
from license_server.background import webhooks as background
from license_server.db.webhook_tables import webhook_deliveries
from license_server.deliveries import delivery_store, payload
from license_server.licenses.acts import BY_EVENT
from license_server.requests import filing, incoming, outcomes
from license_server.webhooks import endpoints, resending, schedule, webhook_store
from license_server.webhooks.sending import Outcome
from tests.support.hooks import Answer, Received, Teller, end


def lineages(came: list[Received]) -> dict[str, list[str]]:
    """The events of each lineage, in the order in which they were taken."""
    found: dict[str, list[str]] = defaultdict(list)
    for one in came:
        licence = strictjson.loads(one.body)["data"]["license"]
        found[licence["line"]].append(f"{one.type} {licence['id']}")
    return found


def test_every_event_of_an_act_on_licences_is_offered() -> None:
    assert set(BY_EVENT) <= set(payload.EVENTS)


def test_issued_licence_is_told_with_a_signature_that_the_published_package_verifies(
    teller: Teller,
) -> None:
    with end() as there:
        _, secret = teller.add(there.url)
        number = teller.ledger.issue(1, contract="PO-7")
        teller.send()
        events = {one.type: one for one in there.received}
        told = events["license.issued"]
        assert told.license == number
        licence = strictjson.loads(told.body)["data"]["license"]
        assert (licence["customer"], licence["contract"]) == ("ACME", "PO-7")
        # The package compares with the real time: what it signs itself at that of the header.
        signed_at = int(told.headers["webhook-timestamp"])
        expected = Verifier(secret).sign(
            told.id, datetime.fromtimestamp(signed_at), told.body.decode()
        )
        assert told.headers["webhook-signature"] == expected
    assert {one.state for one in teller.deliveries()} == {"delivered"}


def test_request_is_told_in_the_order_of_what_became_of_it_without_who_sent_it(
    teller: Teller,
) -> None:
    """The end refuses the first at first: what follows of that request waits, another does not."""
    now, write = teller.clock.now, teller.site.database.write
    refused: list[Received] = []

    def at_first(one: Received) -> Answer:
        if not refused:
            refused.append(one)
            return Answer(503)
        return Answer()

    came = [
        incoming.Received(
            *("mail", f"Geheim {number}: a licence please"),
            sender_name="Li Wei",
            sender_address=f"li{number}@nordlicht.example",
            subject="Vertraulich",
        )
        for number in range(2)
    ]
    with end(at_first) as there:
        teller.add(there.url, events=["request.filed", "request.issued", "request.refused"])
        first, second = (write(lambda c, o=one: filing.file(c, SERVER, o, now)) for one in came)  # type: ignore[misc]
        number = teller.ledger.issue(1)
        done = write(lambda c: outcomes.answer_with(c, first.request.id, number, COMMAND, now))
        write(lambda c: outcomes.refuse(c, second.request.id, COMMAND, "Vertraulich", now))
        write(lambda c: outcomes.expire(c, second.request.id, SERVER, now))  # it is closed
        teller.send(rounds=3)
    told = [strictjson.loads(one.body) for one in there.received if one is not refused[0]]
    each = [(one["type"], one["data"]["request"]) for one in told]
    events: dict[int, list[str]] = defaultdict(list)
    for event, request in each:
        events[request["id"]].append(event)
    assert events == {
        first.request.id: ["request.filed", "request.issued"],
        second.request.id: ["request.filed", "request.refused"],
    }
    assert each[0][0] == "request.filed"
    issued = next(request for event, request in each if event == "request.issued")
    assert (issued["license"], issued["customer"], issued["state"]) == (number, "ACME", "issued")
    assert done.license == number
    for one in there.received:
        for word in (b"Geheim", b"Li Wei", b"nordlicht", b"Vertraulich"):
            assert word not in one.body


@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.torture)])
def test_end_that_fails_half_the_time_is_told_everything_in_the_order_of_each_licence(
    teller: Teller, count: int
) -> None:
    """So many events, of which some renew what others issued; two senders share the work."""
    chance = random.Random(7)
    taken: list[Received] = []

    def half(one: Received) -> Answer:
        if chance.random() < 0.5:
            return Answer(500, body=b"not now")
        taken.append(one)
        return Answer()

    with end(half) as there:
        teller.add(there.url, events=["license.issued", "license.renewed"])
        wanted: dict[str, list[str]] = {}
        for host in range(count // 4):
            first = number = teller.ledger.issue(host)
            wanted[first] = [f"license.issued {first}"]
            for _ in range(3):
                number = teller.ledger.act("renew", number, days=60)
                wanted[first].append(f"license.renewed {number}")

        async def both() -> None:
            senders = teller.sender(), teller.sender()
            async with senders[0].open_client() as one, senders[1].open_client() as other:
                for _ in range(20 * count):
                    await asyncio.gather(senders[0].look(one), senders[1].look(other))
                    await asyncio.gather(senders[0].idle(), senders[1].idle())
                    due = teller.next_due()
                    if due is None:
                        return
                    teller.clock.now = max(teller.clock.now, due) + 60

        asyncio.run(both())
    assert {one.state for one in teller.deliveries()} == {"delivered"}
    assert lineages(taken) == wanted
    assert len(there.received) > 1.5 * count
    for one in teller.deliveries():
        assert {got.body for got in there.received if got.id == one.message} == {one.body}


def test_rolled_back_act_tells_nothing(teller: Teller) -> None:
    with end() as there:
        teller.add(there.url)
        with pytest.raises(ValueError, match="in the middle"):
            teller.site.database.write(lambda c: _fail_after_noting(teller, c))
        assert teller.deliveries() == []


def _fail_after_noting(teller: Teller, connection: sqlalchemy.Connection) -> None:
    from license_server.catalog import customers

    customers.add(connection, {"name": "Nobody"}, COMMAND, teller.clock.now)
    raise ValueError("in the middle")


def test_later_event_of_a_licence_waits_for_the_earlier_and_other_licences_go_on(
    teller: Teller,
) -> None:
    stuck = teller.ledger.issue(1)

    def refuse_one(one: Received) -> Answer:
        return Answer(503) if one.license in blocked else Answer()

    with end(refuse_one) as there:
        teller.add(there.url, events=["license.noted", "license.renewed", "license.issued"])
        renewed = teller.ledger.act("renew", stuck, days=60)
        again = teller.ledger.act("renew", renewed, days=90)
        blocked = {renewed}
        other = teller.ledger.issue(2)
        teller.send()
        assert [one.license for one in there.received].count(other) == 1
        assert again not in {one.license for one in there.received}
        blocked.clear()
        teller.send(rounds=3)
        assert [one.license for one in there.received][-2:] == [renewed, again]


def test_sender_killed_between_an_attempt_and_its_record_sends_the_same_message_again(
    teller: Teller,
) -> None:
    with end() as there:
        made, _ = teller.add(there.url, events=["license.issued"])
        teller.ledger.issue(1)
        take = delivery_store.take
        now = teller.clock.now
        taken = teller.site.database.write(lambda c: take(c, made.id, now, "killed", 60, 8))
        assert len(taken) == 1  # and whoever holds it is gone
        teller.send()
        assert there.received == []
        teller.clock.now += 60
        teller.send()
        (got,) = there.received
        assert (got.id, got.body) == (taken[0].message, taken[0].body)
        # Were it to come back after all, its word changes nothing.
        outcome = Outcome(1, problem="timeout")
        teller.site.database.write(
            lambda c: background.record(c, made.id, taken[0], "killed", outcome, now, 0.5)
        )
        assert [one.state for one in teller.deliveries()] == ["delivered"]


def test_sender_that_is_killed_while_it_sends_leaves_a_message_that_is_sent_again(
    teller: Teller,
) -> None:
    """The other end has it, and nobody wrote that down: at least once, under one id."""

    async def killed() -> None:
        loop, sender = asyncio.get_running_loop(), teller.sender()
        arrived = asyncio.Event()
        kill.append(lambda: loop.call_soon_threadsafe(arrived.set))
        async with sender.open_client() as client:
            await sender.look(client)
            await arrived.wait()
            for task in list(sender._tasks.values()):
                task.cancel()
            await sender.idle()

    kill: list[Callable[[], object]] = []
    held = threading.Event()

    def take(_: Received) -> Answer:
        if kill:
            kill.pop()()
            held.wait(60)
        return Answer()

    with end(take) as there:
        teller.add(there.url, events=["license.issued"])
        teller.ledger.issue(1)
        asyncio.run(killed())
        held.set()
        (delivery,) = teller.deliveries()
        assert (delivery.state, teller.attempts(delivery)) == ("waiting", [])
        teller.clock.now += background.LEASE_SECONDS
        teller.send()
        first, second = there.received
    assert (first.id, first.body) == (second.id, second.body)
    assert [one.state for one in teller.deliveries()] == ["delivered"]


def test_fsck_finds_a_delivery_that_was_tampered_with(teller: Teller) -> None:
    with end() as there:
        teller.add(there.url, events=["license.issued"])
        teller.ledger.issue(1)
        teller.send()
    assert teller.ledger.faults() == []
    for change in ("body = '{}'", "state = 'lost'", "done_at = null"):
        with teller.site.database.engine.connect() as connection:
            if connection.dialect.name == "postgresql":
                change = change.replace("'{}'", "'{}'::bytea")  # noqa: PLW2901
            connection.execute(sqlalchemy.text(f"update webhook_deliveries set {change}"))
            found = teller.ledger.faults_of(connection)
            assert [fault.kind for fault in found] == ["delivery-wrong"], change
            connection.rollback()


def test_two_processes_never_hold_the_same_delivery(teller: Teller) -> None:
    with end() as there:
        made, _ = teller.add(there.url, events=["license.issued"])
        for host in range(6):
            teller.ledger.issue(host)
    now, write = teller.clock.now, teller.site.database.write
    one = write(lambda c: delivery_store.take(c, made.id, now, "one", 60, 4))
    other = write(lambda c: delivery_store.take(c, made.id, now, "other", 60, 4))
    assert (len(one), len(other)) == (4, 2)
    assert not {d.id for d in one} & {d.id for d in other}


def test_replay_is_the_same_bytes_under_the_same_id(teller: Teller) -> None:
    with end() as there:
        teller.add(there.url, events=["license.issued"])
        teller.ledger.issue(1)
        teller.send()
        (delivery,) = teller.deliveries()
        teller.clock.now += 86400
        teller.site.database.write(
            lambda c: resending.replay(c, delivery.id, COMMAND, teller.clock.now)
        )
        teller.send()
        first, second = there.received
    assert (first.id, first.body) == (second.id, second.body)
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]
    assert len(teller.attempts(delivery)) == 2


def test_span_is_sent_again_in_its_order(teller: Teller) -> None:
    with end() as there:
        made, _ = teller.add(there.url, events=["license.issued"])
        numbers = []
        for host in range(3):
            teller.clock.now += 10
            numbers.append(teller.ledger.issue(host))
        teller.send()
        there.received.clear()
        (_, middle, last) = teller.deliveries()
        wanted = delivery_store.DeliveryFilter(since=middle.created_at, until=last.created_at + 1)
        count = teller.site.database.write(
            lambda c: resending.replay_span(c, made.id, wanted, COMMAND, teller.clock.now)
        )
        assert count == 2
        teller.send()
        assert {one.license for one in there.received} == set(numbers[1:])


def test_redirect_is_a_failure_that_says_so_and_is_not_followed(teller: Teller) -> None:
    with end() as aim:
        with end(lambda _: Answer(307, {"Location": aim.url})) as there:
            teller.add(there.url, events=["license.issued"])
            teller.ledger.issue(1)
            teller.send()
        (delivery,) = teller.deliveries()
        (attempt,) = teller.attempts(delivery)
        assert (attempt.status, attempt.problem, attempt.detail) == (307, "redirect", aim.url)
        assert delivery.state == "waiting"
        assert aim.received == []


def test_gone_pauses_the_webhook_and_keeps_what_waits(teller: Teller) -> None:
    with end(lambda _: Answer(410)) as there:
        made, _ = teller.add(there.url, events=["license.issued"])
        teller.ledger.issue(1)
        teller.send()
    found = teller.webhook(made.id)
    assert (found.state, found.paused_why) == ("paused", webhook_store.GONE)
    assert [one.state for one in teller.deliveries()] == ["waiting"]
    teller.clock.now += 86400
    teller.send()
    assert len(there.received) == 1


def test_webhook_that_fails_for_three_days_is_paused_and_the_last_word_is_kept(
    teller: Teller,
) -> None:
    with end(lambda _: Answer(500, body=b"x" * 5000)) as there:
        made, _ = teller.add(there.url, events=["license.issued"])
        teller.ledger.issue(1)
        begun = teller.clock.now
        teller.send(rounds=len(schedule.DELAYS) + 1)
        (delivery,) = teller.deliveries()
        assert delivery.state == "failed"
        assert len(there.received) == len(schedule.DELAYS) + 1
        assert 2.3 < (teller.clock.now - begun) / 86400 < 3.8
        assert teller.webhook(made.id).paused_why == webhook_store.FAILING
        assert teller.attempts(delivery)[0].answer == b"x" * 1024


def test_silent_end_is_given_up_in_time(teller: Teller) -> None:
    held = threading.Event()

    def silent(_: Received) -> Answer:
        held.wait(60)
        return Answer()

    with end(silent) as there:
        teller.add(there.url, events=["license.issued"])
        teller.ledger.issue(1)
        teller.send(teller.sender(seconds=0.3))
        held.set()
    (delivery,) = teller.deliveries()
    (attempt,) = teller.attempts(delivery)
    assert (attempt.status, attempt.problem) == (None, "timeout")


def test_former_secret_signs_beside_the_new_one_for_a_while(teller: Teller) -> None:
    with end() as there:
        made, former = teller.add(there.url, events=["license.issued"])
        _, secret = teller.site.database.write(
            lambda c: endpoints.rotate(c, made.id, 24, COMMAND, teller.clock.now, teller.sealing)
        )
        for host in (1, 2):
            teller.ledger.issue(host)
            teller.send()
            teller.clock.now += 25 * 3600
    both, one = (got.headers["webhook-signature"].split() for got in there.received)
    assert (len(both), len(one)) == (2, 1)
    assert former != secret


def test_paused_webhook_gets_what_waited_once_it_is_resumed_or_not_if_it_is_discarded(
    teller: Teller,
) -> None:
    with end() as there:
        made, _ = teller.add(there.url, events=["license.issued"])
        write = teller.site.database.write
        for discard in (False, True):
            write(lambda c: endpoints.pause(c, made.id, COMMAND, teller.clock.now))
            teller.ledger.issue(int(discard))
            teller.send()
            resume = partial(endpoints.resume, discard=discard)
            write(lambda c: resume(c, made.id, COMMAND, teller.clock.now))  # noqa: B023
            teller.send()
            assert len(there.received) == 1


def test_webhook_for_some_products_is_told_of_no_other(teller: Teller) -> None:
    with end() as there:
        teller.add(there.url, products=["other"])
        teller.ledger.issue(1)
        number = teller.ledger.issue(2, product="other")
        teller.send()
    assert {(one.type, number in one.body.decode()) for one in there.received} == {
        ("license.issued", True),
        ("product.added", False),
    }


def test_secret_is_sealed_and_in_no_event(teller: Teller) -> None:
    with end() as there:
        made, secret = teller.add(f"{there.url}/T00/secret-path")
    bare = secret.removeprefix("whsec_").encode()
    assert bare not in made.secret
    with teller.site.database.reading() as connection:
        query = sqlalchemy.text("select details from audit_events where action like 'webhook.%'")
        told = "".join(connection.execute(query).scalars())
    assert "secret-path" not in told
    assert secret not in told


def test_old_deliveries_are_forgotten_and_what_waits_is_not(teller: Teller) -> None:
    with end() as there:
        teller.add(there.url, events=["license.issued"])
        teller.ledger.issue(1)
        teller.send()
        teller.clock.now += 100
        waiting = teller.ledger.issue(2)
    later = teller.clock.now + 1
    teller.site.database.write(lambda c: delivery_store.forget(c, later))
    assert [one.subject for one in teller.deliveries()] == [waiting]
    assert teller.site.database.read(
        lambda c: c.execute(sqlalchemy.select(webhook_deliveries.c.id)).all()
    )
