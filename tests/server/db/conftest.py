"""A new vendor's database, of each kind."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from license_server.db.database import Database
from tests.support.postgres import new_database
from tests.support.server import make


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    url = None if request.param == "sqlite" else new_database()
    opened = Database(make(tmp_path / "server", url).database_url)
    yield opened
    opened.close()
