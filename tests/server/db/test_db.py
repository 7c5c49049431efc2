"""The database: prepared reads, grouped writes, and connections that died."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy
from sqlalchemy import Connection, event
from sqlalchemy.exc import IntegrityError

from license_core.errors import DatabaseUnavailableError
from license_server.actor import COMMAND
from license_server.audit import audit_store
from license_server.audit.events import record
from license_server.catalog import catalog_store
from license_server.db import reply_store
from license_server.db.database import Database, Work
from license_server.db.reply_store import Reply
from tests.support.desk import Desk
from tests.support.postgres import new_database
from tests.support.server import make

_PREPARED = sqlalchemy.text("select count(*) from pg_prepared_statements")
_OFTEN = 10
"""psycopg prepares what it has executed five times."""


def test_repeated_reads_stay_prepared(tmp_path: Path) -> None:
    database = Database(make(tmp_path / "server", new_database()).database_url)
    for _ in range(_OFTEN):
        database.read(lambda connection: catalog_store.product_by_name(connection, "darwin"))
    assert database.read(lambda connection: connection.execute(_PREPARED).scalar_one()) >= 1
    database.close()


def test_snapshot_does_not_see_later_writes(tmp_path: Path) -> None:
    database = Database(make(tmp_path / "server", new_database()).database_url)
    database.read(lambda connection: catalog_store.product_by_name(connection, "darwin"))
    with database.snapshot() as connection:
        assert catalog_store.product_by_name(connection, "darwin") is None
        database.write(lambda other: catalog_store.add_product(other, "darwin", 1))
        assert catalog_store.product_by_name(connection, "darwin") is None
    assert database.read(lambda other: catalog_store.product_by_name(other, "darwin")) is not None
    database.close()


def test_grouped_writes_share_a_transaction_but_fail_separately(
    database: Database,
) -> None:
    """Three requests in one transaction: the second comes with a key that the first one has."""
    statements: list[str] = []

    @event.listens_for(database.engine, "before_cursor_execute")
    def _(_: object, __: object, text: str, *___: object) -> None:
        statements.append(text)

    def request(key: str, subject: str) -> Work[str]:
        def work(connection: Connection) -> str:
            record(connection, 1, COMMAND, "license.noted", subject)
            reply_store.keep_reply(connection, "token:x", key, b"f", 1, Reply(200, None, b"done"))
            return subject

        return work

    go_on = threading.Event()
    busy = database.writer.submit(lambda _: go_on.wait())
    asked = [database.writer.submit(request(*one)) for one in (("k", "A"), ("k", "B"), ("l", "C"))]
    go_on.set()
    busy.result()
    assert (asked[0].result(), asked[2].result()) == ("A", "C")
    with pytest.raises(IntegrityError):
        asked[1].result()
    events = database.read(lambda c: audit_store.trail(c, ["A", "B", "C"]))
    assert [one.subject for one in events] == ["A", "C"]
    added = ("insert into audit_events", "copy audit_events")
    assert sum(one.startswith(added) for one in statements) == 1 + 3


def test_stored_reply_is_visible_in_its_own_transaction(database: Database) -> None:
    """A retry in the same transaction is answered, and a key that is given back is free."""
    reply = Reply(200, None, b"done")

    def work(connection: Connection) -> list[object]:
        reply_store.keep_reply(connection, "token:x", "k", b"f", 1, reply)
        known = [reply_store.kept_reply(connection, "token:x", key) for key in ("k", "other")]
        reply_store.forget_reply(connection, "token:x", "k")
        return [*known, reply_store.kept_reply(connection, "token:x", "k")]

    assert database.write(work) == [reply_store.Kept(b"f", 1, reply), None, None]


def test_events_are_written_at_once_outside_the_writer(database: Database) -> None:
    with database.engine.begin() as connection:
        record(connection, 1, COMMAND, "license.noted", "A")
        assert audit_store.trail(connection, ["A"])


def test_dead_connection_is_replaced_transparently(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    database = Database(make(tmp_path / "server", new_database()).database_url)

    def look(connection: Connection) -> int:
        pid: int = connection.execute(sqlalchemy.text("select pg_backend_pid()")).scalar_one()
        return pid

    def kill() -> int:
        """The process of the connection that readers have, which is no more."""
        pid = database.read(look)
        ended = sqlalchemy.text("select pg_terminate_backend(:pid, 5000)")
        other = sqlalchemy.create_engine(database.engine.url)
        with other.connect() as connection:
            assert connection.execute(ended, {"pid": pid}).scalar_one()
        other.dispose()
        return pid

    for seconds in (1e9, 0.0):  # as if it had been in use just now, or idle
        monkeypatch.setattr("license_server.db.database.TRUSTED_SECONDS", seconds)
        former = kill()
        assert database.read(look) != former
        former = kill()
        assert database.write(look) != former
    database.close()


def test_failing_write_does_not_affect_others_in_its_group(desk: Desk) -> None:
    def good(connection: sqlalchemy.Connection) -> int:
        record(connection, 1, COMMAND, "test.done", f"group {desk.clock.now}")
        return 7

    def bad(connection: sqlalchemy.Connection) -> int:
        record(connection, 1, COMMAND, "test.done", f"group {desk.clock.now}")
        raise RuntimeError("no")

    gate = threading.Event()
    blocked = desk.site.database.writer.submit(lambda _: gate.wait(60))
    jobs = [desk.site.database.writer.submit(work) for work in (good, bad, good)]
    gate.set()
    assert blocked.result()
    assert jobs[0].result() == jobs[2].result() == 7
    with pytest.raises(RuntimeError):
        jobs[1].result()
    with desk.site.database.reading() as connection:
        assert len(audit_store.trail(connection, [f"group {desk.clock.now}"])) == 2


def test_locked_database_refuses_a_whole_group_after_one_wait(tmp_path: Path) -> None:
    database = Database(make(tmp_path / "server").database_url)
    assert database.file is not None
    database.file.patience = 0.0
    waits: list[str] = []

    @event.listens_for(database.engine, "checkout")
    def _(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute("PRAGMA busy_timeout=50")

    @event.listens_for(database.engine, "before_cursor_execute")
    def _(_: object, __: object, text: str, *___: object) -> None:
        if text == "BEGIN IMMEDIATE":
            waits.append(text)

    begun, gate = threading.Event(), threading.Event()

    def hold(_: Connection) -> bool:
        begun.set()
        return gate.wait(60)

    def lock(_: object) -> None:
        waits.clear()
        other.execute("BEGIN IMMEDIATE")

    def ask(connection: Connection) -> int:
        return int(connection.exec_driver_sql("select 7").scalar_one())

    path = database.engine.url.database or ""
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        blocked = database.writer.submit(hold)
        blocked.add_done_callback(lock)
        assert begun.wait(60)
        jobs = [database.writer.submit(ask) for _ in range(3)]
        gate.set()
        for job in jobs:
            with pytest.raises(DatabaseUnavailableError, match="locked"):
                job.result()
        assert len(waits) == 1
        other.execute("ROLLBACK")
    assert database.write(ask) == 7
    database.close()
