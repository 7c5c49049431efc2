"""What waits for a second person at the desk, and what was decided."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from license_core.errors import LicenseError
from license_server.access.sessions import Session
from license_server.actor import Actor
from license_server.db.errors import InputInvalidError
from license_server.db.idempotency import Idempotency
from license_server.db.reply_store import Reply
from license_server.http import cursors
from license_server.http.path_params import row_id
from license_server.http.problem_types import status_of
from license_server.http.state import AtSite
from license_server.licenses import (
    acts,
    issuing,
    planning,
    proposal_store,
    proposals,
)
from license_server.licenses.license_store import StoredLicense
from license_server.licenses.planning import Plan
from license_server.licenses.proposal_store import Proposal
from license_server.site import Site
from license_server.web import (
    forms,
    order_form,
    pages,
)
from license_server.web.order_form import Reading, TypedOrder
from license_server.web.session import Form, May, base_of
from license_server.web.term_changes import (
    Difference,
    Terms,
    differences,
)

PROPOSALS = "/proposals"
STATES = ("waiting", "approved", "refused")
_DECIDE = "proposals:decide"
_PAGE = 50
# What a decision is refused with is told at the proposal.
_AT_THE_PAGE = {
    "InputInvalidError",
    "NotPermittedError",
    "ProposalDecidedError",
    "ChangedMeanwhileError",
    "LicenseStateError",
    "TermOverError",
    "TermTooLongError",
    "RehostsUsedUpError",
    "EvidenceMissingError",
    "SignerUnavailableError",
}

router = APIRouter(prefix=PROPOSALS)
Reader = Annotated[Session, Depends(May("licenses:read"))]
Decider = Annotated[Session, Depends(May(_DECIDE))]


@router.get("")
async def listing(request: Request, site: AtSite, session: Reader) -> Response:
    """The proposals of a state, the newest first; those that wait, where none is named."""
    state = request.query_params.get("state", "waiting")
    if state not in (*STATES, "all"):
        state = "waiting"
    cursor = request.query_params.get("cursor")
    before = cursors.read(cursor) if cursor else None

    def read(connection: Connection) -> tuple[list[Proposal], dict[int, str]]:
        wanted = None if state == "all" else state
        of = session.actor.products
        rows = proposal_store.listed(connection, wanted, before=before, limit=_PAGE + 1, of=of)
        return rows, proposals.stopped(connection, rows)

    rows, stopped = await site.read(read)
    older = None
    if rows[_PAGE:]:
        more = {"state": state, "cursor": cursors.write(rows[_PAGE - 1].id)}
        older = f"{PROPOSALS}?{urlencode(more)}"
    return pages.page(
        request,
        "proposals",
        proposals=rows[:_PAGE],
        stopped=stopped,
        state=state,
        states=(*STATES, "all"),
        newest=f"{PROPOSALS}?state={state}" if before is not None else None,
        older=older,
    )


@router.get("/{id}")
async def one(
    id: str,
    request: Request,
    site: AtSite,
    session: Reader,
) -> Response:
    """One proposal: what would come of it, or what became of it."""
    return await _one(request, site, session, row_id(id, "proposal"))


async def _one(
    request: Request,
    site: Site,
    session: Session,
    id_: int,
    fields: dict[str, str] | None = None,
    error: LicenseError | None = None,
) -> Response:
    now, actor = site.clock(), session.actor

    def read(connection: Connection) -> dict[str, Any]:
        proposal = proposals.seen(connection, id_, actor)
        return {"proposal": proposal} | _preview(connection, proposal, actor, now)

    seen = await site.read(read)
    own = seen["proposal"].proposed_by == actor.name
    at_field = isinstance(error, InputInvalidError) and error.facts["field"] == "reason"
    return pages.page(
        request,
        "proposal",
        status_of(error) if error else 200,
        own=own,
        may_approve=_DECIDE in actor.permissions and not own,
        may_refuse=_DECIDE in actor.permissions or own,
        made="made" in request.query_params,
        address=f"{base_of(request)}{PROPOSALS}/{id_}",
        error=None if at_field else error,
        faults={"reason": error} if at_field else {},
        fields=fields or {},
        once=forms.new_once(site.random),
        **seen,
    )


def _preview(connection: Connection, proposal: Proposal, actor: Actor, now: int) -> dict[str, Any]:
    """What would come of *proposal* now; or why nothing would, or not by *actor*."""
    former: StoredLicense | None = None
    planned: Plan | None = None
    found: Reading | None = None
    obstacle: LicenseError | None = None
    if proposal.state == "waiting":
        by = proposals.proposer(connection, proposal, actor)
        try:
            planned = planning.plan(
                connection, proposals.act_request(proposal), by, now, with_notices=True
            )
            former = planned.former
            if planned.text is not None:
                named = {"customer": proposal.customer, "product": proposal.product}
                typed = TypedOrder(named, planned.order.request, ())
                found = order_form.read(connection, typed, now)
            if _DECIDE in actor.permissions and proposal.proposed_by != actor.name:
                proposals.check_decider(connection, proposal, actor)
        except LicenseError as error:
            obstacle = error
    terms = None if planned is None else Terms.of_order(planned.order)
    changes: list[Difference] = []
    if former is not None and terms is not None:
        changes = differences(Terms.of_license(issuing.claims_of(former)), terms)
    return {
        "plan": planned,
        "obstacle": obstacle,
        "terms": terms,
        "changes": changes,
        "reading": found,
    }


@router.post("/{id}/approve")
async def approve(
    id: str, request: Request, site: AtSite, session: Decider, fields: Form
) -> Response:
    """Approve what somebody else proposed, and issue its licence."""

    async def decide(id_: int, now: int, key: Idempotency) -> Reply:
        reason = _reason(fields, needed=False)
        return await site.approve(id_, session.actor, reason, now, _told, key)

    return await _decided(request, site, session, id, fields, decide)


@router.post("/{id}/refuse")
async def refuse(
    id: str, request: Request, site: AtSite, session: Reader, fields: Form
) -> Response:
    """Refuse a proposal; who made it takes it back."""

    async def decide(id_: int, now: int, key: Idempotency) -> Reply:
        reason = _reason(fields, needed=True)

        def work(connection: Connection) -> Reply:
            proposals.refuse(connection, id_, session.actor, reason, now)
            return Reply(303, f"{PROPOSALS}/{id_}", b"")

        return await site.once(session.actor, key, now, work)

    return await _decided(request, site, session, id, fields, decide)


async def _decided(
    request: Request,
    site: Site,
    session: Session,
    id: str,
    fields: dict[str, str],
    decide: Callable[[int, int, Idempotency], Awaitable[Reply]],
) -> Response:
    """Where *decide* leads, once for each form; or the proposal again, with its refusal.

    *decide* takes the proposal's row, the time and the form's key.
    """
    id_, key = row_id(id, "proposal"), forms.once(fields, request.url.path)
    try:
        reply = await decide(id_, site.clock(), key)
    except LicenseError as error:
        if type(error).__name__ not in _AT_THE_PAGE:
            raise
        return await _one(request, site, session, id_, fields, error)
    return RedirectResponse(reply.location or PROPOSALS, reply.status)


def _told(done: StoredLicense | Proposal) -> Reply:
    assert isinstance(done, StoredLicense)  # noqa: S101  # what is approved is issued
    return Reply(303, f"/licenses/{done.number}?issued=1", b"")


def _reason(fields: dict[str, str], *, needed: bool) -> str | None:
    return acts.read_reason(dict[str, Any](forms.reason_of(fields)), needed=needed)
