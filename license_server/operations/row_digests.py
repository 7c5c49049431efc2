"""The digest that the audit log last recorded for each row.

Kept in a private file of SQLite's own, which is gone afterwards, so a ledger of any size is checked
in little memory.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager


class Bindings:
    """Names of rows and their digests; ``open_bindings`` makes one."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        database.execute(
            "create table bound (name text primary key, digest text, seen integer default 0)"
        )

    def bind(self, digests: dict[str, str]) -> None:
        """A later event left these rows."""
        self._database.executemany(
            "insert into bound (name, digest) values (?, ?) "
            "on conflict (name) do update set digest = excluded.digest",
            digests.items(),
        )

    def see(self, name: str) -> str | None:
        """The digest of the row *name*, which is there; None: no event names it."""
        query = "update bound set seen = 1 where name = ? returning digest"
        found = self._database.execute(query, (name,)).fetchall()
        return None if not found else str(found[0][0])

    def was_seen(self, name: str) -> bool:
        """Whether the row *name* was there."""
        query = "select 1 from bound where name = ? and seen = 1"
        return self._database.execute(query, (name,)).fetchone() is not None

    def unseen(self) -> Iterator[str]:
        """The names of the rows that events left and that were not there."""
        query = "select name from bound where seen = 0 order by name"
        yield from (str(name) for (name,) in self._database.execute(query))


@contextmanager
def open_bindings() -> Iterator[Bindings]:
    """Bindings that are still to be filled."""
    with closing(sqlite3.connect("", isolation_level=None)) as database:
        database.execute("begin")
        yield Bindings(database)
