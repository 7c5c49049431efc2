"""What is older than the settings let it be kept is erased, as a customer is."""

from collections.abc import Iterator
from functools import partial

import pytest
from sqlalchemy import func, select

from license_server.actor import COMMAND, SERVER
from license_server.audit import audit_store
from license_server.audit.audit_store import EventFilter
from license_server.catalog import customers
from license_server.catalog.terms import DAY
from license_server.db.mail_tables import mails
from license_server.db.request_tables import requests
from license_server.erasure import customer_erasure, retention
from license_server.erasure.errors import LicensesLiveError
from license_server.erasure.retention import Kept
from tests.support import canary_customer, searched
from tests.support.canary_customer import MAIL_TEXT, NAME, SENDER, VISITOR, WORDS
from tests.support.ledger import ISSUER, NOW, Ledger, erase, new_ledger
from tests.support.postgres import new_database

NONE = Kept(0, 0, 0)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def ledger(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ledger]:
    url = None if request.param == "sqlite" else new_database()
    made = new_ledger(tmp_path_factory.mktemp("old"), url)
    canary_customer.plant(made)
    yield made
    made.site.database.close()


def forget(ledger: Ledger, kept: Kept, days: int) -> int:
    """What is erased so many days later."""
    work = partial(retention.forget, kept=kept, now=NOW + days * DAY + 1)
    return sum(iter(lambda: ledger.site.database.write(work), 0))


def places(ledger: Ledger, *words: str) -> set[str]:
    with ledger.site.database.reading() as connection:
        return set(searched.places(connection, words))


def test_nothing_is_erased_unless_a_setting_says_so(ledger: Ledger) -> None:
    assert forget(ledger, NONE, 10_000) == 0


def test_nothing_is_erased_before_its_days_are_over(ledger: Ledger) -> None:
    assert forget(ledger, Kept(31, 31, 31), 30) == 0


def test_texts_of_mails_are_erased_and_what_waits_is_not(ledger: Ledger) -> None:
    kept = NONE._replace(mail_texts=30)
    before = mails_with(ledger, MAIL_TEXT)
    assert forget(ledger, kept, 30) == 1
    assert mails_with(ledger, MAIL_TEXT) == before - 1 > 0
    assert forget(ledger, kept, 30) == 0


def mails_with(ledger: Ledger, word: str) -> int:
    query = select(func.count()).select_from(mails).where(mails.c.body.contains(word))
    with ledger.site.database.reading() as connection:
        return int(connection.execute(query).scalar_one())


def test_senders_of_closed_requests_are_erased(ledger: Ledger) -> None:
    before = requests_by(ledger, SENDER)
    assert forget(ledger, NONE._replace(senders=30), 30) == 1
    assert requests_by(ledger, SENDER) == before - 1 > 0


def requests_by(ledger: Ledger, sender: str) -> int:
    query = select(func.count()).where(requests.c.sender_name == sender)
    with ledger.site.database.reading() as connection:
        return int(connection.execute(query).scalar_one())


def test_addresses_in_the_audit_log_are_erased(ledger: Ledger) -> None:
    kept = ledger.checkpoint()
    assert "audit_events.address" in places(ledger, VISITOR)
    assert forget(ledger, NONE._replace(addresses=30), 30) > retention.BATCH // 10
    with ledger.site.database.reading() as connection:
        found = audit_store.events(connection, EventFilter(), before=None, limit=1000)
    told = [one for one in found if one.action == "server.data-erased"]
    assert all(one.address is None and one.actor for one in found)
    assert {one.actor for one in told} == {SERVER.name}
    assert places(ledger, VISITOR, ISSUER.address or "") == set()
    assert ledger.faults(kept) == []


def test_a_customer_is_erased_after_addresses_were(ledger: Ledger) -> None:
    kept, write = ledger.checkpoint(), ledger.site.database.write
    id_ = ledger.site.database.read(lambda c: customers.find(c, NAME)).id
    with pytest.raises(LicensesLiveError):
        write(lambda c: customer_erasure.begin(c, id_, COMMAND, NOW, "asked", live=False))
    erase(ledger, NAME)
    assert places(ledger, *WORDS) == set()
    assert ledger.faults(kept) == []
