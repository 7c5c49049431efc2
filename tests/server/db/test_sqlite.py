"""SQLite: how long a write waits for other programs, and what is said where it refuses one."""

import resource
import sqlite3
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, ExceptionContext, create_engine, event
from sqlalchemy.exc import IntegrityError

from license_core.errors import DatabaseUnavailableError
from license_server.db import sqlite
from license_server.db.database import Database
from license_server.db.sqlite import SqliteFile
from tests.support import disks, server


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(Database(f"sqlite:///{tmp_path}/a.sqlite", create=True)) as made:
        made.write(lambda c: c.exec_driver_sql("create table t (a unique)"))
        yield made


def file_of(database: Database) -> SqliteFile:
    assert database.file is not None
    return database.file


@contextmanager
def locked(database: Database) -> Iterator[sqlite3.Connection]:
    """Another program keeps it locked."""
    path = file_of(database).path
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other


def hurry(database: Database) -> None:
    """Each try waits for hardly a moment."""
    event.listen(
        database.engine, "checkout", lambda c, *_: c.execute("PRAGMA busy_timeout=1") and None
    )


def test_who_reads_next_has_the_connection_that_was_used_last(database: Database) -> None:
    """It keeps the pages that it read; of another, others would be read anew."""
    with database.reading() as first, database.reading() as second:
        drivers = [one.connection.driver_connection for one in (first, second)]
    for _ in drivers:
        with database.reading() as connection:
            assert connection.connection.driver_connection is drivers[0]


def insert(connection: Connection) -> None:
    connection.exec_driver_sql("insert into t values (1)")


def test_a_write_waits_until_the_other_program_is_done(database: Database) -> None:
    hurry(database)
    file_of(database).patience = 1e9
    failed: list[object] = []
    with locked(database) as other:

        def free(context: ExceptionContext) -> None:
            failed.append(context)
            if len(failed) == 3:
                other.execute("ROLLBACK")

        event.listen(database.engine, "handle_error", free)
        database.write(insert)
    assert len(failed) == 3


def test_a_write_is_refused_once_it_has_waited_for_long_enough(database: Database) -> None:
    assert sqlite.PATIENCE == 10
    hurry(database)
    file_of(database).patience = 0.0
    with locked(database), pytest.raises(DatabaseUnavailableError, match="keeps it locked"):
        database.write(insert)
    database.write(insert)


def test_a_read_waits_for_a_lock_that_keeps_readers_out(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sqlite.TRY == 2.5
    monkeypatch.setattr(sqlite, "TRY", 0.01)
    database.engine.dispose()

    def look() -> object:
        return database.read(lambda c: c.exec_driver_sql("select count(*) from t").scalar_one())

    path = file_of(database).path
    with ThreadPoolExecutor(1) as pool:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("PRAGMA locking_mode=EXCLUSIVE")
            other.execute("insert into t values (1)")
            with pytest.raises(DatabaseUnavailableError, match="keeps it locked"):
                look()
            monkeypatch.setattr(sqlite, "TRY", 60)
            waiting = pool.submit(look)
        assert waiting.result(60) == 1


def test_a_locked_database_does_not_hold_up_a_stop(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits is refused, what comes later too, and the end waits no longer."""
    monkeypatch.setattr(sqlite, "TRY", 0.01)
    hurry(database)
    file_of(database).patience = 1e9
    with locked(database):
        event.listen(database.engine, "handle_error", lambda _: database.stopping.set())
        waiting = [database.writer.submit(insert) for _ in range(3)]
        for one in waiting:
            with pytest.raises(DatabaseUnavailableError, match="keeps it locked"):
                one.result(60)
        with pytest.raises(DatabaseUnavailableError, match="keeps it locked"):
            database.writer.submit(insert).result(60)
        database.close()


def test_a_stop_does_not_refuse_what_can_be_written(database: Database) -> None:
    database.stopping.set()
    database.write(insert)
    assert database.read(lambda c: c.exec_driver_sql("select a from t").scalar_one()) == 1


def test_no_file_is_made_where_there_is_none(tmp_path: Path) -> None:
    with (
        closing(Database(f"sqlite:///{tmp_path}/a.sqlite")) as database,
        pytest.raises(DatabaseUnavailableError, match="its file or folder is gone"),
    ):
        database.read(lambda c: c.exec_driver_sql("select 1").scalar_one())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a b", "a%41", "a?b#c", "ü€"])
def test_a_data_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    settings = server.settings(tmp_path / name)
    settings.data.mkdir()
    with closing(Database(settings.database_url, create=True)) as database:
        database.write(lambda c: c.exec_driver_sql("create table t (a)"))
    with closing(Database(settings.database_url)) as database:
        database.write(insert)
    assert [path.name for path in settings.data.iterdir()] == ["hostseal.db"]


def test_too_many_open_files_are_told_as_that(database: Database) -> None:
    database.engine.dispose()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))  # those of standard input and output
    try:
        with pytest.raises(DatabaseUnavailableError, match="too many files open"):
            database.write(insert)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    database.write(insert)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB."""
    with disks.small_disk(tmp_path / "disk", "2m") as folder:
        yield folder


def test_read_only_file_system_is_told_as_that(disk: Path) -> None:
    with closing(Database(f"sqlite:///{disk}/a.sqlite", create=True)) as database:
        database.write(lambda c: c.exec_driver_sql("create table t (a)"))
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    with (
        closing(Database(f"sqlite:///{disk}/a.sqlite")) as database,
        pytest.raises(DatabaseUnavailableError, match="file system is read-only"),
    ):
        database.write(insert)


def test_full_disk_is_told_as_that(disk: Path) -> None:
    with closing(Database(f"sqlite:///{disk}/a.sqlite", create=True)) as database:
        database.write(lambda c: c.exec_driver_sql("create table t (a)"))

        def much(connection: Connection) -> None:
            connection.exec_driver_sql("insert into t values (zeroblob(3000000))")

        with pytest.raises(DatabaseUnavailableError, match="its disk is full"):
            database.write(much)
        database.write(insert)


def test_a_commit_that_fails_leaves_nothing_open(database: Database) -> None:
    database.write(lambda c: c.exec_driver_sql("create table u (a references t (a))"))

    def wrong(connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        connection.exec_driver_sql("insert into u values (7)")

    with pytest.raises(IntegrityError):
        database.write(wrong)
    database.write(insert)
    with database.reading() as connection:
        for table, rows in (("t", 1), ("u", 0)):
            query = f"select count(*) from {table}"
            assert connection.exec_driver_sql(query).scalar_one() == rows


def test_reason_of_a_database_that_is_still_to_come_is_not_that_it_is_gone(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError) as refused:
        sqlite3.connect(tmp_path / "missing" / "file.db").execute("SELECT 1")
    for create, folder, words in (
        (True, tmp_path, "cannot be opened or written"),
        (True, tmp_path / "missing", "its file or folder is gone"),
        (False, tmp_path, "its file or folder is gone"),
    ):
        file = SqliteFile(
            create_engine(f"sqlite:///{folder}/new.db"), sqlite.Stopping(), create=create
        )
        reason = file.reason(refused.value)
        assert reason is not None
        assert reason.endswith(words)
