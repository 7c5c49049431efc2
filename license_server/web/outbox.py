"""``/outbox``: the mails that go out, what the other side said of each, and sending a licence."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from license_core.errors import LicenseError
from license_server.access.sessions import Session
from license_server.actor import Actor
from license_server.db.reply_store import Reply
from license_server.http.path_params import row_id
from license_server.http.problem_types import is_of_what_was_asked, status_of
from license_server.http.state import AtSite
from license_server.licenses import issuing
from license_server.mail import outbox
from license_server.mail.outbox_store import BOUNCED, FAILED, HELD, UNSURE, WAITING, Mail
from license_server.renewals import reminder_store
from license_server.site import Site
from license_server.web import forms, list_page, mailing, outbox_list, pages
from license_server.web.outbox_list import LIST
from license_server.web.reader import Reader as WhoReads
from license_server.web.session import Form, May

OUTBOX = "/outbox"
_REMINDED = 50
"""So many licences that a reminder names are shown."""
_STATES = ("open", "sent", "failed", "all")
_UNDECIDED = (WAITING, FAILED, BOUNCED, UNSURE, HELD)
"""Those of which a person may say what becomes of them."""
Decide = Callable[[Connection, int, Actor, int], Mail]

router = APIRouter()
Reader = Annotated[Session, Depends(May("licenses:read"))]
Sender = Annotated[Session, Depends(May(outbox.SEND))]


def _state_of(request: Request) -> str:
    """Which mails are listed; those that are not sent yet, where none are named."""
    state = request.query_params.get("state", "open")
    return state if state in _STATES else "open"


@router.get(OUTBOX)
async def listing(request: Request, site: AtSite, session: Reader) -> Response:
    """The mails of a state, the newest first; those that are not sent, where none is named."""
    state = _state_of(request)
    source = outbox_list.source(state, session.actor.products)
    shown = await LIST.read(request, site, session, source, {"state": state})
    sends, given = site.settings.sends_mail, request.query_params.get("queued", "")
    queued = int(given) if given.isascii() and given.isdigit() and len(given) < 6 else None
    shown |= {"sends": sends, "queued": queued}
    return pages.page(request, "outbox", state=state, states=_STATES, **shown)


@router.get(OUTBOX + list_page.SHEET)
async def shown_sheet(request: Request, site: AtSite, session: Reader) -> Response:
    """The list as it is shown, as a sheet."""
    source = outbox_list.source(_state_of(request), session.actor.products)
    return LIST.sheet(request, site, source, "outbox.csv")


@router.get(OUTBOX + "/{id}")
async def one(id: str, request: Request, site: AtSite, session: Reader) -> Response:
    """One mail: what it says, and what became of it."""
    return await _one(request, site, session, row_id(id, "mail"))


async def _one(
    request: Request, site: Site, session: Session, id_: int, error: LicenseError | None = None
) -> Response:
    def read(connection: Connection) -> tuple[Mail, list[str]]:
        mail = outbox.seen(connection, id_, session.actor)
        given = reminder_store.of_mail(connection, id_, _REMINDED + 1)
        return mail, [one.license for one in given]

    mail, reminded = await site.read(read)
    may_decide = outbox.SEND in session.actor.permissions and mail.state in _UNDECIDED
    return pages.page(
        request,
        "mail",
        status_of(error) if error else 200,
        mail=mail,
        answer=outbox_list.answer(mail, WhoReads.of(request, site.settings.time_zone)),
        reminded=reminded[:_REMINDED],
        reminded_of_more=len(reminded) > _REMINDED,
        state=outbox_list.STATES.get(mail.state, (mail.state, "")),
        may_decide=may_decide,
        may_cancel=mail.state != BOUNCED,
        sends=site.settings.sends_mail,
        queued="queued" in request.query_params,
        error=error,
        once=forms.new_once(site.random),
    )


@router.post(OUTBOX + "/{id}/retry")
async def retry(id: str, request: Request, site: AtSite, session: Sender, fields: Form) -> Response:
    """Let a mail be sent now."""
    return await _decided(request, site, session, id, fields, outbox.retry)


@router.post(OUTBOX + "/{id}/cancel")
async def cancel(
    id: str, request: Request, site: AtSite, session: Sender, fields: Form
) -> Response:
    """Let a mail never be sent."""
    return await _decided(request, site, session, id, fields, outbox.cancel)


async def _decided(
    request: Request,
    site: Site,
    session: Session,
    id: str,
    fields: dict[str, str],
    decide: Decide,
) -> Response:
    """The mail once it is decided, once for each form; or as it is, with the refusal."""
    id_, key, now = row_id(id, "mail"), forms.once(fields, request.url.path), site.clock()

    def work(connection: Connection) -> Reply:
        decide(connection, id_, session.actor, now)
        return Reply(303, f"{OUTBOX}/{id_}", b"")

    try:
        reply = await site.once(session.actor, key, now, work)
    except LicenseError as error:
        if not is_of_what_was_asked(error):
            raise
        return await _one(request, site, session, id_, error)
    return RedirectResponse(reply.location or OUTBOX, reply.status)


@router.post("/licenses/{number}/mail")
async def send(
    number: str, request: Request, site: AtSite, session: Sender, fields: Form
) -> Response:
    """Queue the letter with a licence to its customer's contact, or to who asked for it."""
    key, now = forms.once(fields, request.url.path), site.clock()
    language = WhoReads.of(request, site.settings.time_zone).language

    def work(connection: Connection) -> Reply:
        stored = issuing.seen(connection, number, session.actor)
        vendor, settings = site.issuer.name, site.settings
        actor, given = session.actor, fields.get("request", "")
        asked = mailing.request_of(connection, given, number, actor) if given else None
        mail = mailing.send(
            connection, settings, stored, vendor, actor, now, site.random, language, asked
        )
        return Reply(303, f"{OUTBOX}/{mail.id}?queued=1", b"")

    reply = await site.once(session.actor, key, now, work)
    return RedirectResponse(reply.location or OUTBOX, reply.status)
