"""A vendor who has webhooks, on each database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.hooks import Teller
from tests.support.ledger import new_ledger
from tests.support.postgres import new_database


@pytest.fixture(params=["sqlite", "postgresql"])
def teller(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Teller]:
    url = None if request.param == "sqlite" else new_database()
    made = Teller.of(new_ledger(tmp_path, url))
    yield made
    made.site.database.close()
