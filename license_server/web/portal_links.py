"""Links into the customer portal at the desk: made for a customer, listed and withdrawn."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from license_server.access.sessions import Session
from license_server.catalog import customers
from license_server.catalog.catalog_store import Customer
from license_server.catalog.faults import faults_of
from license_server.db.errors import InputInvalidError
from license_server.http.path_params import row_id
from license_server.http.state import AtSite
from license_server.portal import links, mailing
from license_server.portal.portal_store import StoredLink
from license_server.site import Site
from license_server.web import edit_conflicts, forms, pages
from license_server.web.session import Form, May, base_of

ROOM = "/customers/{id}/portal"
router = APIRouter()
Viewer = Annotated[Session, Depends(May("licenses:read"))]
Manager = Annotated[Session, Depends(May(links.MANAGE))]
WORDS = {
    "valid": ("valid", "good"),
    "used": ("used", ""),
    "expired": ("expired", ""),
    "withdrawn": ("withdrawn", "bad"),
}
"""The word and the mark of each state of a link."""


@router.get(ROOM)
async def listing(id: str, request: Request, site: AtSite, session: Viewer) -> Response:
    """The links of a customer, and the form for another."""
    return await _page(request, site, session, row_id(id, "customer"))


async def _page(
    request: Request,
    site: Site,
    session: Session,
    number: int,
    status: int = 200,
    **values: Any,
) -> Response:
    now, actor = site.clock(), session.actor

    def read(connection: Connection) -> tuple[Customer, list[StoredLink]]:
        customer = customers.seen(connection, number, actor)
        return customer, links.listed(connection, number, actor)

    customer, found = await site.read(read)
    told: dict[str, Any] = {
        "fields": {"days": str(site.settings.portal_days)},
        "faults": {},
        "made": None,
    }
    return pages.page(
        request,
        "portal_links",
        status,
        customer=customer,
        links=found,
        state_of=lambda link: links.state(link, now),
        words=WORDS,
        is_on=site.settings.portal,
        may_mail=mailing.is_possible(site.settings),
        may_manage=links.MANAGE in actor.permissions,
        withdrawn="withdrawn" in request.query_params,
        **told | values,
    )


@router.post(ROOM)
async def invite(
    id: str, request: Request, site: AtSite, session: Manager, fields: Form
) -> Response:
    """Make an invitation, and show its link this once."""
    number, now, actor = row_id(id, "customer"), site.clock(), session.actor
    try:
        links.check_on(site.settings)
        asked = links.read(_members(fields))
        secret, link = await site.write(
            lambda c: links.invite(
                c, number, asked, actor, now, site.random, site.settings.portal_days
            )
        )
    except InputInvalidError as error:
        faults = edit_conflicts.of_fields(faults_of(error)) or {"label": error}
        status = edit_conflicts.status(faults)
        return await _page(request, site, session, number, status, fields=fields, faults=faults)
    address = base_of(request) + links.path(secret)
    return await _page(request, site, session, number, made={"link": link, "address": address})


def _members(fields: dict[str, str]) -> dict[str, Any]:
    """The members of a link that a form makes: what is blank is left out."""
    members: dict[str, Any] = {}
    if fields.get("label", "").strip():
        members["label"] = fields["label"]
    if fields.get("days", "").strip():
        members["days"] = forms.number(fields, "days")
    named = forms.names_in(fields.get("products", ""))
    return members | ({"products": named} if named else {})


@router.post(ROOM + "/{number}/withdraw")
async def withdraw(id: str, number: str, site: AtSite, session: Manager, _: Form) -> Response:
    """Let a link lead nowhere, and end the sessions that it opened."""
    customer, link, now = row_id(id, "customer"), row_id(number, "link"), site.clock()
    await site.write(lambda c: links.withdraw(c, link, session.actor, now))
    return RedirectResponse(f"{ROOM.format(id=customer)}?withdrawn=1", 303)
