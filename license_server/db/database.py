"""The database: SQLite or PostgreSQL, many readers and one writer.

Writes go through one thread, which takes whatever is waiting, does it in one transaction and
commits once. So nobody waits for a lock, and requests that arrive together share the cost of
making their commit durable. Who asked hears of it only after the commit.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import sqlalchemy
from sqlalchemy import Connection, Engine, ExceptionContext, event
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    IntegrityError,
    InvalidatePoolError,
    NoSuchModuleError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import ConnectionPoolEntry

from license_core.errors import DatabaseUnavailableError
from license_server.db import bulk_insert, deferred, once, postgresql
from license_server.db.errors import InputInvalidError, ServerStoppingError
from license_server.db.sqlite import PAGE_CACHE, SqliteFile, Stopping
from license_server.db.turns import CONNECTIONS, Turns

T = TypeVar("T")
M = TypeVar("M")
Work = Callable[[Connection], T]
"""Something to do in a transaction. It may be done again after a rollback."""


class Refused(NamedTuple):
    """What was asked for together with other things, and is not done; the others are."""

    error: Exception


Together = Callable[[Connection, Sequence[M]], Sequence[T | Refused]]
"""Does in a transaction what several ask for, and has the result of each, in their order.

What it raises is no fault of one of them: then each is done alone.
"""


Committed = Callable[[Mapping[str, int]], object]
"""What is told how often each act was committed (deferred.tell)."""


class BeforeCommit(Protocol):
    """Something that is written last in a transaction, whatever else is in it."""

    def waiting(self) -> bool:
        """Whether there is something to write."""
        ...

    def write(self, connection: Connection) -> Callable[[], None]:
        """Write it; what to call once that is committed."""
        ...


_FEW_PAGES = 8_192
"""KiB of SQLite's pages for who passes over everything once, as a backup does: nothing of it is
asked again."""
_MOST_AT_ONCE = 64
_MOMENT, _PAUSES = 0.001, 5
"""Seconds without anything new after which nothing more is waited for, where much comes at once;
and how often that is begun at most."""
_REASONS = {
    "No space left on device": "its disk is full",
    "in a read-only transaction": "it is read-only",
}
"""What people are told where PostgreSQL says that."""
_READ_ONLY = "25006"
"""PostgreSQL's read_only_sql_transaction (its manual, appendix A)."""
TRUSTED_SECONDS = 1.0
"""A connection of which so much passed since its last use is asked whether it is still there."""
_OF_SQLITE = 15
"""Connections to SQLite's file, which are no burden to anybody else."""


class Database:
    """The engine, for reading, and the writer."""

    def __init__(self, url: str, *, create: bool = False, connections: int = CONNECTIONS) -> None:
        """Nothing is opened yet; a file of SQLite's is made only where told to *create* it.

        At most so many *connections* to PostgreSQL are open; they stay so, since opening one takes
        longer than reading.

        Raises InputInvalidError for a URL that is none.
        """
        self.engine = _engine(url, connections)
        self.before_commit: list[BeforeCommit] = []
        self.stopping = Stopping()
        """Set once this process is to end."""
        self.file: SqliteFile | None = None
        """What SQLite keeps it in."""
        if self.engine.dialect.name == "sqlite":
            self.file = SqliteFile(self.engine, self.stopping, create=create)
            self._turns = Turns(_OF_SQLITE)
        else:
            _watch_idle(self.engine)
            self._turns = Turns(connections)
        self.writer = Writer(self.engine, self.file, self.before_commit)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection to read with. Raises DatabaseUnavailableError."""
        try:
            with self._turns.taken(), self.engine.connect() as connection:
                yield connection
        except (DBAPIError, PoolTimeoutError) as error:
            raise _as_license_error(error, self.file) from error

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A connection that reads everything as it was at one instant, however long it takes.

        Raises DatabaseUnavailableError.
        """
        with self.reading() as connection:
            if connection.dialect.name == "postgresql":
                connection.execution_options(isolation_level="REPEATABLE READ")
            with keeping_few_pages(connection):
                yield connection

    def read(self, query: Work[T]) -> T:
        """The result of *query*, each statement of which may see what others committed meanwhile.

        What is asked once (once.py) stays as it was first seen. Where the connection had died it is
        read again, by another. Raises as ``reading`` does.
        """
        try:
            return self._read(query)
        except DatabaseUnavailableError as error:
            if not _was_lost(error.__cause__):
                raise
        return self._read(query)

    def _read(self, query: Work[T]) -> T:
        with self.reading() as connection:
            if connection.dialect.name == "postgresql":
                # A transaction would change nothing of that. Without one there is no BEGIN to wait
                # for, nor a ROLLBACK, at which psycopg forgets what it has prepared.
                connection.execution_options(isolation_level="AUTOCOMMIT")
            once.begin(connection)
            return query(connection)

    def keep_fewer_pages(self) -> None:
        """Let connections to SQLite's file keep a quarter of its pages each, from now on.

        For a process that works through very many lines, and does not grow with them.
        """
        if self.file is not None:
            self.file.pages = PAGE_CACHE // 4
            self.engine.dispose()

    def write(self, work: Work[T]) -> T:
        """Do *work* in a transaction, commit and return its result.

        Raises what *work* raises, IntegrityError, or DatabaseUnavailableError. Never to be called
        by what is done in such a transaction, which would wait for itself.
        """
        assert not self.writer.is_current_thread, "a write waits for itself"  # noqa: S101
        return self.writer.submit(work).result()

    def scrub(self) -> None:
        """Let nothing be left in SQLite's files of what was deleted or overwritten.

        The file is written anew, which takes as long as it is large; nobody can write meanwhile.
        PostgreSQL does that by itself, in its own time. Raises DatabaseUnavailableError.
        """
        if self.file is None:
            return
        with self.reading() as connection:
            self.file.scrub(connection)

    def owes_scrub(self) -> bool:
        """Whether something was erased that SQLite's files may still hold: ``scrub`` is due."""
        if self.file is None:
            return False
        with self.reading() as connection:
            return self.file.owes_scrub(connection)

    def check_going_on(self) -> None:
        """Raise ServerStoppingError where this process is to end: for what takes long, in between.

        What it has done stays done.
        """
        if self.stopping.is_set():
            raise ServerStoppingError

    def close(self) -> None:
        """Finish what is waiting, then close all connections; what comes later is refused."""
        self.stopping.set()
        self.writer.close()
        self.engine.dispose()


class _Job(NamedTuple, Generic[M, T]):
    together: Together[M, T]
    asked: M
    future: "Future[T]"


def _each(connection: Connection, works: Sequence[Work[T]]) -> list[T]:
    """Do *works* one after the other: they have nothing in common."""
    return [work(connection) for work in works]


class Writer:
    """The one thread of this process that writes."""

    def __init__(
        self, engine: Engine, file: SqliteFile | None, before_commit: Sequence[BeforeCommit]
    ) -> None:
        """*before_commit* may grow; each is written last in a transaction, where it waits."""
        self._engine = engine.execution_options(writes=True)
        self._file = file
        self._before_commit = before_commit
        self._waiting: queue.SimpleQueue[_Job[Any, Any] | None] = queue.SimpleQueue()
        self._door = threading.Lock()
        """Whoever puts something into the queue: nothing comes after the None that ends it."""
        self._closed = False
        self._pauses = 0
        """How often it waits for more: never where what was taken last was alone."""
        self.failures = 0
        """How often the database refused a transaction."""
        self.committed: list[Committed] = []
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether anything that is submitted will be done."""
        return self._thread.is_alive()

    @property
    def is_current_thread(self) -> bool:
        """Whether this is what asks."""
        return threading.current_thread() is self._thread

    def waiting(self) -> int:
        """About how much waits."""
        return self._waiting.qsize()

    def submit(self, work: Work[T]) -> "Future[T]":
        """Do *work* soon; the future holds its result once that is committed.

        It holds ServerStoppingError where the writer is closed.
        """
        return self.submit_to(_each, work)

    def submit_to(self, together: Together[M, T], asked: M) -> "Future[T]":
        """Do what is *asked* together with whatever else waits for the same; as ``submit``."""
        job = _Job(together, asked, Future[T]())
        with self._door:
            if self._closed:
                job.future.set_exception(ServerStoppingError())
            else:
                self._waiting.put(job)
        return job.future

    def close(self) -> None:
        """Do what is waiting, then stop."""
        with self._door:
            self._closed = True
            self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        while True:
            jobs, last = self._take()
            if jobs or (last and any(one.waiting() for one in self._before_commit)):
                self._do(jobs)
            if last:
                return

    def _take(self) -> tuple[list[_Job[Any, Any]], bool]:
        """All that is waiting, once something is; and whether that was the last.

        Where several came at once before, a few moments are waited for more: whoever was answered
        just now is asking again, and one transaction costs less than two.
        """
        jobs: list[_Job[Any, Any]] = []
        job, pauses = self._waiting.get(), self._pauses
        while job is not None:
            if job.future.set_running_or_notify_cancel():
                jobs.append(job)
            if self._waiting.empty() and pauses:
                pauses -= 1
                time.sleep(_MOMENT)
            if len(jobs) == _MOST_AT_ONCE or self._waiting.empty():
                self._pauses = _PAUSES if len(jobs) > 1 else 0
                return jobs, False
            job = self._waiting.get()
        return jobs, True

    def _do(self, jobs: list[_Job[Any, Any]], *, first: bool = True) -> None:
        """Do *jobs* in one transaction; if one of them fails, each in a transaction of its own.

        One that is ``Refused`` has written nothing, and fails by itself.

        So is a single one once more whose connection had died before the commit. If the
        transaction cannot begin, as while the database is locked, all of them fail at once: each
        of its own would wait as long again.
        """
        try:
            with self._engine.connect() as connection, deferred.gathering(connection):
                connection.begin()
                try:
                    results = _results(connection, jobs)
                    deferred.write(connection)
                except Exception as error:
                    connection.rollback()
                    if len(jobs) == 1 and not (first and _was_lost(error)):
                        raise
                    results = None
                else:
                    self._commit(connection)
        except Exception as error:  # noqa: BLE001  # whoever asked is told
            told = _as_license_error(error, self._file)
            self.failures += isinstance(told, DatabaseUnavailableError)
            for job in jobs:
                job.future.set_exception(told)
            return
        if results is None:
            for job in jobs:
                self._do([job], first=False)
            return
        for job, result in zip(jobs, results, strict=True):
            if isinstance(result, Refused):
                job.future.set_exception(result.error)
            else:
                job.future.set_result(result)

    def _commit(self, connection: Connection) -> None:
        written = [one.write(connection) for one in self._before_commit if one.waiting()]
        if self._file is not None:
            self._file.check(connection)
        try:
            connection.commit()
        except BaseException:
            if not connection.invalidated:  # SQLAlchemy takes it that nothing is open any more
                connection.connection.rollback()
            raise
        for committed in written:
            committed()
        acts = deferred.told(connection)
        for one in self.committed:
            one(acts)


def _results(connection: Connection, jobs: Sequence[_Job[Any, Any]]) -> list[Any]:
    """The result of each of *jobs*; those that are done together, at the turn of the first."""
    groups: dict[Together[Any, Any], list[int]] = {}
    for at, job in enumerate(jobs):
        groups.setdefault(job.together, []).append(at)
    results: list[Any] = [None] * len(jobs)
    for together, places in groups.items():
        found = together(connection, [jobs[at].asked for at in places])
        for at, result in zip(places, found, strict=True):
            results[at] = result
    return results


@contextmanager
def keeping_few_pages(connection: Connection) -> Iterator[None]:
    """Pass over a database of any size in little memory."""
    if connection.dialect.name != "sqlite":
        yield
        return
    connection.exec_driver_sql(f"PRAGMA cache_size=-{_FEW_PAGES}")
    try:
        yield
    finally:
        connection.exec_driver_sql("PRAGMA shrink_memory")
        connection.exec_driver_sql(f"PRAGMA cache_size=-{PAGE_CACHE}")


def _was_lost(error: BaseException | None) -> bool:
    """Whether the connection had died, so that all are opened anew by now."""
    return isinstance(error, DBAPIError) and error.connection_invalidated


def _as_license_error(error: Exception, file: SqliteFile | None) -> Exception:
    """*error*, or the DatabaseUnavailableError that it means."""
    if isinstance(error, PoolTimeoutError):
        return DatabaseUnavailableError(reason="too many reads are waiting")
    if not isinstance(error, DBAPIError) or isinstance(error, IntegrityError):
        return error
    reason = file.reason(error.orig) if file is not None else None
    if reason is None:
        said = " ".join(str(error.orig).split()) or type(error.orig).__name__
        reason = next((told for sign, told in _REASONS.items() if sign in said), said)
    told = DatabaseUnavailableError(reason=reason.rstrip("."))
    told.__cause__ = error
    return told


def _engine(url: str, connections: int) -> Engine:
    try:
        is_postgresql = postgresql.is_meant(url)
        engine = sqlalchemy.create_engine(
            url,
            pool_size=connections if is_postgresql else _OF_SQLITE,
            max_overflow=0,
            pool_use_lifo=not is_postgresql,  # the one that has read most pages
            hide_parameters=True,  # what a statement was given may be a secret's hash
            connect_args=postgresql.ARGUMENTS if is_postgresql else {},
        )
    except ModuleNotFoundError as error:
        reason = f"its driver is not installed: {error.name}"
        if error.name == "psycopg":
            reason += "; run `pip install 'hostseal[postgresql]'` in the server's environment"
        raise InputInvalidError(field="LICENSE_SERVER_DATABASE", reason=reason) from error
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        # The URL may hold a password: say nothing of it.
        reason = "it is not the URL of an SQLite or PostgreSQL database"
        raise InputInvalidError(field="LICENSE_SERVER_DATABASE", reason=reason) from error
    if is_postgresql:
        event.listen(engine, "connect", postgresql.prepare)
        event.listen(engine, "do_execute", bulk_insert.copied)
    return engine


def _watch_idle(engine: Engine) -> None:
    """Ask a connection that was idle whether it is there; where it is not, open all anew.

    One that was in use just now is taken at its word: to ask each time costs as much as a query.
    Where it died since, what is asked of it fails, all are opened anew, and it is asked again.
    """
    dialect = engine.dialect
    assert dialect.loaded_dbapi is not None  # noqa: S101  # the engine has loaded it
    lost: type[Exception] = dialect.loaded_dbapi.Error

    def note(_: object, record: ConnectionPoolEntry) -> None:
        record.info["used"] = time.monotonic()

    def check(connection: Any, record: ConnectionPoolEntry, _: object) -> None:
        if time.monotonic() - record.info["used"] < TRUSTED_SECONDS:
            return
        try:
            dialect.do_ping(connection)
        except lost as error:
            raise InvalidatePoolError from error

    def replace_read_only(context: ExceptionContext) -> None:
        """A session that began while the server was read-only stays so: let it be opened anew."""
        if getattr(context.original_exception, "sqlstate", None) == _READ_ONLY:
            context.is_disconnect = True

    event.listen(engine, "handle_error", replace_read_only)
    event.listen(engine, "connect", note)
    event.listen(engine, "checkin", note)
    event.listen(engine, "checkout", check)
