"""``/mails``: mails that go out, and what the other side answered."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.responses import Response

from license_server.actor import Actor
from license_server.api import PREFIX, messages, responses
from license_server.api.auth import Needs, Reader
from license_server.api.mail_responses import Mail, MailPage
from license_server.api.operations import describe
from license_server.db.reply_store import Reply
from license_server.http.path_params import row_id
from license_server.http.state import AtSite
from license_server.mail import outbox, outbox_store
from license_server.site import Site

_STATES = ("open", *outbox_store.STATES)
Sender = Annotated[Actor, Depends(Needs(outbox.SEND))]
Decide = Callable[[Connection, int, Actor, int], outbox_store.Mail]
router = APIRouter(prefix=f"{PREFIX}/mails", tags=["mails"])


@router.get("", openapi_extra=describe("mails.list"))
async def listing(request: Request, site: AtSite, actor: Reader) -> Response:
    """List mails that go out, newest first; `open` are those that are not sent yet."""
    given = messages.query(request)
    limit, before = messages.limit(given), messages.before(given)
    state = messages.state(given, _STATES)
    rows = await site.read(
        lambda connection: outbox_store.listed(
            connection, state, before=before, limit=limit + 1, of=actor.products
        )
    )
    return messages.page(MailPage, rows, limit, lambda row: row.id, Mail.of)


@router.get("/{id}", openapi_extra=describe("mails.get"))
async def one(id: str, site: AtSite, actor: Reader) -> Response:
    """Get a mail: what it says, and what became of it."""
    number = row_id(id, "mail")
    mail = await site.read(lambda connection: outbox.seen(connection, number, actor))
    return messages.json_response(Mail.of(mail))


@router.post("/{id}/retry", openapi_extra=describe("mails.retry"))
async def retry(id: str, request: Request, site: AtSite, actor: Sender) -> Response:
    """Send a mail now: one that waits, was refused, is held, or was perhaps sent."""
    return await _decided(id, request, site, actor, outbox.retry)


@router.post("/{id}/cancel", openapi_extra=describe("mails.cancel"))
async def cancel(id: str, request: Request, site: AtSite, actor: Sender) -> Response:
    """Cancel a mail that is not sent yet."""
    return await _decided(id, request, site, actor, outbox.cancel)


async def _decided(id: str, request: Request, site: Site, actor: Actor, decide: Decide) -> Response:
    number, now = row_id(id, "mail"), site.clock()
    key = messages.idempotency(request, await request.body())

    def work(connection: Connection) -> Reply:
        return Reply(200, None, responses.to_json(Mail.of(decide(connection, number, actor, now))))

    return messages.respond(await site.once(actor, key, now, work))
