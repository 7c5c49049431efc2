"""Words of events are erased one by one; what an earlier version recorded stays."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from license_server.actor import COMMAND
from license_server.audit import audit_store, seals
from license_server.audit.audit_store import Event, EventFilter
from license_server.background.erasing import Eraser
from license_server.catalog import customers
from license_server.catalog.terms import DAY
from license_server.erasure import customer_erasure
from license_server.erasure.place import PATIENCE, START, batch
from license_server.settings import ServerSettings
from tests.support import searched
from tests.support.ledger import NOW, Ledger, add_mail, erase, finished, new_ledger

ERNA = "Erna Einzelkauffrau"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = new_ledger(tmp_path, None)
    yield made
    made.site.database.close()


def events(ledger: Ledger, action: str) -> list[Event]:
    with ledger.site.database.reading() as connection:
        wanted = EventFilter(action=action)
        return audit_store.events(connection, wanted, before=None, limit=500)


def test_words_are_erased_one_after_the_other(ledger: Ledger) -> None:
    ledger.issue(customer=ERNA)
    (whole,) = events(ledger, action="license.issued")
    bare = seals.without(whole, {"address": None})
    barer = seals.without(bare, {"details/customer": None})
    assert seals.of(whole) == seals.of(bare) == seals.of(barer)
    assert (len(bare.salt or b""), barer.salt) == (16, None)
    assert set(seals.erased(barer)) == {"address", "details/customer"}
    assert seals.without(barer, {"address": "anything"}) is barer
    assert (whole.actor, whole.subject) == (barer.actor, barer.subject)


def test_words_that_are_erased_by_nobody_are_a_fault(ledger: Ledger) -> None:
    ledger.issue(customer=ERNA)
    kept = ledger.checkpoint()
    (event,) = events(ledger, action="license.issued")
    bare = seals.without(event, {"details/customer": "Somebody else"})
    ledger.site.database.write(lambda c: audit_store.rewrite(c, bare))
    (fault,) = ledger.faults(kept)
    assert (fault.kind, fault.subject) == ("row-unrecorded", f"audit_events/{event.id}")


def test_events_of_an_earlier_version_stay_and_are_counted(ledger: Ledger) -> None:
    ledger.issue(customer=ERNA)
    ledger.site.database.write(lambda c: c.execute(text("update audit_events set salt = null")))
    kept = ledger.checkpoint()
    erase(ledger, ERNA)
    assert ledger.faults(kept) == []
    told = [one.details for one in events(ledger, action="customer.data-erased")]
    assert any('"unsealed":1' in one for one in told)
    with ledger.site.database.reading() as connection:
        places = set(searched.places(connection, [ERNA]))
    assert places == {"audit_events.subject", "audit_events.details"}


def test_server_ends_what_was_begun_and_erases_what_is_old(ledger: Ledger) -> None:
    ledger.issue(customer=ERNA)
    add_mail(ledger, ledger.issue(1, customer="Other"), 0)
    write = ledger.site.database.write
    id_ = ledger.site.database.read(lambda c: customers.find(c, ERNA)).id
    write(lambda c: customer_erasure.begin(c, id_, COMMAND, NOW, "asked", live=True))
    write(batch(customer_erasure.go_on, id_, COMMAND, NOW, START))
    settings = ledger.settings.model_copy(update={"mail_text_days": 1})
    for later, done in ((PATIENCE, False), (PATIENCE + 1, True)):
        look(ledger, settings, NOW + later)
        with ledger.site.database.reading() as connection:
            assert (searched.places(connection, [ERNA]) == {}) == done
            assert searched.places(connection, ["li@acme.example"])
    assert {one.actor for one in events(ledger, action="customer.erased")} == {"server"}
    look(ledger, settings, NOW + DAY + 1)
    with ledger.site.database.reading() as connection:
        assert searched.places(connection, ["li@acme.example"]) == {}
    assert ledger.faults() == []


def look(ledger: Ledger, settings: ServerSettings, now: int) -> None:
    """What a running server does of itself at an instant."""
    site = ledger.site._replace(clock=lambda: now, settings=settings)
    finished(Eraser(lambda: site).look())
