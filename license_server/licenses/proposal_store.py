"""Stored proposals."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, func, insert, select

from license_server.db import sorted_rows
from license_server.db.among import among
from license_server.db.questions import Question, each
from license_server.db.sorted_rows import Count, SortedRows
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


def by_ids(ids: Sequence[int], of: frozenset[str] | None, limit: int) -> Question[list[Proposal]]:
    """At most *limit* of these proposals, the newest first; *of*: of these products only."""
    query = select(proposals).where(among(proposals.c.id, ids))
    if of is not None:
        query = query.where(proposals.c.product.in_(of))
    return each(query.order_by(proposals.c.id.desc()).limit(limit), Proposal)


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
    query = select(proposals).where(*_wanted(state, of)).order_by(proposals.c.id.desc())
    if before is not None:
        query = query.where(proposals.c.id < before)
    return [Proposal(*row) for row in connection.execute(query.limit(limit))]


def _wanted(state: str | None, of: frozenset[str] | None) -> list[ColumnElement[bool]]:
    wanted = [] if state is None else [proposals.c.state == state]
    return wanted if of is None else [*wanted, proposals.c.product.in_(sorted(of))]


SORTS: dict[str, Any] = {
    "proposal": proposals.c.id,
    "license": func.coalesce(proposals.c.number, proposals.c.subject, ""),
    "customer": func.lower(proposals.c.customer),
    "product": func.lower(proposals.c.product),
    "proposed_at": proposals.c.proposed_at,
    "state": proposals.c.state,
    "decided_at": func.coalesce(proposals.c.decided_at, 0),
}
"""By what proposals can be sorted."""


def count(connection: Connection, state: str | None, of: frozenset[str] | None) -> Count:
    """How many proposals ``listed`` has, to a bound."""
    return sorted_rows.count(connection, select(proposals.c.id).where(*_wanted(state, of)))


in_order = SortedRows(select(proposals), proposals, SORTS, Proposal).in_order
