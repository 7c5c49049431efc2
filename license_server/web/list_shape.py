"""How a list is shown: which columns, in which order, and which part of it."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Generic, NamedTuple, Protocol, Self, TypeVar
from urllib.parse import parse_qsl, urlencode

from sqlalchemy import Connection
from starlette.datastructures import QueryParams

from license_server.db.sorted_rows import MOST_SORTED, Count, Sorting
from license_server.http import cursors
from license_server.sheets.exports import Read

R = TypeVar("R")
S = TypeVar("S")
PAGE = 50
AT_ONCE = 2000
"""So many sorted rows of a sheet are read at a time."""
_FAR = 1_000_000
_LONGEST = 4000


class Listing(NamedTuple):
    """What a list can show."""

    columns: Mapping[str, str]
    """Those that can be chosen beside the first one, with their headings; English, translated where
    they are shown."""
    standard: tuple[str, ...]
    """Those that are shown where nothing was chosen."""
    sorts: Collection[str]
    """Those by which it can be sorted, the first one among them."""


class Shape(NamedTuple):
    """How a list is shown."""

    listing: Listing
    columns: tuple[str, ...]
    """Of the list's, in their order; the first one of a row stands before them."""
    sorting: Sorting | None
    """None: the list's own order."""
    page: int
    """Of a sorted list, from 1."""
    shown_before: int
    """Of one that is not: how many the pages before had."""

    @classmethod
    def of(cls, given: QueryParams, listing: Listing) -> Self:
        """What an address says; what makes no sense says nothing."""
        named = {name for text in given.getlist("columns") for name in text.split(",")}
        chosen = tuple(name for name in listing.columns if name in named)
        sort = given.get("sort", "")
        by = sort.removeprefix("-")
        return cls(
            listing,
            columns=chosen or listing.standard,
            sorting=Sorting(by, sort.startswith("-")) if by in listing.sorts else None,
            page=max(1, _number(given.get("page"))),
            shown_before=_number(given.get("shown")),
        )

    def query(self) -> dict[str, str]:
        """What says so in an address, but for the part."""
        standard = self.columns == self.listing.standard
        said = {} if standard else {"columns": ",".join(self.columns)}
        if self.sorting is not None:
            said["sort"] = f"{'-' * self.sorting.descending}{self.sorting.by}"
        return said

    def turned(self, by: str) -> str:
        """What the heading of a column leads to: by it, and the other way round the second time."""
        here = self.sorting
        return f"-{by}" if here is not None and here == (by, False) else by


def _number(text: str | None) -> int:
    text = text or ""
    return min(int(text), _FAR) if text.isascii() and text.isdigit() and len(text) < 9 else 0


class Source(NamedTuple, Generic[R]):
    """Where the rows of a list come from."""

    counted: Callable[[Connection], Count]
    """How many there are, up to MOST_SORTED."""
    in_order: Callable[[Connection, Count, Sorting, int, int], list[R]]
    """Of those that were counted as a whole, in that order: from an offset on, at most so many."""
    after: Callable[[Connection, str | None, int], tuple[list[R], str | None]]
    """In the list's own order: from a cursor on, at most so many; and the next cursor."""

    def told(self, tell: Callable[[Connection, list[R]], list[S]]) -> "Source[S]":
        """The same rows as *tell* has them, which reads what stands beside a part of them."""

        def after(
            connection: Connection, cursor: str | None, limit: int
        ) -> tuple[list[S], str | None]:
            rows, following = self.after(connection, cursor, limit)
            return tell(connection, rows), following

        return Source(
            self.counted,
            lambda connection, *how: tell(connection, self.in_order(connection, *how)),
            after,
        )


class _Numbered(Protocol):
    @property
    def id(self) -> int: ...


N = TypeVar("N", bound=_Numbered)


def after_id(
    rows: Callable[[Connection, int | None, int], list[N]],
) -> Callable[[Connection, str | None, int], tuple[list[N], str | None]]:
    """What a Source has as ``after``, where a cursor stands for an id.

    *rows*: those that follow the row of an id (None: the first ones), at most so many.
    """

    def after(connection: Connection, cursor: str | None, limit: int) -> tuple[list[N], str | None]:
        found = rows(connection, cursors.read(cursor) if cursor else None, limit + 1)
        return found[:limit], cursors.write(found[limit - 1].id) if len(found) > limit else None

    return after


class Part(NamedTuple, Generic[R]):
    """A part of a list."""

    rows: list[R]
    counted: Count | None
    """How many there are; None: nothing was asked."""
    cursor: str | None = None
    """Where a list that is not sorted goes on; None: that was all."""
    first: int = 1
    """The place of the first row."""
    too_many: bool = False
    """Whether they are too many to be sorted."""


NOTHING: Part[Any] = Part([], None)


def read(
    connection: Connection, source: Source[R], shape: Shape, cursor: str | None, page: int = PAGE
) -> Part[R]:
    """The part of the list that *shape* asks for, or that goes on at *cursor*."""
    count = source.counted(connection)
    if shape.sorting is not None and count.whole:
        offset = (shape.page - 1) * page
        rows = source.in_order(connection, count, shape.sorting, offset, page)
        return Part(rows, count, first=offset + 1)
    rows, following = source.after(connection, cursor, page)
    too_many = shape.sorting is not None
    first = shape.shown_before * (cursor is not None) + 1
    return Part(rows, count, following, first, too_many)


def whole(read_: Read, source: Source[R], sorting: Sorting | None) -> Iterator[R]:
    """All of the list, in the order in which ``read`` shows it, some at a time."""
    if sorting is not None:
        for offset in range(0, MOST_SORTED, AT_ONCE):
            some: list[R] | None = read_(lambda c: _sorted(c, source, sorting, offset))  # noqa: B023
            if some is None:
                break
            yield from some
            if len(some) < AT_ONCE:
                return
        else:
            return
    cursor: str | None = None
    while True:
        at = cursor
        rows, cursor = read_(lambda c: source.after(c, at, AT_ONCE))  # noqa: B023
        yield from rows
        if cursor is None:
            return


def _sorted(
    connection: Connection, source: Source[R], sorting: Sorting, offset: int
) -> list[R] | None:
    """A part of the sorted list; None where there are too many to sort."""
    count = source.counted(connection)
    return source.in_order(connection, count, sorting, offset, AT_ONCE) if count.whole else None


Way = dict[str, str]
"""What an address says of the part that it leads to."""


def ways(
    part: Part[R], shape: Shape, cursor: str | None, page: int = PAGE
) -> tuple[Way | None, Way | None]:
    """What leads to the first part, and to the next one; None: it is this one, or there is none."""
    if shape.sorting is not None and not part.too_many:
        least = 0 if part.counted is None else part.counted.least
        later = {"page": str(shape.page + 1)} if shape.page * page < least else None
        return ({} if shape.page > 1 else None), later
    shown, at = str(part.first - 1 + len(part.rows)), part.cursor
    later = None if at is None else {"cursor": at, "shown": shown}
    return (None if cursor is None else {}), later


def kept(query: str, names: Collection[str]) -> str:
    """Of the query of a list's address what a view keeps of it: not which part is shown.

    *names*: of its filters.
    """
    pairs = parse_qsl(query[:_LONGEST])
    return urlencode([(n, text) for n, text in pairs if n in (*names, "columns", "sort")])
