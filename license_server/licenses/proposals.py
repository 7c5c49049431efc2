"""Proposals: actions that wait for a second person's approval."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection

from license_core import strictjson
from license_core.errors import NotFoundError, NotPermittedError
from license_core.reason import Reason
from license_core.wording import utc
from license_server.access import standing
from license_server.actor import Actor, is_command, told
from license_server.audit import audit_store, events
from license_server.catalog import customers, products
from license_server.db.errors import or_not_found
from license_server.licenses import kinds, proposal_store, recording
from license_server.licenses.acts import ACTS, REASON
from license_server.licenses.errors import ProposalDecidedError
from license_server.licenses.issuing import SignedLicense
from license_server.licenses.license_store import StoredLicense
from license_server.licenses.planning import ActRequest, Plan
from license_server.licenses.proposal_store import Proposal
from license_server.signing.issuer import Issuer

_DECIDE = "proposals:decide"


def propose(
    connection: Connection, act_request: ActRequest, plan: Plan, actor: Actor, now: int
) -> Proposal:
    """Write down what *actor* wants, for somebody else to decide.

    Raises NotFoundError where the customer is being erased.
    """
    customers.check_kept(connection, plan.order.customer)
    proposal = proposal_store.add(
        connection,
        act=act_request.act.name,
        subject=act_request.subject,
        members=strictjson.dumps(_with_defaults(act_request, plan)).decode("utf-8"),
        customer=plan.order.customer,
        product=plan.order.product,
        reason=plan.reason,
        proposed_by=actor.name,
        proposed_at=now,
    )
    _record(connection, proposal, actor, "proposal.made", now, plan.reason)
    return proposal


def find(connection: Connection, id_: int) -> Proposal:
    """The proposal of this id. Raises NotFoundError."""
    return or_not_found(proposal_store.by_id(connection, id_), what="proposal", name=str(id_))


def seen(connection: Connection, id_: int, actor: Actor) -> Proposal:
    """The proposal of this id, if *actor* may see it. Raises NotFoundError."""
    proposal = find(connection, id_)
    if not actor.may_use(proposal.product):
        raise NotFoundError(what="proposal", name=str(id_))
    return proposal


def act_request(proposal: Proposal) -> ActRequest:
    """What was proposed."""
    members = strictjson.loads(proposal.members.encode("utf-8"))
    # What an earlier version wrote down has no defaults in it.
    defaults_applied = members.keys() >= set(products.DEFAULTS)
    return ActRequest(
        ACTS[proposal.act], members, proposal.subject, defaults_applied=defaults_applied
    )


def _with_defaults(act_request: ActRequest, plan: Plan) -> dict[str, Any]:
    """The members of what is asked for; of a first order with what its product adds now.

    What is approved is what was proposed, whatever the product's defaults have become. A default
    that there is not is a null, so that a later one is not taken.
    """
    if act_request.subject is not None:
        return dict(act_request.members)
    why = act_request.members.get(REASON)
    return {
        **dict.fromkeys(products.DEFAULTS),
        **plan.members,
        **({} if why is None else {REASON: why}),
        "replaces": plan.order.replaces,
    }


def proposer(connection: Connection, proposal: Proposal) -> Actor:
    """Who proposed it, as far as they still may, from where they did.

    Nobody proposes any more whose account is disabled, whose role does not allow it, or whose
    token was revoked.
    """
    present = standing.present(connection, proposal.proposed_by)
    permissions = present.permissions & {ACTS[proposal.act].permission, kinds.PERMISSION}
    address = _proposed_from(connection, proposal)
    return present._replace(permissions=permissions, products=None, address=address)


def _proposed_from(connection: Connection, proposal: Proposal) -> str | None:
    """From which address it was proposed; None: on the server's machine."""
    wanted = audit_store.EventFilter(subject=_subject(proposal), action="proposal.made")
    made = audit_store.events(connection, wanted, before=None, limit=1)
    return made[0].address if made else None


def stopped(connection: Connection, listed: Iterable[Proposal]) -> dict[int, str]:
    """Which of the proposals that wait cannot be approved, because of their proposer, and why."""
    waiting = [one for one in listed if one.state == "waiting"]
    names = {one.proposed_by for one in waiting}
    present = {name: standing.present(connection, name) for name in names}
    return {
        one.id: present[one.proposed_by].why
        for one in waiting
        if ACTS[one.act].permission not in present[one.proposed_by].permissions
    }


def check_decider(connection: Connection, proposal: Proposal, actor: Actor) -> None:
    """Raise unless *actor* may approve the proposal, which waits.

    Raises NotPermittedError, ProposalDecidedError.
    """
    actor.need(_DECIDE, proposal.product)
    if proposal.proposed_by == actor.name or (
        is_command(proposal.proposed_by) and is_command(actor.name)  # root can be anybody
    ):
        raise NotPermittedError(reason="You cannot approve your own proposal: someone else must")
    behind = standing.people_behind(connection, [proposal.proposed_by, actor.name])
    person = behind[proposal.proposed_by]
    if person is not None and person == behind[actor.name]:
        reason = "A token and its creator count as the same person: someone else must approve"
        raise NotPermittedError(reason=reason)
    _check_waits(proposal)


def approve(
    connection: Connection,
    proposal: Proposal,
    plan: Plan,
    signed: SignedLicense,
    issuer: Issuer,
    actor: Actor,
    reason: str | None,
    now: int,
) -> StoredLicense:
    """Record the licence that was signed for *proposal*; what is stored.

    Raises ProposalDecidedError, NotPermittedError where the proposer may not any more, and as
    recording.record does.
    """
    by = proposer(connection, proposal)
    by.need(ACTS[proposal.act].permission)
    decided = proposal_store.decide(
        connection,
        proposal.id,
        state="approved",
        decided_by=actor.name,
        decided_at=now,
        decision=reason,
        number=signed.license.jti,
    )
    if decided is None:
        _check_waits(find(connection, proposal.id))
        raise NotFoundError(what="proposal", name=str(proposal.id))
    proposed = _word(by, proposal.proposed_at)
    _record(connection, decided, actor, "proposal.approved", now, reason, proposed=proposed)
    both = {"proposed": proposed, "approved": _word(actor, now)}
    return recording.record(connection, plan, signed, issuer, by, proposal=proposal.id, **both)


def refuse(
    connection: Connection, id_: int, actor: Actor, reason: str | None, now: int
) -> Proposal:
    """Refuse a proposal; who made it may take it back.

    Raises NotFoundError, NotPermittedError, ProposalDecidedError.
    """
    proposal = seen(connection, id_, actor)
    if proposal.proposed_by != actor.name:
        actor.need(_DECIDE, proposal.product)
    _check_waits(proposal)
    values = {"decided_by": actor.name, "decided_at": now, "decision": reason}
    decided = proposal_store.decide(connection, id_, state="refused", **values)
    if decided is None:
        _check_waits(find(connection, id_))
        raise NotFoundError(what="proposal", name=str(id_))
    proposed = _word(proposer(connection, proposal), proposal.proposed_at)
    _record(connection, decided, actor, "proposal.refused", now, reason, proposed=proposed)
    return decided


def _check_waits(proposal: Proposal) -> None:
    if proposal.state != "waiting":
        raise ProposalDecidedError(
            id=proposal.id,
            state=Reason(proposal.state),
            decided_by=told(proposal.decided_by) if proposal.decided_by else Reason("nobody"),
        )


def _record(
    connection: Connection,
    proposal: Proposal,
    actor: Actor,
    action: str,
    now: int,
    reason: str | None,
    **more: Any,
) -> None:
    events.record(
        connection,
        now,
        actor,
        action,
        _subject(proposal),
        rows=[("proposals", proposal._asdict())],
        reason=reason,
        act=proposal.act,
        customer=proposal.customer,
        product=proposal.product,
        **({"license": proposal.subject} if proposal.subject else {}),
        **more,
    )


def _subject(proposal: Proposal) -> str:
    """What the audit log calls it."""
    return f"proposal/{proposal.id}"


def _word(actor: Actor, at: int) -> dict[str, str | None]:
    """Who gave their word for an act, when and from where, as an event of the act tells it."""
    return {"by": actor.name, "at": utc(at), "address": actor.address}
