"""SQLite's files forget what was erased, later where somebody reads them meanwhile."""

import sqlite3
from contextlib import closing
from pathlib import Path

from license_server.actor import Actor
from license_server.background import erasing
from license_server.background.erasing import Eraser
from license_server.erasure import customer_erasure
from license_server.permissions import ROLES
from tests.support import canary_customer, searched
from tests.support.canary_customer import WORDS
from tests.support.ledger import NOW, Ledger, finished, new_ledger

ADMIN = Actor("user:admin@example.com", ROLES["administrator"])


def _left(ledger: Ledger) -> set[str]:
    paths = [path for path in ledger.settings.data.iterdir() if "hostseal.db" in path.name]
    assert paths
    return searched.found_in(b"".join(path.read_bytes() for path in paths), WORDS)


def test_erasure_beside_a_reader_succeeds_and_is_scrubbed_later(tmp_path: Path) -> None:
    ledger = new_ledger(tmp_path, None)
    planted, database = canary_customer.plant(ledger), ledger.site.database
    database.write(lambda c: customer_erasure.begin(c, planted.id, ADMIN, NOW, "asked", live=True))
    with closing(sqlite3.connect(ledger.settings.database_file, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM licenses").fetchall()
        finished(erasing.erase(ledger.site, customer_erasure.go_on, planted.id, ADMIN))
        assert database.owes_scrub()
        reader.execute("ROLLBACK")
    assert _left(ledger)
    finished(Eraser(lambda: ledger.site).look())
    assert _left(ledger) == set()
    assert not database.owes_scrub()
    database.close()
