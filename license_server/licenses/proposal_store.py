"""Stored proposals."""

from typing import Any, NamedTuple

from sqlalchemy import Connection, insert, select

from license_server.db.tables import proposals


class Proposal(NamedTuple):
    """Something that somebody wants to be done."""

    id: int
    act: str
    subject: str | None
    """The licence to be acted on; None: a first one."""
    members: str
    """JSON: what was asked for."""
    customer: str
    product: str
    reason: str | None
    proposed_by: str
    proposed_at: int
    state: str
    """``waiting``, ``approved`` or ``refused``."""
    decided_by: str | None
    decided_at: int | None
    decision: str | None
    number: str | None
    """Of the licence that was issued."""


def add(connection: Connection, **values: Any) -> Proposal:
    """Store a proposal that waits."""
    query = insert(proposals).returning(*proposals.c)
    return Proposal(*connection.execute(query, values | {"state": "waiting"}).one())


def by_id(connection: Connection, id_: int) -> Proposal | None:
    """The proposal in this row."""
    row = connection.execute(select(proposals).where(proposals.c.id == id_)).first()
    return None if row is None else Proposal(*row)


def decide(connection: Connection, id_: int, **values: Any) -> Proposal | None:
    """Decide a proposal that waits; None where somebody else was first."""
    query = (
        proposals.update()
        .where(proposals.c.id == id_, proposals.c.state == "waiting")
        .values(values)
        .returning(*proposals.c)
    )
    row = connection.execute(query).first()
    return None if row is None else Proposal(*row)


def listed(
    connection: Connection,
    state: str | None,
    *,
    before: int | None,
    limit: int,
    of: frozenset[str] | None = None,
) -> list[Proposal]:
    """At most *limit* proposals, the newest first; those with an id under *before*.

    *of*: of these products only.
    """
    query = select(proposals).order_by(proposals.c.id.desc()).limit(limit)
    if state is not None:
        query = query.where(proposals.c.state == state)
    if of is not None:
        query = query.where(proposals.c.product.in_(of))
    if before is not None:
        query = query.where(proposals.c.id < before)
    return [Proposal(*row) for row in connection.execute(query)]
