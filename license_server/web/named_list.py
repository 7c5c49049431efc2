"""A page of rows in the order of their names, and where the next one begins."""

from collections.abc import Callable
from typing import Generic, NamedTuple, Protocol, TypeVar

from fastapi import Request
from sqlalchemy import Connection

from license_server.http import cursors
from license_server.site import Site

PAGE = 50


class Named(Protocol):
    """A row that has a name."""

    @property
    def id(self) -> int:
        """Its row."""

    @property
    def name(self) -> str:
        """What it is called."""


R = TypeVar("R", bound=Named)


class Listed(NamedTuple, Generic[R]):
    """A page of rows."""

    rows: list[R]
    more: str | None
    """The cursor of the next page; None: this is the last."""
    first: bool


async def listed(
    request: Request,
    site: Site,
    by_id: Callable[[Connection, int], R | None],
    after: Callable[[Connection, str | None, int], list[R]],
) -> Listed[R]:
    """The page that the ``cursor`` of *request* names, else the first.

    *by_id* finds the row that the former page ended with, *after* at most so many from the one
    after a name on. Raises InputInvalidError for another cursor.
    """
    cursor = request.query_params.get("cursor")
    id_ = cursors.read(cursor) if cursor else None

    def read(connection: Connection) -> list[R]:
        last = None if id_ is None else by_id(connection, id_)
        return after(connection, None if last is None else last.name, PAGE + 1)

    rows = await site.read(read)
    more = cursors.write(rows[PAGE - 1].id) if len(rows) > PAGE else None
    return Listed(rows[:PAGE], more, id_ is None)
