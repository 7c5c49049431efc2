"""``/customers/{id}/portal-links``: links with which a customer comes into the portal."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from license_server.actor import Actor
from license_server.api import PREFIX, messages
from license_server.api.auth import Needs, Reader
from license_server.api.operations import describe
from license_server.api.portal_link_responses import NewPortalLink, PortalLink, PortalLinkList
from license_server.http.path_params import row_id
from license_server.http.state import AtSite
from license_server.portal import links

router = APIRouter(prefix=PREFIX, tags=["portal"])
Manager = Annotated[Actor, Depends(Needs(links.MANAGE))]


@router.get("/customers/{id}/portal-links", openapi_extra=describe("portal.list"))
async def listing(id: str, site: AtSite, actor: Reader) -> Response:
    """List the newest links of a customer, those that lead nowhere any more included."""
    number, now = row_id(id, "customer"), site.clock()
    found = await site.read(lambda c: links.listed(c, number, actor))
    return messages.json_response(PortalLinkList([PortalLink.of(one, now) for one in found]))


@router.post(
    "/customers/{id}/portal-links", status_code=201, openapi_extra=describe("portal.invite")
)
async def invite(id: str, request: Request, site: AtSite, actor: Manager) -> Response:
    """Make an invitation to the portal. The link is in this reply and nowhere else."""
    messages.refuse_key(request)
    members, _ = await messages.body_of(request)
    links.check_on(site.settings)
    number, now, asked = row_id(id, "customer"), site.clock(), links.read(members)
    days = site.settings.portal_days
    secret, link = await site.write(
        lambda c: links.invite(c, number, asked, actor, now, site.random, days)
    )
    base = site.settings.public_url or ""
    told = NewPortalLink.of(link, now, secret=secret, url=base + links.path(secret))
    return messages.json_response(told, status=201)


@router.post("/portal-links/{id}/withdraw", openapi_extra=describe("portal.withdraw"))
async def withdraw(id: str, site: AtSite, actor: Manager) -> Response:
    """Withdraw a link, and end the sessions that it opened."""
    number, now = row_id(id, "link"), site.clock()
    link = await site.write(lambda c: links.withdraw(c, number, actor, now))
    return messages.json_response(PortalLink.of(link, now))
