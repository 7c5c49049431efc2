"""Reminders: each is given once, to whom it is for, and none of what is not to be renewed."""

import asyncio
import json
import os
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Connection, text

from license_server.access import accounts
from license_server.actor import COMMAND
from license_server.audit import audit_store, events
from license_server.background.reminders import Reminder
from license_server.catalog import customers, letters, merging, products
from license_server.db.errors import InputInvalidError
from license_server.db.renewal_tables import reminders
from license_server.deliveries import delivery_store
from license_server.deliveries.delivery_store import DeliveryFilter
from license_server.mail.outbox_store import HELD, WAITING
from license_server.operations import reminders_check
from license_server.renewals import listing
from license_server.web import reminder_letters
from license_server.webhooks import endpoints
from license_server.webhooks.endpoints import Sealing
from license_server.webhooks.sealed_secrets import SealedSecrets
from tests.support.ledger import ISSUER, finished, line
from tests.support.reminding import BEGIN, Office, at

OWNER = ISSUER.name.removeprefix("user:")


def test_each_reminder_is_mailed_on_its_day_and_once(office: Office) -> None:
    customer, product = office.customer(contact_name="Li Wei"), office.product(90, 30, 7, -1)
    number = office.issue(customer, product, 100, contract="PO-7")
    before = len(office.mails())
    office.look(9, 10, 10, 11, 69, 70, 71, 93, 94, 100, 101, 102, 140)
    assert office.given(number) == [(days, "mailed") for days in (90, 30, 7, -1)]
    first, second, _, last = office.mails()[before:]
    last_day = date.fromordinal(BEGIN.toordinal() + 100)
    assert first.subject == (
        f"Licence {number} for {product} expires in 90 days, at the end of {last_day} (UTC)"
    )
    assert "Dear Li Wei," in first.body
    assert "After that the product does not start any more." in first.body
    assert "expires in 30 days" in second.subject
    assert "expired 1 day ago; its last day was" in last.subject
    assert "The product does not start any more." in last.body
    assert all(one.automatic and one.license is None for one in office.mails()[before:])
    assert [one.product for one in (first, last)] == [product] * 2
    office.ledger.link()
    assert office.ledger.faults() == []


def test_customer_whose_mail_cannot_be_written_holds_up_no_other(office: Office) -> None:
    hindered, other, product = office.customer(), office.customer(), office.product(30)
    numbers = [office.issue(one, product, 40) for one in (hindered, other)]
    office.to(11)
    reminder = office.reminder()
    whole = reminder_letters.texts(office.site)

    def texts(_: Any) -> Any:
        def write(customer: Any, endings: Any) -> tuple[str, str]:
            subject, body = whole.customer(customer, endings)
            return subject, "" if customer.name == hindered.name else body

        return whole._replace(customer=write)

    broken = Reminder(lambda: office.site, texts)
    with pytest.raises(InputInvalidError):
        asyncio.run(broken.look())
    assert [office.given(one) for one in numbers] == [[], [(30, "mailed")]]
    asyncio.run(reminder.look())
    assert [office.given(one) for one in numbers] == [[(30, "mailed")]] * 2


def test_reminder_that_is_due_is_in_the_list_until_it_is_given(office: Office) -> None:
    customer, product = office.customer(), office.product(30, 7)
    office.issue(customer, product, 40)

    def following() -> tuple[int, bool]:
        (one,) = office.site.database.read(
            lambda c: listing.due(
                c,
                listing.Wanted(product=product),
                COMMAND,
                office.clock.now,
                after=None,
                limit=2,
            )
        )
        assert one.following is not None
        return one.following.days, one.following.due_at <= office.clock.now

    office.to(9)
    assert following() == (30, False)
    office.to(10)
    assert following() == (30, True)
    office.look(10)
    assert following() == (7, False)
    office.to(33)
    assert following() == (7, True)


def test_nothing_is_sent_before_eight_where_the_term_was_ordered(office: Office) -> None:
    customer, product = office.customer(), office.product(30)
    number = office.issue(customer, product, 40, time_zone="Asia/Shanghai")
    day = date.fromordinal(BEGIN.toordinal() + 10)
    office.clock.now = at(day, 8, "Asia/Shanghai") - 1
    finished(office.reminder().look())
    assert office.given(number) == []
    office.clock.now += 1
    finished(office.reminder().look())
    assert office.given(number) == [(30, "mailed")]


def test_ten_licences_of_a_week_are_one_mail_and_those_of_later_another(office: Office) -> None:
    customer, product, other = office.customer(), office.product(30, 7), office.product(30)
    week = [office.issue(customer, product, 40 + n % 6) for n in range(9)]
    week.append(office.issue(customer, other, 46))
    later = office.issue(customer, product, 47)
    before = len(office.mails())
    office.look(10, 11, 12, 13, 14, 15, 16)
    (mail,) = office.mails()[before:]
    assert mail.subject == "10 of your licences expire soon"
    assert all(one in mail.body for one in week)
    assert mail.product is None  # it is about two
    assert all(office.given(one) == [(30, "mailed")] for one in week)
    assert office.given(later) == []
    office.look(17)
    assert office.given(later) == [(30, "mailed")]
    office.look(33)
    assert len(office.mails()) == before + 3
    assert office.given(week[0]) == [(30, "mailed"), (7, "mailed")]


def test_server_that_was_off_for_a_month_sends_one_reminder_and_none_of_what_is_long_over(
    office: Office,
) -> None:
    customer, product = office.customer(), office.product(90, 60, 30, 7, -1)
    slept = office.issue(customer, product, 100)
    over = office.issue(office.customer(), product, 20)
    office.look(10)
    assert office.given(slept) == [(90, "mailed")]
    assert office.given(over) == []  # 90, 60 and 30 days before were before it was issued
    office.look(80)
    assert office.given(slept) == [(90, "mailed"), (30, "mailed")]
    assert office.given(over) == []
    office.look(200)
    assert len(office.given(slept)) == 2
    office.look(5)  # a clock that is set back sends nothing again
    assert len(office.given(slept)) == 2


def test_what_is_renewed_moved_or_changed_is_reminded_of_by_its_term(office: Office) -> None:
    customer, product = office.customer(), office.product(30, 7)
    renewed, changed, moved = (office.issue(customer, product, 40) for _ in range(3))
    office.look(10)
    new = office.ledger.act("renew", renewed, expires=_day(400))
    same = office.ledger.act("change", changed, features=["export"])
    there = office.ledger.act("rehost", moved, host=line(77), reason="a new machine")
    office.look(11, 12, 33)
    assert office.given(new) == [(30, "mailed")]  # of the term before
    for number in (same, there):
        assert office.given(number) == [(30, "mailed"), (7, "mailed")]
    office.look(380)
    assert office.given(new) == [(30, "mailed"), (30, "mailed")]
    longer = office.ledger.act("renew", new, expires=_day(430))
    office.look(405)
    assert [one for one, _ in office.given(longer)] == [30, 30, 30]


def _day(days: int) -> str:
    return date.fromordinal(BEGIN.toordinal() + days).isoformat()


def test_nothing_is_sent_of_what_is_not_to_be_renewed(office: Office) -> None:
    customer, product = office.customer(), office.product(30, -1)
    suspended, revoked, stood_for = (office.issue(customer, product, 40) for _ in range(3))
    perpetual = office.issue(customer, product, None, perpetual=True)
    silent = office.issue(customer, office.product(), 40)
    covered, longer = (
        office.ledger.issue(991, customer=customer.name, product=product, days=days)
        for days in (40, 300)
    )
    office.ledger.end("suspend", suspended, "not paid")
    office.ledger.end("revoke", revoked, "not paid")
    office.ledger.end("revoke", stood_for, "broken")
    trial_plan = {"plans": {"Trial": {"trial": True, "days": 40}}}
    office.write(lambda c: products.change(c, product, trial_plan, COMMAND, office.clock.now))
    trial = office.issue(customer, product, None, plan="Trial")
    stop_gap = office.ledger.act("stop-gap", silent, host=line(992), reason="broken")
    before = len(office.mails())
    office.look(10, 41)
    for number in (suspended, revoked, perpetual, silent, stop_gap, longer):
        assert office.given(number) == [], number
    assert office.given(covered) == [(30, "covered"), (-1, "covered")]
    assert office.given(trial) == [(30, "mailed"), (-1, "mailed")]
    first, last = office.mails()[before:]
    assert "It is a trial licence." in first.body
    assert [one.subject.split()[1] for one in (first, last)] == [trial, trial]


@pytest.mark.parametrize(
    ("members", "outcome"),
    [
        ({"contact_email": None}, "no-address"),
        ({"contact_email": "none"}, "no-address"),
        ({"no_reminders": True}, "declined"),
    ],
)
def test_owner_is_told_of_whom_no_mail_goes_to(
    office: Office, members: dict[str, Any], outcome: str
) -> None:
    customer, product = office.customer(**members), office.product(30)
    number = office.issue(customer, product, 40)
    before, told = len(office.mails()), len(office.mails(OWNER))
    office.look(10)
    assert office.given(number) == [(30, outcome)]
    assert len(office.mails()) == before
    (mail,) = office.mails(OWNER)[told:]
    assert f"{customer.name} ({reminder_letters.OUTCOMES[outcome]})" in mail.body
    assert number in mail.body
    assert "https://licences.vendor.example/renewals" in mail.body


def test_archived_customer_is_not_mailed_and_a_merged_one_is_by_its_new_name(
    office: Office,
) -> None:
    archived, merged, into = (office.customer() for _ in range(3))
    product, now = office.product(30), office.clock.now
    numbers = [office.issue(one, product, 40) for one in (archived, merged)]
    office.write(lambda c: customers.archive(c, archived.id, COMMAND, now))
    office.write(lambda c: merging.merge(c, merged.id, into.id, COMMAND, now))
    office.look(10)
    assert [office.given(one) for one in numbers] == [[(30, "archived")], [(30, "mailed")]]


def test_owner_has_one_mail_a_day_over_all_customers(office: Office) -> None:
    other = office.user("owner")
    product = office.product(30, 29)
    mine = [office.customer(owner=other) for _ in range(3)]
    issued = office.customer()
    numbers = [office.issue(one, product, 40) for one in (*mine, issued)]
    told, by_issue = len(office.mails(other)), len(office.mails(OWNER))
    office.to(10, 8)
    finished(office.reminder().look())
    assert len(office.mails(other)) == told  # customers were told; it is too early for owners
    office.to(10, 9)
    finished(office.reminder().look())
    finished(office.reminder().look())
    (mail,) = office.mails(other)[told:]
    assert mail.subject == "3 licences to renew"
    assert all(one in mail.body for one in numbers[:3])
    assert numbers[3] not in mail.body
    assert len(office.mails(OWNER)) == by_issue + 1
    office.ledger.act("renew", numbers[0], days=400)
    office.look(11)
    (_, second) = office.mails(other)[told:]
    assert second.subject == "2 licences to renew"  # one was renewed meanwhile


def test_owner_whose_account_is_disabled_is_told_nothing_and_who_issued_is(
    office: Office,
) -> None:
    left = office.user("left")
    customer, product = office.customer(owner=left), office.product(30)
    number = office.issue(customer, product, 40)
    office.write(lambda c: accounts.end(c, accounts.find(c, left), COMMAND, office.clock.now))
    told, theirs = len(office.mails(OWNER)), len(office.mails(left))
    office.look(10)
    assert len(office.mails(left)) == theirs
    assert number in office.mails(OWNER)[told].body


def test_letters_are_in_the_language_of_the_customer_by_the_texts_of_the_product(
    office: Office,
) -> None:
    customer, product = office.customer(language="zh"), office.product(30)
    number = office.issue(customer, product, 40)
    before = len(office.mails())
    office.look(10)
    assert office.mails()[before].subject.startswith(
        f"{product} 的许可证 {number} 将在 30 天后到期"
    )
    own = {"digest": {"zh": "续期：{summary}\n{licences}\n"}}
    office.write(lambda c: letters.change(c, product, own, COMMAND, office.clock.now))
    several = [office.issue(customer, product, 40) for _ in range(2)]
    office.look(21)
    mail = office.mails()[-1]
    assert mail.subject == "续期：您有 2 份许可证即将到期"
    assert all(one in mail.body for one in several)


def test_without_a_mail_server_nothing_is_given_and_nothing_is_lost(office: Office) -> None:
    customer, product = office.customer(), office.product(30)
    number = office.issue(customer, product, 40)
    silent = office.site._replace(settings=office.ledger.settings)
    office.to(10)
    finished(Reminder(lambda: silent, reminder_letters.texts).look())
    assert office.given(number) == []
    office.look(12)
    assert office.given(number) == [(30, "mailed")]


def test_restored_server_holds_what_may_have_been_mailed(office: Office) -> None:
    customer, product = office.customer(), office.product(30, 7)
    number = office.issue(customer, product, 40)
    office.to(11)
    office.write(
        lambda c: events.record(c, office.clock.now, COMMAND, "server.restored", "a backup")
    )
    office.look(11)
    assert office.mails()[-1].state == HELD
    office.look(33)
    assert [one for one, _ in office.given(number)] == [30, 7]
    assert office.mails()[-1].state == WAITING
    # Where this server was restored later than that, nothing of what follows would be sent.
    office.write(_forget_restores)


def _forget_restores(connection: Connection) -> None:
    connection.execute(
        text("update audit_events set action = 'test.over' where action = 'server.restored'")
    )


def test_license_and_webhooks_are_told_of_each_reminder(office: Office) -> None:
    customer, product = office.customer(), office.product(30)
    number = office.issue(customer, product, 40)
    hook = {"name": number, "url": "https://crm.invalid/", "events": ["license.ending"]}
    sealing = Sealing(SealedSecrets(bytes(32)), os.urandom)
    office.write(lambda c: endpoints.add(c, hook, (), COMMAND, office.clock.now, sealing))
    office.look(10)
    (delivery,) = office.site.database.read(
        lambda c: delivery_store.listed(c, DeliveryFilter(subject=number), before=None, limit=9)
    )
    data = json.loads(delivery.body)["data"]
    assert data["license"]["id"] == number
    assert data["reminder"] == {"days": 30, "outcome": "mailed"}
    found = office.site.database.read(lambda c: audit_store.trail(c, [number]))
    (event,) = [one for one in found if one.action == "license.ending"]
    details = json.loads(event.details)
    (row,) = office.rows(number)
    assert details == {"days": 30, "outcome": "mailed", "mail": row.mail}
    assert event.actor == "server"


def test_fsck_tells_reminders_that_differ_from_licences_and_mails(office: Office) -> None:
    customer, product = office.customer(), office.product(30)
    number = office.issue(customer, product, 40)
    office.look(10)
    (one,) = office.rows(number)
    told = (
        ({"outcome": "declined"}, f"it is declined, and names {one.mail}"),
        ({"outcome": "lost"}, "there is no outcome lost"),
        ({"license": "HS-2026-AAAAAAAA"}, "HS-2026-AAAAAAAA, of which it reminds, does not exist"),
        (
            {"line": "HS-2026-AAAAAAAA"},
            f"{number} is of the lineage {number}, not HS-2026-AAAAAAAA",
        ),
        ({"mail": 10**9}, f"mail {10**9}, which it names, does not exist"),
        ({"owner_mail": 10**9}, f"mail {10**9}, which it names, does not exist"),
    )
    for changed, detail in told:
        with office.site.database.engine.connect() as connection:
            connection.execute(reminders.update().where(reminders.c.id == one.id).values(changed))
            found = [one_ for one_ in reminders_check.faults(connection) if one_[0] == one.id]
            connection.rollback()
        assert found == [(one.id, detail)]
