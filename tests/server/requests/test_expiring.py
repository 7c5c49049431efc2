"""What the server does with requests by itself."""

import asyncio
from pathlib import Path

from sqlalchemy import Connection

from license_server.actor import COMMAND
from license_server.background.requests import Clerk
from license_server.db.questions import ask
from license_server.requests import filing, request_store
from license_server.requests.incoming import Received
from tests.support.ledger import NOW, new_ledger

DAY = 86400


def test_clerk_expires_every_request_that_is_older_than_the_setting(tmp_path: Path) -> None:
    ledger = new_ledger(tmp_path, None)
    write, read = ledger.site.database.write, ledger.site.database.read

    def fill(connection: Connection) -> None:
        for number in range(450):
            at = NOW if number else NOW + 5 * DAY
            filing.file(connection, COMMAND, Received("api", f"request {number}"), at)

    write(fill)
    now = NOW + 90 * DAY + 1
    site = ledger.site._replace(clock=lambda: now)
    clerk = Clerk(lambda: site)
    left = []
    for _ in range(4):
        asyncio.run(clerk.look())
        left.append(read(lambda c: ask(c, request_store.waiting())).number)
        now += 600
    assert left == [250, 50, 1, 1]
    assert ledger.faults() == []
    ledger.site.database.close()
