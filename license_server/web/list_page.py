"""A list of the desk: a table with columns to choose, an order, totals, and a sheet of the same.

What a cell says is said once, for the screen and for the sheet.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import urlencode

from fastapi import Request
from sqlalchemy import Connection
from starlette.responses import Response, StreamingResponse

from license_server.access.sessions import Session
from license_server.db import questions
from license_server.db.questions import Questions
from license_server.sheets import csv_text
from license_server.sheets.exports import Read
from license_server.site import Site
from license_server.web import list_shape, view_store
from license_server.web.list_shape import PAGE, Listing, Part, Shape, Source
from license_server.web.reader import Reader

R = TypeVar("R")
_NOTHING: Questions = {}
SHEET = "/list.csv"
"""Where the sheet of a list is, under its room."""


class Column(NamedTuple, Generic[R]):
    """A column of a list."""

    heading: str
    """English; translated where it is shown."""
    says: Callable[[R, Reader], str | None]
    """What its cell says to a reader; nothing: nothing is known."""
    link: Callable[[R], str | None] = lambda _: None
    """What the cell leads to."""
    look: str = "name"
    """``name``: a text that is cut where it has no room; ``text``: one that is not; ``number``."""
    mark: Callable[[R], str | None] = lambda _: None
    """Whether it is a mark, and of which kind: good, warn, bad or plain."""
    aside: Callable[[R, Reader], str | None] = lambda *_: None
    """What is said beside it, in small letters."""
    zoned: bool = False
    """Whether it is an instant in the reader's time zone."""


def at(
    instant: Callable[[R], int | None],
    heading: str,
    aside: Callable[[R, Reader], str | None] = lambda *_: None,
) -> Column[R]:
    """A column for an *instant*, which is told in the reader's time zone."""

    def says(row: R, reader: Reader) -> str | None:
        value = instant(row)
        return None if value is None else reader.when(value)

    return Column(heading, says, look="number", aside=aside, zoned=True)


class DeskList(NamedTuple, Generic[R]):
    """A list: its columns, and by which of them it can be sorted."""

    room: str
    columns: Mapping[str, Column[R]]
    """The first one is always shown."""
    standard: tuple[str, ...]
    sorts: frozenset[str]
    page: int = PAGE
    filters: tuple[str, ...] = ()
    """What its address may ask for."""

    @property
    def key(self) -> str:
        """The name of the column that names a row."""
        return next(iter(self.columns))

    def listing(self, sorts: frozenset[str] | None = None) -> Listing:
        """What it can show; *sorts*: where not all columns may sort it."""
        named = {name: one.heading for name, one in self.columns.items() if name != self.key}
        return Listing(named, self.standard, self.sorts if sorts is None else sorts)

    async def read(
        self,
        request: Request,
        site: Site,
        session: Session,
        source: Source[R],
        kept: Mapping[str, str],
        *,
        sorts: frozenset[str] | None = None,
        beside: Questions = _NOTHING,
    ) -> dict[str, Any]:
        """What the part of its page shows that ``lists.html`` has; *kept*: the filters.

        *beside*: and what else the page shows. Raises InputInvalidError for another cursor.
        """
        query = request.query_params
        shape, cursor = Shape.of(query, self.listing(sorts)), query.get("cursor") or None

        views = view_store.views(session.actor.name, self.room)

        def read(connection: Connection) -> tuple[Part[R], dict[str, Any]]:
            part = list_shape.read(connection, source, shape, cursor, self.page)
            return part, questions.ask_all(connection, {**beside, "views": views})

        part, more = await site.read(read)
        filters = {name: text for name, text in kept.items() if text}
        shaped = filters | shape.query()
        first, later = list_shape.ways(part, shape, cursor, self.page)
        return more | {
            "listed": self,
            "part": part,
            "rows": part.rows,
            "shape": shape,
            "shaped": shaped,
            "kept": filters,
            "to_first": None if first is None else f"{self.room}?{urlencode(shaped | first)}",
            "to_next": None if later is None else f"{self.room}?{urlencode(shaped | later)}",
        }

    def sheet(
        self,
        request: Request,
        site: Site,
        source: Source[R],
        name: str,
        *,
        sorts: frozenset[str] | None = None,
    ) -> Response:
        """All of the list as its page shows it, as a sheet called *name*."""
        shape = Shape.of(request.query_params, self.listing(sorts))
        reader = Reader.of(request, site.settings.time_zone)
        lines = csv_text.write(
            self._heading(shape, reader), self._rows(site.database.read, source, shape, reader)
        )
        return sheet_of(name, lines)

    def shown(self, shape: Shape) -> list[tuple[str, Column[R]]]:
        """The columns that are shown, with their names."""
        return [(n, one) for n, one in self.columns.items() if n == self.key or n in shape.columns]

    def _heading(self, shape: Shape, reader: Reader) -> list[str]:
        tr = reader.catalogue.gettext
        return [
            f"{tr(one.heading)} ({reader.zone})" if one.zoned else tr(one.heading)
            for _, one in self.shown(shape)
        ]

    def _rows(
        self, read: Read, source: Source[R], shape: Shape, reader: Reader
    ) -> Iterator[list[str | None]]:
        columns = [one for _, one in self.shown(shape)]
        for row in list_shape.whole(read, source, shape.sorting):
            yield [in_a_sheet(one, row, reader) for one in columns]


def in_a_sheet(column: Column[R], row: R, reader: Reader) -> str | None:
    """What a cell says, with what stands beside it."""
    said = [column.says(row, reader), column.aside(row, reader)]
    return reader.marks.semicolon.join(text for text in said if text) or None


def sheet_of(name: str, lines: Iterator[str]) -> Response:
    """The *lines* of a sheet as a file, with the mark by which a spreadsheet knows UTF-8."""

    def pieces() -> Iterator[bytes]:
        yield "\ufeff".encode()
        yield from csv_text.encoded(lines)

    return StreamingResponse(
        pieces(),
        media_type="text/csv; charset=utf-8; header=present",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
