"""``/preferences``: the language, the time zone and the ground that a reader chooses."""

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from license_core.reason import Reason
from license_server.db.errors import InputInvalidError
from license_server.web import forms, sign_in
from license_server.web.reader import (
    COOKIES,
    DENSITIES,
    LANGUAGES,
    THEMES,
    is_zone,
)
from license_server.web.session import is_secure

_SECONDS = 400 * 86400  # the longest that browsers keep a cookie (RFC 6265bis section 5.5)
anyone = APIRouter()


@anyone.get("/preferences")
async def choose(request: Request) -> Response:
    """Keep what is chosen, and go back to the page where it was; another site chooses nothing."""
    given = request.query_params
    response = RedirectResponse(sign_in.local_path(given.get("back", "")) or "/", 303)
    if forms.from_elsewhere(request):
        return response
    for name in COOKIES:
        value = given.get(name)
        if value is None:
            continue
        if not _is_choice(name, value):
            reason = Reason("{value!r} cannot be chosen", value=value[:64])
            raise InputInvalidError(field=name, reason=reason)
        keep(response, name, value, secure=is_secure(request))
    return response


def keep(response: Response, name: str, value: str, *, secure: bool) -> None:
    """Have the browser keep what was chosen."""
    response.set_cookie(
        COOKIES[name], value, _SECONDS, httponly=True, samesite="lax", secure=secure
    )


def _is_choice(name: str, value: str) -> bool:
    if name == "zone":
        return is_zone(value)
    return value in {"language": tuple(LANGUAGES), "theme": THEMES, "density": DENSITIES}[name]
