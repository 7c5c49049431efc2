"""``/events`` and ``/checkpoints``: the audit log, and signed snapshots of it to keep elsewhere."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.responses import Response

from license_core.reason import Reason
from license_server.actor import Actor
from license_server.api import (
    PREFIX,
    messages,
)
from license_server.api.audit_responses import Checkpoint, CheckpointPage, Event, EventPage
from license_server.api.auth import Needs
from license_server.api.operations import describe
from license_server.audit import audit_store, changes
from license_server.audit.audit_store import Event as StoredEvent
from license_server.audit.audit_store import EventFilter
from license_server.audit.changes import Change
from license_server.audit.kinds import KINDS
from license_server.catalog.terms import DAY
from license_server.db.errors import InputInvalidError
from license_server.http.state import AtSite
from license_server.licenses import trails

router = APIRouter(prefix=PREFIX)
Auditor = Annotated[Actor, Depends(Needs("record:read"))]


@router.get("/events", tags=["events"], openapi_extra=describe("events.list"))
async def list_events(request: Request, site: AtSite, _: Auditor) -> Response:
    """List events of the audit log, newest first."""
    given = messages.query(request)
    limit, before = messages.limit(given), messages.before(given)
    kind = given.get("kind")
    if kind not in (None, *KINDS):
        reason = Reason("{value!r} is not one of {allowed}", value=kind, allowed=", ".join(KINDS))
        raise InputInvalidError(field="kind", reason=reason)
    until = messages.day(given, "until")
    asked = EventFilter(
        given.get("subject"),
        given.get("actor"),
        given.get("action"),
        since=messages.day(given, "since"),
        until=None if until is None else until + DAY,
        person=given.get("person", "").lower() or None,
        kind=kind,
    )

    def read(connection: Connection) -> tuple[list[StoredEvent], dict[int, list[Change]]]:
        of = given.get("customer"), given.get("license")
        wanted = trails.of(connection, asked, *of, strict=False)
        rows = audit_store.events(connection, wanted, before=before, limit=limit + 1)
        return rows, changes.of_events(connection, rows)

    rows, changed = await site.read(read)
    return messages.page(
        EventPage, rows, limit, lambda row: row.id, lambda row: Event.of(row, changed[row.id])
    )


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
