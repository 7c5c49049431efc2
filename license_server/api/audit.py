"""``/events`` and ``/checkpoints``: the audit log, and signed snapshots of it to keep elsewhere."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from license_server.actor import Actor
from license_server.api import (
    PREFIX,
    messages,
)
from license_server.api.audit_responses import Checkpoint, CheckpointPage, Event, EventPage
from license_server.api.auth import Needs
from license_server.api.operations import describe
from license_server.audit import audit_store
from license_server.audit.audit_store import EventFilter
from license_server.http.state import AtSite

router = APIRouter(prefix=PREFIX)
Auditor = Annotated[Actor, Depends(Needs("record:read"))]


@router.get("/events", tags=["events"], openapi_extra=describe("events.list"))
async def list_events(request: Request, site: AtSite, _: Auditor) -> Response:
    """List events of the audit log, newest first."""
    given = messages.query(request)
    limit, before = messages.limit(given), messages.before(given)
    wanted = EventFilter(given.get("subject"), given.get("actor"), given.get("action"))
    rows = await site.read(
        lambda connection: audit_store.events(connection, wanted, before=before, limit=limit + 1)
    )
    return messages.page(EventPage, rows, limit, lambda row: row.id, Event.of)


@router.get("/checkpoints", tags=["checkpoints"], openapi_extra=describe("checkpoints.list"))
async def list_checkpoints(request: Request, site: AtSite, _: Auditor) -> Response:
    """List checkpoints of the audit log, newest first."""
    given = messages.query(request)
    limit, before = messages.limit(given), messages.before(given)
    rows = await site.read(
        lambda connection: audit_store.listed_checkpoints(
            connection, before=before, limit=limit + 1
        )
    )
    return messages.page(CheckpointPage, rows, limit, lambda row: row.position, Checkpoint.of)
