"""``/events``: the record."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from license_server.actor import Actor
from license_server.api import (
    PREFIX,
)
from license_server.api import (
    http as exchange,
)
from license_server.api import (
    responses as shapes,
)
from license_server.api.auth import AtSite, Needs
from license_server.api.operations import describe
from license_server.audit import store
from license_server.audit.store import Wanted

router = APIRouter(prefix=f"{PREFIX}/events", tags=["events"])


@router.get("", openapi_extra=describe("events.list"))
async def listing(
    request: Request, site: AtSite, _: Annotated[Actor, Depends(Needs("record:read"))]
) -> Response:
    """What was done, the newest first."""
    given = exchange.page_parameters(request, ("subject", "actor", "action"))
    limit, before = exchange.limit(given), exchange.before(given)
    wanted = Wanted(given.get("subject"), given.get("actor"), given.get("action"))
    rows = await site.read(
        lambda connection: store.events(connection, wanted, before=before, limit=limit + 1)
    )
    return exchange.page("events", rows, limit, lambda row: row.id, shapes.event_json)
