"""Proposals: actions that wait for a second person's approval."""

from typing import Any

from sqlalchemy import Connection

from license_core import strictjson
from license_core.errors import NotFoundError, NotPermittedError
from license_core.reason import Reason
from license_server.actor import COMMAND, Actor
from license_server.audit import audit_store, events
from license_server.catalog import products
from license_server.db.errors import or_not_found
from license_server.licenses import proposal_store, recording
from license_server.licenses.acts import ACTS, REASON
from license_server.licenses.errors import ProposalDecidedError
from license_server.licenses.issuing import SignedLicense
from license_server.licenses.license_store import StoredLicense
from license_server.licenses.planning import ActRequest, Plan
from license_server.licenses.proposal_store import Proposal
from license_server.signing.issuer import Issuer

_DECIDE = "proposals:decide"
_TOKEN = "token:"  # how an actor's name begins


def propose(
    connection: Connection, act_request: ActRequest, plan: Plan, actor: Actor, now: int
) -> Proposal:
    """Write down what *actor* wants, for somebody else to decide."""
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


def proposer(proposal: Proposal, decider: Actor) -> Actor:
    """Who proposed it: their act is planned as theirs was, at the word of *decider*."""
    permissions = frozenset({ACTS[proposal.act].permission})
    return Actor(proposal.proposed_by, permissions, address=decider.address)


def check_decider(connection: Connection, proposal: Proposal, actor: Actor) -> None:
    """Raise unless *actor* may approve the proposal, which waits.

    Raises NotPermittedError, ProposalDecidedError.
    """
    actor.need(_DECIDE, proposal.product)
    if proposal.proposed_by == actor.name:
        raise NotPermittedError(reason="You cannot approve your own proposal: someone else must")
    person = _person(connection, proposal.proposed_by)
    if person is not None and person == _person(connection, actor.name):
        reason = "A token and its creator count as the same person: someone else must approve"
        raise NotPermittedError(reason=reason)
    _check_waits(proposal)


def _person(connection: Connection, name: str) -> str | None:
    """Who is behind an actor: of a token whoever made it, as the audit log has it.

    None: no one person, but a command on the server's machine.
    """
    before: int | None = None
    while name.startswith(_TOKEN):
        made = audit_store.EventFilter(subject=name.removeprefix(_TOKEN), action="token.created")
        creations = audit_store.events(connection, made, before=before, limit=1)
        if not creations:
            return None
        name, before = creations[0].actor, creations[0].id
    return None if name == COMMAND.name else name


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

    Raises ProposalDecidedError, and as recording.record does.
    """
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
    _record(connection, decided, actor, "proposal.approved", now, reason)
    by = proposer(proposal, actor)
    return recording.record(connection, plan, signed, issuer, by, proposal=proposal.id)


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
    _record(connection, decided, actor, "proposal.refused", now, reason)
    return decided


def _check_waits(proposal: Proposal) -> None:
    if proposal.state != "waiting":
        raise ProposalDecidedError(
            id=proposal.id,
            state=Reason(proposal.state),
            decided_by=proposal.decided_by or Reason("nobody"),
        )


def _record(
    connection: Connection,
    proposal: Proposal,
    actor: Actor,
    action: str,
    now: int,
    reason: str | None,
) -> None:
    events.record(
        connection,
        now,
        actor,
        action,
        f"proposal/{proposal.id}",
        rows=[("proposals", proposal._asdict())],
        reason=reason,
        act=proposal.act,
        customer=proposal.customer,
        product=proposal.product,
        **({"license": proposal.subject} if proposal.subject else {}),
    )
