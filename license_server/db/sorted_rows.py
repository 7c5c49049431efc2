"""Rows of a long list: counted to a bound, and sorted where they are no more than that."""

from collections.abc import Callable, Mapping
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import Connection, Select, Table, func, select

R = TypeVar("R")
MOST_SORTED = 10_000
"""So many are counted, and sorted."""


class Sorting(NamedTuple):
    """In which order rows are listed."""

    by: str
    """The name of a column."""
    descending: bool = False


class Count(NamedTuple):
    """How many rows there are."""

    least: int
    """So many, or more."""
    whole: bool
    """Whether that is all."""
    ids: Select[Any]
    """A query for their ids, where it is all."""


def count(connection: Connection, ids: Select[Any]) -> Count:
    """How many rows a query for *ids* has, up to MOST_SORTED."""
    some = ids.order_by(None).limit(MOST_SORTED + 1).subquery()
    found: int = connection.execute(select(func.count()).select_from(some)).scalar_one()
    return Count(min(found, MOST_SORTED), found <= MOST_SORTED, ids)


class SortedRows(NamedTuple, Generic[R]):
    """The rows of a table, and by what they can be sorted."""

    query: Select[Any]
    table: Table
    places: Mapping[str, Any]
    """What is compared by each name; it is never null, which databases place otherwise."""
    make: Callable[..., R]
    """Makes a row of the columns of the *query*."""

    def in_order(
        self, connection: Connection, counted: Count, sorting: Sorting, *, offset: int, limit: int
    ) -> list[R]:
        """At most *limit* of the rows that were *counted* as a whole, sorted."""
        place = self.places[sorting.by]
        some = counted.ids.order_by(None).limit(MOST_SORTED).subquery()
        query = self.query.where(self.table.c.id.in_(select(some.c.id)))
        last = self.table.c.id.desc()
        query = query.order_by(place.desc() if sorting.descending else place, last)
        rows = connection.execute(query.offset(offset).limit(limit))
        return [self.make(*row) for row in rows]
