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
from license_server.http.path_params import row_id
from license_server.http.problem_types import is_of_what_was_asked, status_of
from license_server.http.state import AtSite
from license_server.licenses import (
    acts,
    planning,
    proposals,
)
from license_server.licenses.license_store import StoredLicense
from license_server.licenses.planning import Plan
from license_server.licenses.proposal_store import Proposal
from license_server.licenses.term_changes import (
    Difference,
    Terms,
    differences,
)
from license_server.mail import outbox
from license_server.requests import outcomes
from license_server.site import Site
from license_server.web import (
    forms,
    kept_forms,
    list_page,
    order_form,
    pages,
    proposal_list,
)
from license_server.web.edit_conflicts import Faults
from license_server.web.order_form import Reading, TypedOrder
from license_server.web.proposal_list import LIST, Listed
from license_server.web.session import Form, May, base_of

PROPOSALS = "/proposals"
STATES = ("waiting", "approved", "refused")
_DECIDE = "proposals:decide"
_PAGE = 50

router = APIRouter(prefix=PROPOSALS)
Reader = Annotated[Session, Depends(May("licenses:read"))]
Decider = Annotated[Session, Depends(May(_DECIDE))]


def _state_of(request: Request) -> str:
    """Which proposals are listed; those that wait, where none are named."""
    state = request.query_params.get("state", "waiting")
    return state if state in (*STATES, "all") else "waiting"


@router.get("")
async def listing(request: Request, site: AtSite, session: Reader) -> Response:
    """The proposals of a state, the newest first; those that wait, where none is named."""
    state = _state_of(request)
    source = proposal_list.source(state, session.actor.products)
    shown = await LIST.read(request, site, session, source, {"state": state})
    rows: list[Listed] = shown["rows"]
    return pages.page(
        request,
        "proposals",
        approvable=[one.proposal.id for one in rows if _may_choose(one, session)],
        state=state,
        states=(*STATES, "all"),
        **shown,
    )


@router.get(list_page.SHEET)
async def shown_sheet(request: Request, site: AtSite, session: Reader) -> Response:
    """The list as it is shown, as a sheet."""
    source = proposal_list.source(_state_of(request), session.actor.products)
    return LIST.sheet(request, site, source, "proposals.csv")


def _may_choose(one: Listed, session: Session) -> bool:
    """Whether who is *session* may approve a proposal of the list, as far as the list knows."""
    actor, proposal = session.actor, one.proposal
    waits = proposal.state == "waiting" and one.stopped is None
    return waits and _DECIDE in actor.permissions and proposal.proposed_by != actor.name


@router.get("/chosen")
async def chosen(request: Request, site: AtSite, session: Decider) -> Response:
    """Several proposals at once: what would come of each, or what became of it."""
    given = request.query_params.getlist("id") or kept_forms.of(request).get("shown", "").split(",")
    return await _chosen(request, site, session, _ids(given))


async def _chosen(
    request: Request,
    site: Site,
    session: Session,
    ids: list[int],
    fields: dict[str, str] | None = None,
    faults: Faults | None = None,
) -> Response:
    now, actor = site.clock(), session.actor

    def read(connection: Connection) -> list[dict[str, Any]]:
        found = [proposals.seen(connection, id_, actor) for id_ in ids]
        return [
            {"proposal": one, "own": one.proposed_by == actor.name}
            | _preview(connection, one, actor, now)
            for one in found
        ]

    seen = await site.read(read)
    open_ = [one["proposal"].id for one in seen if _is_open(one)]
    return pages.form(
        request,
        "proposals_chosen",
        fields or {},
        faults or {},
        seen=seen,
        open=open_,
        issued=[one for one in seen if one["proposal"].state == "approved"],
        done="done" in request.query_params,
        sends=site.settings.sends_mail and outbox.SEND in actor.permissions,
        once=forms.new_once(site.random),
    )


@router.post("/chosen")
async def approve_chosen(
    request: Request, site: AtSite, session: Decider, fields: Form
) -> Response:
    """Approve several proposals, one after another; the page then tells what became of each.

    Each has a key of its own, made of the form's: sent again, the form goes on where it stopped.
    """
    ids, now = _ids(fields.get("ids", "").split(",")), site.clock()
    shown = _ids(fields.get("shown", "").split(","))
    try:
        reason, once = _reason(fields, needed=False), fields.get("once", "")
    except InputInvalidError as error:
        return await _chosen(request, site, session, shown, fields, {acts.REASON: error})
    for id_ in ids:
        of_one = {"once": once and f"{once}.{id_}", "reason": reason or ""}
        key = forms.once(of_one, f"{PROPOSALS}/{id_}/approve")
        try:
            await site.approve(id_, session.actor, reason, now, _told, key)
        except LicenseError as error:
            if not is_of_what_was_asked(error):
                raise
    told = urlencode([("id", id_) for id_ in shown])
    return RedirectResponse(f"{PROPOSALS}/chosen?{told}&done=1", 303)


def _is_open(seen: dict[str, Any]) -> bool:
    """Whether who looks may approve what they have *seen*."""
    plan = seen["plan"]
    return not seen["own"] and seen["obstacle"] is None and plan is not None and not plan.refusals


def _ids(given: list[str]) -> list[int]:
    """The rows that somebody chose, each once. Raises NotFoundError."""
    return [row_id(one, "proposal") for one in dict.fromkeys(given[:_PAGE]) if one]


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
        by = proposals.proposer(connection, proposal)
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
        changes = differences(Terms.of_license(former), terms)
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
            outcomes.refuse_proposal(connection, id_, session.actor, reason, now)
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
        if not is_of_what_was_asked(error):
            raise
        return await _one(request, site, session, id_, fields, error)
    return RedirectResponse(reply.location or PROPOSALS, reply.status)


def _told(done: StoredLicense | Proposal) -> Reply:
    assert isinstance(done, StoredLicense)  # noqa: S101  # what is approved is issued
    return Reply(303, f"/licenses/{done.number}?issued=1", b"")


def _reason(fields: dict[str, str], *, needed: bool) -> str | None:
    return acts.read_reason(dict[str, Any](forms.reason_of(fields)), needed=needed)
