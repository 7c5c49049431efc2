"""The first page: what needs attention, in pictures."""

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from license_server.web.entry import HOME
from license_server.web.who import SignedIn

router = APIRouter()


@router.get("/")
async def home(_: SignedIn) -> Response:
    """The first page."""
    return RedirectResponse(HOME, 303)
