"""``/checkpoints``: signed snapshots of the audit log, to keep elsewhere."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from license_server.actor import Actor
from license_server.api import (
    PREFIX,
    messages,
)
from license_server.api.audit_responses import Checkpoint, CheckpointPage
from license_server.api.auth import Needs
from license_server.api.operations import describe
from license_server.audit import audit_store
from license_server.http.state import AtSite

router = APIRouter(prefix=f"{PREFIX}/checkpoints", tags=["checkpoints"])


@router.get("", openapi_extra=describe("checkpoints.list"))
async def listing(
    request: Request, site: AtSite, _: Annotated[Actor, Depends(Needs("record:read"))]
) -> Response:
    """List checkpoints of the audit log, newest first."""
    given = messages.page_parameters(request, ())
    limit, before = messages.limit(given), messages.before(given)
    rows = await site.read(
        lambda connection: audit_store.listed_checkpoints(
            connection, before=before, limit=limit + 1
        )
    )
    return messages.page(CheckpointPage, rows, limit, lambda row: row.position, Checkpoint.of)
