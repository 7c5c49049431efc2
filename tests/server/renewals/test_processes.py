"""Server processes that share a database give each reminder once, though they are killed."""

import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import func, select

from license_server.actor import COMMAND
from license_server.catalog import customers, products
from license_server.catalog.terms import DAY
from license_server.db.database import Database
from license_server.db.mail_tables import mails
from license_server.db.renewal_tables import reminders
from license_server.operations import data_folder
from tests.support import server
from tests.support.ledger import ISSUER, Ledger, open_ledger
from tests.support.postgres import new_database
from tests.support.waiting import until

CUSTOMERS, EACH = 40, 2
MAILS = {
    "LICENSE_SERVER_SMTP_HOST": "127.0.0.1",
    "LICENSE_SERVER_SMTP_PORT": "9",  # nobody takes them
    "LICENSE_SERVER_SMTP_TLS": "none",
    "LICENSE_SERVER_MAIL_FROM": "support@vendor.example",
}


def furnish(folder: Path, url: str | None) -> Ledger:
    """A vendor who issued licences eleven days ago that were to be reminded of yesterday."""
    then = int(time.time()) - 11 * DAY
    ledger = open_ledger(server.make(folder / "server", url, then))
    ledger = ledger._replace(site=ledger.site._replace(clock=lambda: then))
    write, rules = ledger.site.database.write, {"days": [30, 7]}
    write(lambda c: products.add(c, {"name": "darwin", "reminders": rules}, COMMAND, then))
    for number in range(CUSTOMERS):
        name, address = f"Customer {number}", f"li@customer{number}.example"
        members = {"name": name, "contact_email": address}
        write(lambda c, members=members: customers.add(c, members, ISSUER, then))  # type: ignore[misc]
        for host in range(EACH):
            ledger.issue(1000 * number + host, customer=name, days=40)
    return ledger


def given(database: Database) -> int:
    query = select(func.count()).select_from(reminders)
    return int(database.read(lambda c: c.execute(query).scalar_one()))


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_two_servers_that_are_killed_give_each_reminder_once(tmp_path: Path, kind: str) -> None:
    url = None if kind == "sqlite" else new_database()
    ledger = furnish(tmp_path, url)
    database = data_folder.open_database(ledger.settings)
    for wanted in (1, CUSTOMERS * EACH):
        with ExitStack() as stack:
            running = [
                stack.enter_context(server.serving(ledger.settings.data, url, **MAILS))[1]
                for _ in range(2)
            ]
            until(lambda wanted=wanted: given(database) >= wanted)  # type: ignore[misc]
            for process in running:
                process.kill()
    assert given(database) == CUSTOMERS * EACH
    rows = database.read(lambda c: c.execute(select(mails.c.recipient)).scalars().all())
    counted = Counter(one for one in rows if "customer" in one)
    assert set(counted.values()) == {1}
    assert len(counted) == CUSTOMERS
    ledger.link()
    assert ledger.faults() == []
