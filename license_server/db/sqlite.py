"""SQLite: how its connections begin, and that what they commit can be found again.

SQLite goes on writing to a file that was moved away or deleted, and what it says of that is lost
with the process. So a commit is made only while the file and those beside it (its log, and the
index of that) are the ones that the connection opened. Nor is another file opened that has taken
the place meanwhile: two files that share a log destroy one another. The three looks that this takes
are 0.4 % of the CPU time of issuing one licence by itself (2026-11-29), less of several at once.
"""

import errno
import os
import sqlite3
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from license_core.errors import DatabaseUnavailableError
from license_core.paths import words

PATIENCE = 10.0
"""Seconds for which a write waits for another program that keeps the database locked."""
TRY = 2.5
"""Seconds of that at once; a read waits no longer. Also: all that is waited once it is to stop."""
LAST_TRY = 0.25
"""Seconds at once from then on."""
PAGE_CACHE = 65_536
"""KiB of pages that a connection keeps at most.

In SQLite's own 2 MiB the inner pages of the indexes do not stay where there are many licences: of
1,000,000, lists and searches took 1.52 times the time of 1,000 (p95 of CPU time), with 32 MiB 1.45,
with this 1.26. What is not read takes no room: five readers of 1,000 licences are as small as ever,
of 1,000,000 they grow to some 65 MiB each.
"""
_OPENED = "files of SQLite"
_FILES, _TRIAL = 4, 16 * 1024
"""How many files it opens, and the bytes that are written to each in trial."""
_BUSY, _READ_ONLY, _IO, _FULL, _CANNOT_OPEN = 5, 8, 10, 13, 14
"""Result codes of SQLite, without what extends them."""
_REASONS = {
    _BUSY: "another program keeps it locked",
    _READ_ONLY: "its file, folder or disk is read-only",
    _IO: "its disk reports an I/O error; the system's log says more",
    _FULL: "its disk is full",
    _CANNOT_OPEN: "its file or folder is gone, or cannot be opened or written",
}
_CAUSES = {
    errno.ENOENT: "its file or folder is gone",
    errno.ENOSPC: "its disk is full",
    errno.EDQUOT: "the disk quota of its user is used up",
    errno.EROFS: "its file system is read-only",
    errno.EIO: _REASONS[_IO],
    errno.EMFILE: "this process has too many files open",
    errno.ENFILE: "this machine has too many files open",
}
Identity = tuple[int, int]
"""Of a file: its device and its inode."""


class Stopping(threading.Event):
    """Set once a process is to end."""

    since = 0.0
    """When that was, on time.monotonic."""

    def set(self) -> None:
        """It is to end."""
        if not self.is_set():
            self.since = time.monotonic()
        super().set()


class SqliteFile:
    """The file of an SQLite database, while an engine has it open."""

    def __init__(self, engine: Engine, stopping: Stopping, *, create: bool) -> None:
        """Prepare the connections of *engine*; only where told to *create* is a file made."""
        self.path = os.path.abspath(engine.url.database or "")
        self.pages = PAGE_CACHE
        """KiB of pages that each new connection keeps at most."""
        self.patience = PATIENCE
        """Seconds for which a write waits for others, in steps of TRY."""
        self._stopping, self._create = stopping, create
        self._door = threading.Lock()
        self._first: Identity | None = None
        event.listen(engine, "do_connect", self._name)
        event.listen(engine, "connect", self._prepare)
        event.listen(engine, "begin", self._begin)

    def check(self, connection: Connection) -> None:
        """Raise DatabaseUnavailableError where nobody would find what is committed now."""
        opened: dict[str, Identity] = connection.info[_OPENED]
        for path, identity in opened.items():
            _check_same(path, identity)

    def scrub(self, connection: Connection) -> None:
        """Write the file anew, without what was deleted, and empty its log.

        What was owed until then is paid. Raises OperationalError where somebody else keeps it
        locked.
        """
        driver: Any = connection.connection.driver_connection
        owed = _owed(driver)
        driver.execute("VACUUM")
        busy, *_ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            locked = sqlite3.OperationalError("database is locked")
            locked.sqlite_errorcode = _BUSY
            raise OperationalError("wal_checkpoint", None, locked)
        if owed:
            driver.execute("BEGIN IMMEDIATE")
            if _owed(driver) == owed:
                driver.execute("PRAGMA user_version = 0")
            driver.execute("COMMIT")

    def owes_scrub(self, connection: Connection) -> bool:
        """Whether something was erased since the file was written anew (``owe_scrub``)."""
        return _owed(connection.connection.driver_connection) > 0

    def check_free(self, least: int) -> None:
        """Raise DatabaseUnavailableError where fewer than *least* bytes are free beside it."""
        try:
            found = os.statvfs(os.path.dirname(self.path))
        except OSError as error:
            raise DatabaseUnavailableError(reason=_told(error)) from error
        free = found.f_bavail * found.f_frsize
        if free < least:
            reason = f"its disk is nearly full ({free // 1024} KiB are free)"
            raise DatabaseUnavailableError(reason=reason)

    def reason(self, error: BaseException | None) -> str | None:
        """Why SQLite refused something, in words; None: for no reason of its surroundings."""
        code = _code(error)
        if code not in _REASONS:
            return None
        # SQLite keeps the system's own word to itself: ask the system again.
        cause = None if code == _BUSY else self._cause()
        if cause is None:
            return _REASONS[code]
        return _told(cause)

    def _cause(self) -> OSError | None:
        """What the system says to a file beside the database; None: nothing against it.

        The database itself is not opened: to close it again would end SQLite's locks on it.
        """
        folder = os.path.dirname(self.path)
        is_to_come = self._create and not os.path.exists(self.path)
        try:
            if not is_to_come:
                os.stat(self.path)
            with ExitStack() as stack:
                for _ in range(_FILES):
                    trial = stack.enter_context(tempfile.TemporaryFile(dir=folder, buffering=0))
                    trial.write(bytes(_TRIAL))
                    os.fsync(trial.fileno())
        except OSError as error:
            return error
        if is_to_come or os.access(self.path, os.R_OK | os.W_OK):
            return None
        return PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    def _name(self, _: object, __: object, arguments: list[str], more: dict[str, object]) -> None:
        """Where SQLite is to open it."""
        if self._first is not None:
            _check_same(self.path, self._first)
        if not self._create:
            arguments[:] = [f"file:{quote(os.fsencode(self.path))}?mode=rw"]
            more["uri"] = True

    def _prepare(self, connection: sqlite3.Connection, record: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # BEGIN is ours to say
        for pragma in (
            f"busy_timeout={TRY * 1000:.0f}",
            "journal_mode=WAL",
            "synchronous=FULL",  # NORMAL can lose an acknowledged commit at power loss
            "foreign_keys=ON",
            "secure_delete=ON",  # what is erased is overwritten
            f"cache_size=-{self.pages}",
        ):
            connection.execute(f"PRAGMA {pragma}")
        beside = os.path.realpath(self.path)
        paths = (self.path, f"{beside}-wal", f"{beside}-shm")
        found = {path: _identity(path) for path in paths}
        with self._door:
            self._first = self._first or found[self.path]
            if self._first is not None:
                _check_same(self.path, self._first)
        record.info[_OPENED] = {path: one for path, one in found.items() if one is not None}

    def _begin(self, connection: Connection) -> None:
        if not connection.get_execution_options().get("writes", False):
            connection.exec_driver_sql("BEGIN")
            return
        # A writer that began as a reader can be refused in the middle; begin as what it is.
        began = time.monotonic()
        while True:
            if self._stopping.is_set():
                connection.exec_driver_sql(f"PRAGMA busy_timeout={LAST_TRY * 1000:.0f}")
            try:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            except OperationalError as error:
                if not _is_busy(error) or time.monotonic() >= self._until(began):
                    raise
            else:
                return

    def _until(self, began: float) -> float:
        """Until when a write that *began* to wait then goes on waiting."""
        until = began + self.patience
        return min(until, self._stopping.since + TRY) if self._stopping.is_set() else until


def _told(error: OSError) -> str:
    return _CAUSES.get(error.errno or 0) or words(error)


def _is_busy(error: OperationalError) -> bool:
    return _code(error.orig) == _BUSY


def _code(error: object) -> int:
    """The result code in an error of SQLite, without what extends it."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _identity(path: str) -> Identity | None:
    """Which file has this name; None: there is none, or nobody can say."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _check_same(path: str, opened: Identity) -> None:
    """Raise DatabaseUnavailableError where *path* is no longer the file that was *opened*."""
    found = _identity(path)
    if found == opened:
        return
    name = Path(path).name
    what = f"its file is gone ({name})" if found is None else f"another file is in place of {name}"
    reason = f"{what}; put the former one back, or stop all processes that have it open"
    raise DatabaseUnavailableError(reason=reason)


def owe_scrub(connection: Connection) -> None:
    """Remember, in this transaction, that the file is to be written anew; nothing elsewhere.

    The file's own version number, which nothing else uses, counts what is owed.
    """
    if connection.dialect.name == "sqlite":
        owed = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
        connection.exec_driver_sql(f"PRAGMA user_version = {owed % 1_000_000 + 1}")


def _owed(driver: Any) -> int:
    owed: int = driver.execute("PRAGMA user_version").fetchone()[0]
    return owed
