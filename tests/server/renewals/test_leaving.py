"""Reminders that waited are looked at once more as they leave: nobody is told what is not so."""

from collections.abc import Iterator

import pytest

from license_server.actor import COMMAND
from license_server.catalog import customers
from license_server.mail import outbox, outbox_store
from license_server.mail.outbox_store import CANCELLED, SENT
from license_server.operations import outbox_check, reminders_check
from tests.support import smtp
from tests.support.ledger import ISSUER, line
from tests.support.reminding import Office
from tests.support.smtp import Server

OWNER = ISSUER.name.removeprefix("user:")


@pytest.fixture
def relay(office: Office) -> Iterator[Server]:
    office.write(outbox_store.hold_open)  # what other tests have left
    with smtp.serving() as server:
        yield server


def test_reminder_of_what_was_renewed_while_it_waited_is_withdrawn(
    office: Office, relay: Server
) -> None:
    customer, product = office.customer(), office.product(30)
    number = office.issue(customer, product, 40)
    office.look(10)
    office.ledger.act("renew", number, days=400)
    office.leave(relay)
    assert relay.taken == []
    (mail,), (owners,) = office.own_mails(), office.own_mails(OWNER)
    assert (mail.state, mail.answer) == (CANCELLED, outbox.WITHDRAWN)
    assert owners.state == CANCELLED
    assert office.given(number) == [(30, "mailed")]
    office.look(11, 12)
    office.leave(relay)
    assert relay.taken == []
    office.ledger.link()
    assert office.ledger.faults() == []


def test_what_is_left_of_a_reminder_leaves_as_another_mail(office: Office, relay: Server) -> None:
    customer, product = office.customer(), office.product(30)
    renewed, revoked, *left = (office.issue(customer, product, 40) for _ in range(4))
    office.look(10)
    (first,), (told,) = office.own_mails(), office.own_mails(OWNER)
    assert first.subject == "4 of your licences expire soon"
    office.ledger.act("renew", renewed, days=400)
    office.ledger.end("revoke", revoked, "not paid")
    assert office.leave(relay) == []
    assert sorted(office.leave(relay)) == ["2 licences to renew", "2 of your licences expire soon"]
    former, second = office.own_mails()
    assert (former.id, former.state, second.state) == (first.id, CANCELLED, SENT)
    assert [one for one in (renewed, revoked, *left) if one in second.body] == left
    assert [office.rows(one)[0].mail for one in (renewed, *left)] == [first.id, *[second.id] * 2]
    former, second = office.own_mails(OWNER)
    assert (former.id, former.state, second.state) == (told.id, CANCELLED, SENT)
    assert [office.rows(one)[0].owner_mail for one in (renewed, *left)] == [
        told.id,
        *[second.id] * 2,
    ]
    office.look(11)
    assert office.leave(relay) == []
    with office.site.database.snapshot() as connection:
        found = [*reminders_check.faults(connection), *outbox_check.faults(connection)]
    assert found == []


def test_reminder_of_what_ends_as_before_leaves_as_it_was_written(
    office: Office, relay: Server
) -> None:
    customer, product = office.customer(), office.product(30)
    moved = office.issue(customer, product, 40)
    office.look(10)
    office.ledger.act("rehost", moved, host=line(4711), reason="a new machine")
    subjects = [one.subject for one in (*office.own_mails(), *office.own_mails(OWNER))]
    assert sorted(office.leave(relay)) == sorted(subjects)


@pytest.mark.parametrize("declines", [True, False])
def test_reminder_that_is_not_wanted_or_is_over_when_it_leaves_is_withdrawn(
    office: Office, relay: Server, declines: bool
) -> None:
    customer, product = office.customer(), office.product(30)
    office.issue(customer, product, 40)
    office.look(10)
    if declines:
        wish = {"no_reminders": True}
        office.write(lambda c: customers.change(c, customer.id, wish, COMMAND, office.clock.now))
    else:
        office.to(41)
    office.leave(relay)
    assert [one.recipient for one in relay.taken] == [OWNER]
    assert [one.state for one in office.own_mails()] == [CANCELLED]
