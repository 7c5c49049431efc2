"""A process has few connections: whoever reads waits for one, and nobody keeps others from all."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from sqlalchemy import text

from license_core.errors import DatabaseUnavailableError
from license_server.db import turns
from license_server.db.database import Database
from license_server.db.turns import Turns
from tests.support import postgres

ONE = text("select 1")


@pytest.fixture
def database() -> Iterator[Database]:
    """With two connections to read, and one to write."""
    url = postgres.new_database().replace("postgresql://", "postgresql+psycopg://")
    made = Database(url, connections=3)
    yield made
    made.close()


@contextmanager
def all_read(database: Database) -> Iterator[None]:
    """Meanwhile both connections are used."""
    with ExitStack() as held:
        for _ in range(2):
            held.enter_context(database.reading())
        yield


def test_a_write_needs_no_turn_of_those_who_read(database: Database) -> None:
    with all_read(database):
        assert database.write(lambda c: c.execute(ONE).scalar_one()) == 1


def test_a_read_waits_for_the_one_before_it(database: Database) -> None:
    done = list[int]()

    def read() -> None:
        done.append(database.read(lambda c: c.execute(ONE).scalar_one()))

    waiting = [threading.Thread(target=read) for _ in range(8)]
    with all_read(database):
        for thread in waiting:
            thread.start()
        assert done == []
    for thread in waiting:
        thread.join()
    assert done == [1] * 8


def test_a_wait_has_an_end() -> None:
    full = Turns(2, patience=0.0)
    with full.taken(), pytest.raises(DatabaseUnavailableError) as refused, full.taken():
        pass
    assert refused.value.reason == "too many reads are waiting"
    with full.taken():
        pass  # nothing was lost


@pytest.mark.parametrize(("connections", "may"), [(2, 1), (4, 1), (15, 7)])
def test_what_runs_by_itself_leaves_half_to_those_who_wait(connections: int, may: int) -> None:
    given = Turns(connections, patience=0.0)
    with ExitStack() as held:
        with turns.by_itself():
            for _ in range(may):
                held.enter_context(given.taken())
            with pytest.raises(DatabaseUnavailableError):
                held.enter_context(given.taken())
        for _ in range(connections - 1 - may):
            held.enter_context(given.taken())
