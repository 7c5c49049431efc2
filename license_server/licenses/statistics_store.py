"""Counts of licences: expiring, issued, moved.

What is counted stands in an index (db/tables.py); no row of the ledger itself is read.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    and_,
    func,
    literal,
    select,
    text,
    union_all,
)

from license_server.db.among import among
from license_server.db.questions import Question
from license_server.db.tables import (
    licenses,
    products,
    proposals,
)
from license_server.licenses import term_days

_MOST_WAITING = 1000
_FEW_MOVES = 2
# Written so that no planner goes through the index of the states, which tells most of the ledger.
_ACTIVE = licenses.c.state.concat("") == "active"
_MOVE = text("act = 'rehost'")  # said as the index says it


class Counted(NamedTuple):
    """How many licences there are of a kind in a month."""

    month: int
    """Its place among the months that were asked for."""
    kind: Any
    """The id of a product, or an act."""
    number: int


class Standing(NamedTuple):
    """How things stand at an instant."""

    valid: int
    """In force; those in grace are not counted."""
    soon: int
    """… and end soon."""
    grace: int
    lapsed: int
    """Over, and no other replaced them."""


class Live(NamedTuple):
    """What is looked up each time."""

    newest: int
    """The id of the newest licence; 0: there is none."""
    waiting: int
    """The proposals that wait; of very many, so many as are counted."""
    products: bool
    """Whether there is a product."""


def live() -> Question[Live]:
    """What tells whether there is anything to count, and what waits."""
    waits = select(proposals.c.id).where(proposals.c.state == "waiting").limit(_MOST_WAITING)
    query = select(
        select(func.coalesce(func.max(licenses.c.id), 0)).scalar_subquery(),
        select(func.count()).select_from(waits.subquery()).scalar_subquery(),
        select(products.c.id).exists(),
    )
    return Question(query, lambda rows: Live(*rows[0]))


def standing(connection: Connection, now: int, first: int, last: int) -> Standing:
    """How things stand at *now*; the last day of what ends soon is from *first* to *last*."""
    ends = licenses.c.expires_at
    in_grace = func.coalesce(licenses.c.grace_until > now, False)
    over = select(
        func.count().label("count"), func.sum(in_grace.cast(Integer)).label("grace")
    ).where(ends <= now, _ACTIVE)
    past = over.subquery()
    query = select(
        _count(and_(ends.is_(None), _ACTIVE)),
        _count(and_(ends > now, _ACTIVE)),
        _count(_ending_within(first, last, now)),
        past.c.count,
        func.coalesce(past.c.grace, 0),
    )
    perpetual, ending, nearly, all_over, grace = connection.execute(query).one()
    return Standing(perpetual + ending, nearly, grace, all_over - grace)


def ending(connection: Connection, firsts: Sequence[int], now: int) -> list[Counted]:
    """How many that are valid at *now* have their last day in each month, by product.

    *firsts*: the number of each month's first day, and of the one after the last month.
    """
    return _by_month(
        connection,
        firsts,
        licenses.c.product_id,
        lambda first, after: _ending_within(first, after - 1, now),
    )


def _ending_within(first: int, last: int, now: int) -> ColumnElement[bool]:
    """Whether a licence is valid at *now*, and its last day from *first* to *last*."""
    ends, day = licenses.c.expires_at, licenses.c.last_day
    begin, end = term_days.around(first, last)
    return and_(
        ends >= begin,
        ends < end,
        day >= first,
        day <= last,
        ends > now,
        _ACTIVE,
    )


def issued(connection: Connection, bounds: Sequence[int]) -> list[Counted]:
    """How many were issued in each month, by act; *bounds* as in ``ending``."""
    at = licenses.c.issued_at
    return _by_month(
        connection, bounds, licenses.c.act, lambda first, last: and_(at >= first, at < last)
    )


def moved(connection: Connection, since: int, limit: int) -> list[tuple[str, int]]:
    """The lines that moved to another host more than once since then, and how often; most first."""
    count = func.count()
    query = (
        select(licenses.c.line, count)
        .where(_MOVE, licenses.c.issued_at >= since)
        .group_by(licenses.c.line)
        .having(count >= _FEW_MOVES)
        .order_by(count.desc(), licenses.c.line.desc())
        .limit(limit)
    )
    return [(line, often) for line, often in connection.execute(query)]


def product_names(connection: Connection, ids: Sequence[int]) -> dict[int, str]:
    """What these products are called."""
    query = select(products.c.id, products.c.name).where(among(products.c.id, ids))
    return {row.id: row.name for row in connection.execute(query)}


def _count(condition: ColumnElement[bool]) -> Any:
    return select(func.count()).select_from(licenses).where(condition).scalar_subquery()


def _by_month(
    connection: Connection,
    bounds: Sequence[int],
    kind: Any,
    within: Callable[[int, int], ColumnElement[bool]],
) -> list[Counted]:
    each = [
        select(literal(month, Integer).label("month"), kind.label("kind"), func.count())
        .where(within(first, last))
        .group_by(kind)
        for month, (first, last) in enumerate(pairwise(bounds))
    ]
    return [Counted(*row) for row in connection.execute(union_all(*each))]
