"""``/licenses/export``: chosen licences as a sheet, or as an archive of files and letters."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from license_core.errors import NotFoundError
from license_server.access.sessions import Session
from license_server.http.state import AtSite
from license_server.licenses import license_store
from license_server.sheets import csv_text
from license_server.web import choosing, delivery, list_page, pages, shown_licenses
from license_server.web.list_shape import Shape
from license_server.web.reader import Reader
from license_server.web.session import May, on_one_line
from license_server.web.shown_licenses import FILTERS
from license_server.web.sign_in import HOME

ROOM = f"{HOME}/export"
SHEET, ARCHIVE = "csv", "zip"
_SHEET_OF_ALL = "/sheets/licenses.csv"

router = APIRouter(prefix=ROOM)
Viewer = Annotated[Session, Depends(May("licenses:read"))]


@router.get("")
async def export(request: Request, site: AtSite, session: Viewer) -> Response:
    """The licences that the address chooses. Raises InputInvalidError, NotFoundError."""
    query, fields = request.query_params, choosing.fields_of(request.query_params)
    form, now = query.get("form", ""), site.clock()
    if form not in (SHEET, ARCHIVE):
        raise NotFoundError(what="page", name=on_one_line(form)[:64])
    if form == SHEET and fields.get("all"):
        shown = {n: query[n] for n in (*FILTERS, "columns", "sort") if query.get(n)}
        return RedirectResponse(f"{_SHEET_OF_ALL}?{urlencode(shown)}", 303)
    numbers = await site.read(lambda c: choosing.numbers(c, fields, session, now))
    if not numbers:
        return pages.page(request, "nothing_chosen", 422)
    if form == ARCHIVE:
        return delivery.files(site, numbers, session.actor)
    stored = await site.read(lambda c: license_store.by_numbers(c, numbers))
    found = {one.number: one for one in stored if session.actor.may_use(one.product)}
    rows = [found[number] for number in numbers if number in found]
    shape = Shape.of(query, shown_licenses.LISTING)
    reader = Reader.of(request, site.settings.time_zone)
    heading = shown_licenses.heading(shape.columns, reader)
    cells = (shown_licenses.cells(one, shape.columns, now, reader) for one in rows)
    return list_page.sheet_of("licenses.csv", csv_text.write(heading, cells))
