"""Whether the database takes a write now: a commit that changes nothing, at most once a second."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future

from sqlalchemy import Connection, text

from license_core.errors import DatabaseUnavailableError
from license_server.db.database import Database

PAUSE = 1.0
"""Seconds for which an answer holds, unless a write fails meanwhile."""
PATIENCE = 3.0
"""Seconds that a commit may take; a batch of an import takes less than one."""
LEAST_FREE = 1024 * 1024
"""Bytes that must be free beside an SQLite database; a licence takes some 40 KiB of its log."""


class Probe:
    """Asks for all who want to know; what one asks holds for the others."""

    def __init__(self, database: Database, now: Callable[[], float] = time.monotonic) -> None:
        """*now* is any clock that only goes on, in seconds."""
        self._database, self._now = database, now
        self._asked_at, self._failures = 0.0, 0
        self._answer: Future[None] | None = None

    async def check(self) -> None:
        """Raise DatabaseUnavailableError where a write would not be committed."""
        if self._answer is None or (self._answer.done() and not self._holds()):
            self._asked_at, self._failures = self._now(), self._database.writer.failures
            database = self._database
            self._answer = database.writer.submit(lambda connection: touch(database, connection))
        answer = asyncio.wrap_future(self._answer)
        # What comes of it later is asked for by whoever asks then.
        answer.add_done_callback(lambda one: one.cancelled() or one.exception())
        done, _ = await asyncio.wait([answer], timeout=PATIENCE)
        if not done:
            reason = f"a write has been waiting for {PATIENCE:g} seconds"
            raise DatabaseUnavailableError(reason=reason)
        answer.result()

    def _holds(self) -> bool:
        unbroken = self._failures == self._database.writer.failures
        return unbroken and self._now() - self._asked_at < PAUSE


def touch(database: Database, connection: Connection) -> None:
    """Write what changes nothing. Raises DatabaseUnavailableError where that would be lost."""
    if database.file is not None:
        database.file.check(connection)
        database.file.check_free(LEAST_FREE)
        version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
        connection.exec_driver_sql(f"PRAGMA user_version = {version}")  # that writes a page
        return
    read_only = text("select current_setting('transaction_read_only')::bool, txid_current()")
    if connection.execute(read_only).one()[0]:
        raise DatabaseUnavailableError(reason="it is read-only")
