"""``/events``: the audit log."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from license_server.actor import Actor
from license_server.api import (
    PREFIX,
    messages,
)
from license_server.api.audit_responses import Event, EventPage
from license_server.api.auth import Needs
from license_server.api.operations import describe
from license_server.audit import audit_store
from license_server.audit.audit_store import EventFilter
from license_server.http.state import AtSite

router = APIRouter(prefix=f"{PREFIX}/events", tags=["events"])


@router.get("", openapi_extra=describe("events.list"))
async def listing(
    request: Request, site: AtSite, _: Annotated[Actor, Depends(Needs("record:read"))]
) -> Response:
    """List events of the audit log, newest first."""
    given = messages.page_parameters(request, ("subject", "actor", "action"))
    limit, before = messages.limit(given), messages.before(given)
    wanted = EventFilter(given.get("subject"), given.get("actor"), given.get("action"))
    rows = await site.read(
        lambda connection: audit_store.events(connection, wanted, before=before, limit=limit + 1)
    )
    return messages.page(EventPage, rows, limit, lambda row: row.id, Event.of)
