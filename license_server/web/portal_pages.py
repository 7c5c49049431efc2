"""Pages of the customer portal: who is there, what a page looks like, and what refuses.

It has a layout, a cookie and static files of its own, all under ``/portal``: a proxy that lets the
internet reach nothing else lets it reach all of the portal.
"""

from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from license_core import b64url
from license_core.errors import LicenseError, NotAuthenticatedError, NotFoundError
from license_server.access import login, sessions
from license_server.http.problem_types import status_of
from license_server.http.state import AtSite, state_of
from license_server.mail import mail_servers
from license_server.portal import mailing, visits
from license_server.portal.errors import PortalLinkOverError
from license_server.portal.visits import Visit
from license_server.site import Site
from license_server.web import forms, pages
from license_server.web.session import address_of, cookie, delete_cookie, set_cookie

ROOM = "/portal"
SESSION = "hostseal_portal"
"""The cookie of somebody who is in the portal."""
_FORM = "hostseal_portal_form"


async def on(request: Request, site: AtSite) -> None:
    """Raise NotFoundError where the settings do not turn the portal on."""
    if not site.settings.portal:
        raise NotFoundError(what="page", name=request.url.path)


async def visit_of(request: Request, site: AtSite, _: Annotated[None, Depends(on)]) -> Visit:
    """Who is in the portal. Raises NotAuthenticatedError, PortalLinkOverError, RateLimitedError."""
    secret, now, address = cookie(request, SESSION), site.clock(), address_of(request)
    visit = await site.read(lambda c: visits.by_session(c, secret, now, address))
    state_of(request).rates.take(visit.actor.name, now)
    return visit


Visiting = Annotated[Visit, Depends(visit_of)]


async def _fields(request: Request, visit: Visiting) -> dict[str, str]:
    """The fields of a form of this session. Raises FormExpiredError, InputInvalidError."""
    fields = await forms.read(request)
    sessions.check_form(visit.secret, fields.pop("form_token", ""))
    return fields


Form = Annotated[dict[str, str], Depends(_fields)]


async def found(request: Request, site: Site) -> Visit | None:
    """Who is in the portal; None: nobody is with this browser."""
    try:
        return await visit_of(request, site, None)
    except (NotAuthenticatedError, PortalLinkOverError):
        return None


def count_guess(request: Request, now: int) -> None:
    """Count that somebody came with a link that is none. Raises RateLimitedError."""
    state_of(request).rates.take(f"address:{login.network(address_of(request))}", now)


def page(
    request: Request, name: str, visit: Visit | None, status: int = 200, **values: Any
) -> HTMLResponse:
    """The page *name* of the portal, for *visit*."""
    if visit is not None:
        values = {"form_token": visit.form_token} | values
    site = state_of(request).site
    return pages.page(
        request,
        f"portal/{name}",
        status,
        visit=visit,
        room=ROOM,
        may_mail=mailing.is_possible(site.settings),
        contact=mail_servers.address(site.settings),
        **{"opening": "", "form_token": ""} | values,
    )


def for_stranger(
    request: Request, site: Site, name: str, error: LicenseError | None = None, **values: Any
) -> HTMLResponse:
    """A page with a form, for somebody who is not in the portal yet."""
    secret = cookie(request, _FORM) or b64url.encode(site.random(32))
    token = sessions.form_token(secret)
    status = status_of(error) if error else 200
    response = page(request, name, None, status, form_token=token, error=error, **values)
    set_cookie(response, request, _FORM, secret)
    return response


async def strangers_fields(request: Request) -> dict[str, str]:
    """The fields of such a form. Raises FormExpiredError, InputInvalidError."""
    fields = await forms.read(request)
    sessions.check_form(cookie(request, _FORM), fields.pop("form_token", ""))
    return fields


def let_in(response: Response, request: Request, visit: Visit) -> None:
    """Give the browser the cookie of a *visit*."""
    set_cookie(response, request, SESSION, visit.secret)
    delete_cookie(response, request, _FORM)


def is_here(request: Request) -> bool:
    """Whether *request* is for the portal."""
    return request.url.path == ROOM or request.url.path.startswith(f"{ROOM}/")


def refusal(request: Request, error: LicenseError, request_id: str) -> Response:
    """The page of a problem; whoever is not in the portal is led to its entrance."""
    if isinstance(error, NotAuthenticatedError):
        return RedirectResponse(f"{ROOM}?ended=1", 303)
    return page(request, "problem", None, status_of(error), error=error, request_id=request_id)
