"""Leases: of a table of things to send, each is tried by one process at a time, in its order.

Such a table has the columns ``id``, ``state`` (``waiting``, or what became of it), ``due_at``,
``lease`` and ``lease_until``, and columns that name a lane. Those of one lane go one after the
other: the next is taken once the one before it does not wait any more. A lease that ran out belongs
to nobody: whoever had it may have been killed.
"""

from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Table,
    and_,
    literal_column,
    or_,
    select,
    update,
)

WAITING = "waiting"


class Queue(NamedTuple):
    """A table of things to send."""

    table: Table
    lane: tuple[str, ...]
    """The columns that name a lane."""

    def is_due(self, now: int) -> ColumnElement[bool]:
        """Whether a row waits, its time has come, and nobody tries it."""
        its = self.table.c
        free = or_(its.lease_until.is_(None), its.lease_until <= now)
        waits = its.state == literal_column(f"'{WAITING}'")
        return and_(waits, its.due_at <= now, free)

    def is_first(self) -> ColumnElement[bool]:
        """Whether nothing of its lane waits before a row."""
        former, its = self.table.alias(), self.table.c
        same = [former.c[name] == its[name] for name in self.lane]
        waits = former.c.state == literal_column(f"'{WAITING}'")  # as the index has it
        earlier = select(former.c.id).where(*same, waits, former.c.id < its.id)
        return earlier.limit(1).scalar_subquery().is_(None)  # asked for each row by itself

    def take(
        self,
        connection: Connection,
        now: int,
        lease: str,
        seconds: int,
        limit: int,
        *where: ColumnElement[bool],
    ) -> list[RowMapping]:
        """At most *limit* rows that are due, from now on tried under this *lease* for *seconds*.

        Two processes that ask at once get different ones: who comes second finds them taken.
        """
        its, due = self.table.c, self.is_due(now)
        ids = select(its.id).where(due, self.is_first(), *where).order_by(its.due_at, its.id)
        query = (
            update(self.table)
            .where(its.id.in_(ids.limit(limit)), due)
            .values(lease=lease, lease_until=now + seconds)
            .returning(*its)
        )
        rows = connection.execute(query).mappings().all()
        return sorted(rows, key=lambda row: int(row["id"]))

    def settle(self, connection: Connection, id_: int, lease: str, **values: Any) -> bool:
        """Set *values* of a row, and end its *lease*; False: somebody else has it by now."""
        its = self.table.c
        query = (
            update(self.table)
            .where(its.id == id_, its.lease == lease, its.state == WAITING)
            .values(lease=None, lease_until=None, **values)
            .returning(its.id)
        )
        return connection.execute(query).first() is not None
