"""PgBouncer before PostgreSQL, in transaction mode: sessions change, so nothing is prepared."""

from typing import Any, NamedTuple

import psycopg
import pytest
from psycopg import conninfo

from license_server.db import postgresql
from tests.support.postgres import new_database


class _Info(NamedTuple):
    backend_pid: int


class _Pooled:
    """A connection as it looks through a pooler, which gives out ids of its own."""

    def __init__(self, connection: "psycopg.Connection[Any]") -> None:
        self._connection = connection
        self.info = _Info(connection.info.backend_pid + 1)
        self.prepare_threshold = connection.prepare_threshold

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def test_a_session_says_whose_it_is() -> None:
    given = conninfo.make_conninfo(new_database(), **postgresql.ARGUMENTS)
    with psycopg.connect(given) as connection:
        told = connection.execute("show application_name").fetchone()
    assert told == ("hostseal",)


@pytest.mark.parametrize("pooled", [False, True])
def test_statements_are_prepared_unless_a_pooler_is_between(pooled: bool) -> None:
    with psycopg.connect(new_database()) as connection:
        seen = _Pooled(connection) if pooled else connection
        usual = connection.prepare_threshold
        postgresql.prepare(seen, None)
        assert usual is not None
        assert seen.prepare_threshold == (None if pooled else usual)
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
