"""Finds anything from every page: what the box in their frame leads to."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from license_server import finder
from license_server.access.sessions import Session
from license_server.db.errors import InputInvalidError
from license_server.http.problem_types import status_of
from license_server.http.state import AtSite
from license_server.licenses import license_store, orders
from license_server.web import pages, request_list
from license_server.web.session import May
from license_server.web.sign_in import HOME

router = APIRouter()
Viewer = Annotated[Session, Depends(May("licenses:read"))]


@router.get(pages.FIND)
async def find(request: Request, site: AtSite, session: Viewer) -> Response:
    """What has what was typed; a whole number leads to its licence."""
    typed = pages.sought(request)
    now = site.clock()

    def read(connection: Connection) -> finder.Found | str:
        number = typed.strip().upper()
        if orders.NUMBER.fullmatch(number):
            stored = license_store.by_number(connection, number)
            if stored is not None and session.actor.may_use(stored.product):
                return number
        return finder.find(connection, typed, session.actor, now)

    try:
        found = await site.read(read)
    except InputInvalidError as error:
        return pages.page(
            request,
            "find",
            status_of(error),
            found=finder.NOTHING,
            most=finder.MOST,
            misheard=error,
            words=request_list.WORDS,
        )
    if isinstance(found, str):
        return RedirectResponse(f"{HOME}/{found}", 303)
    return pages.page(
        request,
        "find",
        found=found,
        most=finder.MOST,
        misheard=None,
        words=request_list.WORDS,
    )
