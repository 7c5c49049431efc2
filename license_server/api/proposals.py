"""``/proposals``: actions that wait for a second person."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.responses import Response

from license_server.actor import Actor
from license_server.api import (
    PREFIX,
    messages,
    responses,
)
from license_server.api.auth import Needs, Reader
from license_server.api.license_responses import Proposal, ProposalPage
from license_server.api.licenses import reply_to
from license_server.api.operations import describe
from license_server.db.idempotency import Idempotency
from license_server.db.reply_store import Reply
from license_server.http.path_params import row_id
from license_server.http.state import AtSite
from license_server.licenses import acts, proposal_store, proposals
from license_server.requests import outcomes

_STATES = ("waiting", "approved", "refused")
Decider = Annotated[Actor, Depends(Needs("proposals:decide"))]
router = APIRouter(prefix=f"{PREFIX}/proposals", tags=["proposals"])


@router.get("", openapi_extra=describe("proposals.list"))
async def listing(request: Request, site: AtSite, actor: Reader) -> Response:
    """List proposals, newest first."""
    given = messages.query(request)
    limit, before = messages.limit(given), messages.before(given)
    state = messages.state(given, _STATES)
    rows = await site.read(
        lambda connection: proposal_store.listed(
            connection, state, before=before, limit=limit + 1, of=actor.products
        )
    )
    return messages.page(ProposalPage, rows, limit, lambda row: row.id, Proposal.of)


@router.get("/{id}", openapi_extra=describe("proposals.get"))
async def one(id: str, site: AtSite, actor: Reader) -> Response:
    """Get a proposal."""
    number = row_id(id, "proposal")
    proposal = await site.read(lambda connection: proposals.seen(connection, number, actor))
    return messages.json_response(Proposal.of(proposal))


@router.post("/{id}/approve", status_code=201, openapi_extra=describe("proposals.approve"))
async def approve(id: str, request: Request, site: AtSite, actor: Decider) -> Response:
    """Approve another person's proposal and issue the licence."""
    reason, key = await _read(request, needed=False)
    number, now = row_id(id, "proposal"), site.clock()
    reply = await site.approve(
        number, actor, reason, now, lambda done: reply_to(done, now, actor), key
    )
    return messages.respond(reply)


@router.post("/{id}/refuse", openapi_extra=describe("proposals.refuse"))
async def refuse(id: str, request: Request, site: AtSite, actor: Reader) -> Response:
    """Refuse a proposal; its author can withdraw it this way."""
    reason, key = await _read(request, needed=True)
    number, now = row_id(id, "proposal"), site.clock()

    def decide(connection: Connection) -> Reply:
        proposal = outcomes.refuse_proposal(connection, number, actor, reason, now)
        return Reply(200, None, responses.to_json(Proposal.of(proposal)))

    return messages.respond(await site.once(actor, key, now, decide))


async def _read(request: Request, *, needed: bool) -> tuple[str | None, Idempotency | None]:
    """The reason in a body, which may be *needed*, and the key. Raises InputInvalidError."""
    members, body = await messages.body_of(request)
    refusal = "there is no such field; only reason is allowed"
    return acts.only_reason(members, refusal, needed=needed), messages.idempotency(request, body)
