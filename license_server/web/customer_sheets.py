"""Sheets of customers alone at the desk: what would be added, and then."""

import io
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from license_core.reason import Reason
from license_server.access.sessions import Session
from license_server.db.errors import InputInvalidError
from license_server.http.state import AtSite
from license_server.sheets import customer_import, customer_sheet, threads, uploads
from license_server.sheets.customer_import import Preview
from license_server.sheets.job_state import SHOWN
from license_server.site import Site
from license_server.web import edit_conflicts, pages
from license_server.web.edit_conflicts import Faults
from license_server.web.session import Form, May

ROOM = "/sheets/customers"

router = APIRouter(prefix=ROOM)
Writer = Annotated[Session, Depends(May("customers:write"))]


@router.get("/{id}")
async def look(
    id: str, request: Request, site: AtSite, session: Writer
) -> Response:  # the path's name for it
    """What a sheet of customers would add. Raises NotFoundError."""
    return await _look(request, site, session, id, {})


async def _look(
    request: Request, site: Site, session: Session, id_: str, faults: Faults
) -> Response:
    seen = await threads.one_at_a_time(_seen, site, session, id_)
    status = edit_conflicts.status(faults)
    return pages.page(
        request, "customer_look", status, id=id_, seen=seen, faults=faults, fields={}, shown=SHOWN
    )


def _seen(site: Site, session: Session, id_: str) -> Preview:
    content = uploads.content_of(site, id_, session.actor)
    lines = customer_sheet.read(io.BytesIO(content))
    return site.database.read(lambda connection: customer_import.look(connection, lines))


@router.post("/{id}")
async def add(
    id: str, request: Request, site: AtSite, session: Writer, fields: Form
) -> Response:  # the path's name for it
    """Add the customers of a sheet who are not there yet; sent twice, once."""
    seen = await threads.one_at_a_time(_seen, site, session, id)
    faults: Faults = {}
    if seen.alike and fields.get("alike") != "yes":
        reason = Reason("some customers may already exist: check them first")
        faults["alike"] = InputInvalidError(field="alike", reason=reason)
    if seen.wrong and fields.get("skip") != "yes":
        reason = Reason("some rows have errors: correct them, or choose to skip them")
        faults["skip"] = InputInvalidError(field="skip", reason=reason)
    if faults:
        return await _look(request, site, session, id, faults)
    content = uploads.content_of(site, id, session.actor)
    lines, now = customer_sheet.read(io.BytesIO(content)), site.clock()
    add = customer_import.add
    count = await threads.one_at_a_time(add, site.database, lines, session.actor, now)
    return RedirectResponse(f"/customers?imported={count}", 303)
