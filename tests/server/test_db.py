"""The database: what reading costs."""

from pathlib import Path

import sqlalchemy

from license_server.db import Database
from license_server.store import parties
from tests.support.postgres import new_database
from tests.support.server import make

_PREPARED = sqlalchemy.text("select count(*) from pg_prepared_statements")
_OFTEN = 10
"""psycopg prepares what it has executed five times."""


def test_what_is_read_often_stays_prepared(tmp_path: Path) -> None:
    database = Database(make(tmp_path / "server", new_database()).database_url)
    for _ in range(_OFTEN):
        database.read(lambda connection: parties.product_by_name(connection, "darwin"))
    assert database.read(lambda connection: connection.execute(_PREPARED).scalar_one()) >= 1
    database.close()


def test_a_reader_that_needs_one_instant_gets_it(tmp_path: Path) -> None:
    database = Database(make(tmp_path / "server", new_database()).database_url)
    database.read(lambda connection: parties.product_by_name(connection, "darwin"))
    with database.snapshot() as connection:
        assert parties.product_by_name(connection, "darwin") is None
        database.write(lambda other: parties.add_product(other, "darwin", 1))
        assert parties.product_by_name(connection, "darwin") is None
    assert database.read(lambda other: parties.product_by_name(other, "darwin")) is not None
    database.close()
