"""``/requests``: what operators ask for, from when it comes in until a licence answers it."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.responses import Response

from license_core.errors import NotFoundError
from license_server.actor import NOBODY, Actor
from license_server.api import PREFIX, messages, responses
from license_server.api.auth import Needs
from license_server.api.license_responses import DryRun
from license_server.api.licenses import reply_to
from license_server.api.mail_responses import Mail
from license_server.api.operations import describe
from license_server.api.request_responses import (
    FiledRequest,
    LicenseRequest,
    Message,
    RequestPage,
    SeenRequest,
)
from license_server.catalog.faults import Faults
from license_server.catalog.fields import present, truth
from license_server.db.errors import InputInvalidError
from license_server.db.reply_store import Reply
from license_server.http.path_params import row_id
from license_server.http.state import AtSite, state_of
from license_server.licenses import acts, issuing, planning
from license_server.licenses.planning import ActRequest
from license_server.mail import writing
from license_server.requests import (
    answering,
    filing,
    finding,
    handling,
    incoming,
    message_store,
    outcomes,
    request_store,
)
from license_server.requests.request_store import STATES, Filter, StoredRequest
from license_server.site import Site

Viewer = Annotated[Actor, Depends(Needs("requests:read"))]
Clerk = Annotated[Actor, Depends(Needs(filing.PERMISSION))]
router = APIRouter(prefix=f"{PREFIX}/requests", tags=["requests"])


@router.get("", openapi_extra=describe("requests.list"))
async def listing(request: Request, site: AtSite, actor: Viewer) -> Response:
    """List requests, newest first."""
    given = messages.query(request)
    limit, before = messages.limit(given), messages.before(given)
    state = messages.state(given, (*STATES, "open"))
    states = request_store.OPEN if state == "open" else (state,) if state else ()
    source = messages.one_of(given, "source", incoming.SOURCES)
    named = {name: given.get(name) for name in ("owner", "host_key")}
    wanted = Filter(states, source=source, products=actor.products, **named)
    rows = await site.read(
        lambda connection: request_store.listed(connection, wanted, before=before, limit=limit + 1)
    )
    return messages.page(RequestPage, rows, limit, lambda row: row.id, LicenseRequest.of)


@router.post("", status_code=201, openapi_extra=describe("requests.file"))
async def file(request: Request, site: AtSite, actor: Clerk) -> Response:
    """File a request: what an operator sent, as it came.

    What was asked before is not filed twice: the reply is 200 with the request that there is. Whose
    it is and for which product is read from the text and the sender, where it is not given.
    """
    members, body = await messages.body_of(request)
    key, now = messages.idempotency(request, body), site.clock()
    earlier = await site.earlier_reply(actor, key)
    if earlier is not None:
        return messages.respond(earlier)
    came = incoming.read(members, "api")
    meaning = await site.read(lambda c: filing.read(c, actor, came, now))

    def work(connection: Connection) -> Reply:
        filed = filing.file(connection, actor, came, now, meaning)
        here = f"{PREFIX}/requests/{filed.request.id}"
        status = 201 if filed.is_new else 200
        return Reply(status, here, responses.to_json(FiledRequest.of(filed)))

    return messages.respond(await site.once(actor, key, now, work))


@router.get("/{id}", openapi_extra=describe("requests.get"))
async def one(id: str, site: AtSite, actor: Viewer) -> Response:
    """Get a request, with what was written about it and what it means now."""
    number, now = row_id(id, "request"), site.clock()

    def read(connection: Connection) -> SeenRequest:
        stored = finding.seen(connection, number, actor)
        conversation = finding.conversation(connection, stored)
        meant = finding.read(connection, stored, conversation, actor, now)
        return SeenRequest.of(stored, conversation, meant)

    return messages.json_response(await site.read(read))


@router.post("/{id}/assign", openapi_extra=describe("requests.assign"))
async def assign(id: str, request: Request, site: AtSite, actor: Clerk) -> Response:
    """Let somebody deal with an open request: the caller, where no owner is named.

    ``nobody`` hands it back.
    """
    number = row_id(id, "request")

    def work(connection: Connection, members: dict[str, Any], now: int) -> Reply:
        given = messages.known(members, ("owner",)).get("owner", actor.name)
        if not isinstance(given, str):
            raise InputInvalidError(field="owner", reason="it is not a text")
        owner = None if given == NOBODY.name else given
        return _told(handling.assign(connection, number, owner, actor, now))

    return await messages.once(request, site, actor, work)


@router.post("/{id}/note", status_code=201, openapi_extra=describe("requests.note"))
async def note(id: str, request: Request, site: AtSite, actor: Clerk) -> Response:
    """Add a note to a request, for colleagues."""
    return await _written(id, request, site, actor, handling.note)


@router.post("/{id}/reply", status_code=201, openapi_extra=describe("requests.reply"))
async def reply(id: str, request: Request, site: AtSite, actor: Clerk) -> Response:
    """Add a reply to the operator to a request's conversation.

    With `mail`, it is mailed to the request's sender, too: this needs ``licenses:issue``.
    """

    def write(
        connection: Connection, number: int, members: dict[str, Any], actor: Actor, now: int
    ) -> message_store.Message:
        faults = Faults()
        by_mail = faults.read("mail", truth, {"mail": False} | present(members), "mail")
        faults.check()
        rest = {name: value for name, value in members.items() if name != "mail"}
        if not by_mail:
            return handling.reply(connection, number, rest, actor, now)
        settings, random = site.settings, site.random
        return writing.reply(connection, settings, number, rest, actor, now, random)

    return await _written(id, request, site, actor, write)


@router.post("/{id}/send", status_code=201, openapi_extra=describe("requests.send"))
async def send(id: str, request: Request, site: AtSite, actor: Clerk) -> Response:
    """Mail the licence that answers a request to its sender, with its letter.

    Needs ``licenses:issue``, too.
    """
    number, queue = row_id(id, "request"), state_of(request).answer_by_mail
    key, now = messages.idempotency(request, await request.body()), site.clock()

    def work(connection: Connection) -> Reply:
        asked = finding.seen(connection, number, actor)
        if asked.license is None:
            raise NotFoundError(what="licence that answers request", name=str(number))
        stored = issuing.seen(connection, asked.license, actor)
        mail = queue(connection, stored, asked, actor, now)
        return Reply(201, f"{PREFIX}/mails/{mail.id}", responses.to_json(Mail.of(mail)))

    return messages.respond(await site.once(actor, key, now, work))


async def _written(
    id: str,
    request: Request,
    site: Site,
    actor: Actor,
    write: Callable[[Connection, int, dict[str, Any], Actor, int], message_store.Message],
) -> Response:
    number = row_id(id, "request")

    def work(connection: Connection, members: dict[str, Any], now: int) -> Reply:
        added = write(connection, number, members, actor, now)
        body = responses.to_json(Message.of(added))
        return Reply(201, f"{PREFIX}/requests/{number}", body)

    return await messages.once(request, site, actor, work)


@router.post("/{id}/issue", status_code=201, openapi_extra=describe("requests.issue"))
async def issue(id: str, request: Request, site: AtSite, actor: Clerk) -> Response:
    """Issue the licence that a request asks for, or submit a proposal.

    What is not given is taken from the request, and from the product's only plan or its defaults.
    Needs ``licenses:issue``, too.
    """
    return await _act(id, request, site, actor, move=False)


@router.post("/{id}/move", status_code=201, openapi_extra=describe("requests.move"))
async def move(id: str, request: Request, site: AtSite, actor: Clerk) -> Response:
    """Move the earlier licence of the same host to where it is now, or submit a proposal.

    Needs ``licenses:issue``, too.
    """
    return await _act(id, request, site, actor, move=True)


async def _act(id: str, request: Request, site: Site, actor: Actor, *, move: bool) -> Response:
    dry, number, now = messages.is_dry(request), row_id(id, "request"), site.clock()
    members, body = await messages.body_of(request)
    key = messages.idempotency(request, body)
    earlier = await site.earlier_reply(actor, key)
    if earlier is not None:
        return messages.respond(earlier)

    def asked(connection: Connection) -> ActRequest:
        return answering.act_request(connection, number, actor, members, now, move=move)

    if dry:
        plan = await site.read(lambda c: planning.plan(c, asked(c), actor, now, with_notices=True))
        return messages.json_response(DryRun.of(plan))
    act_request = await site.read(asked)
    follow = outcomes.settling(number, actor, now)
    done = await site.act(
        act_request, actor, now, lambda made: reply_to(made, now, actor), key, follow
    )
    return messages.respond(done)


@router.post("/{id}/answer", openapi_extra=describe("requests.answer"))
async def answer(id: str, request: Request, site: AtSite, actor: Clerk) -> Response:
    """Let a licence that there is answer a request; nothing is issued.

    One for another host than the request needs ``other_host``: that host would reject its file.
    """
    number = row_id(id, "request")

    def work(connection: Connection, members: dict[str, Any], now: int) -> Reply:
        faults = Faults()
        known = {"other_host": False} | present(messages.known(members, ("license", "other_host")))
        given = known.get("license")
        other = faults.read("other_host", truth, known, "other_host")
        if not isinstance(given, str) or not given.strip():
            faults.refuse("license", "it is missing")
        faults.check()
        done = outcomes.answer_with(
            connection, number, str(given)[:64], actor, now, other_host=bool(other)
        )
        return _told(done)

    return await messages.once(request, site, actor, work)


@router.post("/{id}/refuse", openapi_extra=describe("requests.refuse"))
async def refuse(id: str, request: Request, site: AtSite, actor: Clerk) -> Response:
    """Refuse a request."""
    number = row_id(id, "request")

    def work(connection: Connection, members: dict[str, Any], now: int) -> Reply:
        reason = acts.only_reason(members, "there is no such field; only reason is allowed")
        return _told(outcomes.refuse(connection, number, actor, reason, now))

    return await messages.once(request, site, actor, work)


def _told(stored: StoredRequest) -> Reply:
    return Reply(200, None, responses.to_json(LicenseRequest.of(stored)))
