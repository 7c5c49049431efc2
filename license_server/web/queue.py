"""The first page: the requests that wait, and a field for what an operator sent."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from license_core.errors import LicenseError
from license_server.access.sessions import Session
from license_server.db.errors import InputInvalidError
from license_server.db.questions import Questions
from license_server.db.reply_store import Reply
from license_server.http.state import AtSite
from license_server.mail import mailbox_store
from license_server.requests import filing, incoming, request_store
from license_server.site import Site
from license_server.web import (
    edit_conflicts,
    forms,
    kept_forms,
    list_page,
    overview,
    pages,
    request_list,
)
from license_server.web.request_list import CHOICES, LIST, ROOM
from license_server.web.session import Form, May

FIRST = "/"
_FIELDS = ("text", "sender_address")
router = APIRouter()
Viewer = Annotated[Session, Depends(May("requests:read"))]
Clerk = Annotated[Session, Depends(May(filing.PERMISSION))]


@router.get(FIRST)
@router.get(ROOM)
async def listing(request: Request, site: AtSite, session: Viewer) -> Response:
    """The requests of a state: those that wait, the oldest first, where none is named."""
    return await _page(request, site, session, dict(kept_forms.of(request)), {})


@router.get(ROOM + list_page.SHEET)
async def shown_sheet(request: Request, site: AtSite, session: Viewer) -> Response:
    """The list as it is shown, as a sheet."""
    source = request_list.source(_state_of(request), session.actor.products)
    return LIST.sheet(request, site, source, "requests.csv")


@router.post(ROOM)
async def file(request: Request, site: AtSite, session: Clerk, fields: Form) -> Response:
    """File what was pasted, and lead to it; what was sent before leads to the request there is."""
    key, now, actor = forms.once(fields, ROOM), site.clock(), session.actor
    members = {name: fields[name].strip() or None for name in _FIELDS if name in fields}

    async def once() -> Reply:
        kept = await site.earlier_reply(actor, key)
        if kept is not None:
            return kept
        came = incoming.read(members, "desk")
        meaning = await site.read(lambda c: filing.read(c, actor, came, now))

        def work(connection: Connection) -> Reply:
            filed = filing.file(connection, actor, came, now, meaning)
            return Reply(303, request_list.page_of(filed), b"")

        return await site.once(actor, key, now, work)

    try:
        reply = await once()
    except InputInvalidError as error:
        wrong: edit_conflicts.Faults = {edit_conflicts.field_of(error): error}
        return await _page(request, site, session, fields, wrong)
    return RedirectResponse(reply.location or ROOM, reply.status)


def _state_of(request: Request) -> str:
    state = request.query_params.get("state", "open")
    return state if state in CHOICES else "open"


async def _page(
    request: Request,
    site: Site,
    session: Session,
    fields: dict[str, str],
    faults: dict[str, LicenseError],
) -> Response:
    state, of = _state_of(request), session.actor.products
    beside: Questions = {
        **overview.standing(session.actor),
        "waiting": request_store.waiting(of),
        "inbox": mailbox_store.present(site.settings.imap_place),
    }
    source = request_list.source(state, of)
    values = await LIST.read(request, site, session, source, {"state": state}, beside=beside)
    return pages.page(
        request,
        "queue",
        edit_conflicts.status(faults),
        state=state,
        states=CHOICES,
        fields=fields,
        faults=faults,
        once=forms.new_once(site.random),
        **values,
        **overview.signing_key(site),
    )
