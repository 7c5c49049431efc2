"""What is written of a customer while it is erased is refused, or erased with it."""

from pathlib import Path

import pytest

from license_core.errors import NotFoundError
from license_server.actor import Actor
from license_server.erasure import customer_erasure
from license_server.erasure.place import START, Place, batch
from license_server.licenses import issuing, notes
from license_server.mail import outbox
from license_server.mail.outbox import Draft
from license_server.permissions import ROLES
from tests.support import canary_customer, searched
from tests.support.canary_customer import NAME, WORDS
from tests.support.ledger import ISSUER, NOW, new_ledger

ADMIN = Actor("user:admin@example.com", ROLES["administrator"])


def test_what_is_written_meanwhile_is_refused_or_erased(tmp_path: Path) -> None:
    ledger = new_ledger(tmp_path, None)
    planted, write = canary_customer.plant(ledger), ledger.site.database.write
    number = planted.numbers[-1]
    write(lambda c: customer_erasure.begin(c, planted.id, ADMIN, NOW, "asked", live=True))
    with pytest.raises(NotFoundError):
        ledger.act("renew", number, days=61)
    with pytest.raises(NotFoundError):
        write(lambda c: notes.add(c, issuing.find(c, number), {"note": "zephyrine"}, ISSUER, NOW))
    with pytest.raises(NotFoundError):
        ledger.file("zephyrinetext please", customer=NAME, product="darwin")
    place: Place | None = START
    is_written = False
    draft = Draft(
        "later@zephyrinemail.example", "zephyrineletter", "zephyrine", None, number, "darwin"
    )
    while place is not None:
        if not is_written and customer_erasure.STAGES[place.stage] == "events":
            is_written = True
            write(lambda c: outbox.queue(c, draft, ISSUER, NOW, "<q@vendor.example>"))
            ledger.file(
                "zephyrinetext", product="darwin", sender_address="later@zephyrinemail.example"
            )
            ledger.end("revoke", number, "zephyrinereason")
        place = write(batch(customer_erasure.go_on, planted.id, ADMIN, NOW, place))
    assert is_written
    with ledger.site.database.reading() as connection:
        assert searched.places(connection, WORDS) == {}
        assert customer_erasure.unfinished(connection, NOW + 10_000) == []
    assert ledger.faults() == []
    ledger.site.database.close()
