"""The pages that need nobody to be signed in: what a problem is, and the static files."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from license_core.errors import NotFoundError
from license_server.http.problem_types import ROWS, STATUS
from license_server.web import pages

anyone = APIRouter()


@anyone.get("/problems/{slug}")
async def problem(request: Request, slug: str) -> Response:
    """What a problem document's ``type`` leads to."""
    row = ROWS.get(slug)
    if row is None:
        raise NotFoundError(what="problem", name=slug[:64])
    return pages.page(request, "problem_type", row=row, http_status=STATUS[slug])


@anyone.get("/static/{name}")
async def static(name: str) -> Response:
    """The style sheet and the picture."""
    return pages.static(name)
