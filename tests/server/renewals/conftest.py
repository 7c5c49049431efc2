"""A vendor that reminds, on each kind of database."""

from collections.abc import Iterator

import pytest

from license_server.access import accounts
from license_server.actor import COMMAND
from license_server.catalog import products
from license_server.db.renewal_tables import owner_digests, reminders
from license_server.renewals import reminder_store
from tests.support.ledger import ISSUER, Ledger, new_ledger
from tests.support.postgres import new_database
from tests.support.reminding import MAILS, Office


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def vendor(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    url = None if request.param == "sqlite" else new_database()
    ledger = new_ledger(tmp_path_factory.mktemp("vendor"), url)
    user = ISSUER.name.removeprefix("user:")
    ledger.site.database.write(
        lambda c: accounts.add(c, user, "a password of the issuer", "issuer", COMMAND, 1)
    )
    return ledger


@pytest.fixture
def office(vendor: Ledger) -> Iterator[Office]:
    made = Office(vendor, vendor.settings.model_copy(update=MAILS))
    yield made
    for product in made.site.database.read(reminder_store.reminding_products):
        name = product.name
        made.write(lambda c, name=name: products.change(c, name, {"reminders": None}, COMMAND, 1))
    made.write(lambda c: c.execute(owner_digests.delete()))  # the next test has the same days
    made.write(lambda c: c.execute(reminders.delete().where(reminders.c.owner_mail.is_(None))))
