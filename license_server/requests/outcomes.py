"""What becomes of a request: in the transaction of the act that settles it, and by its state.

Whoever comes second finds it in another state, is told so, and nothing of their act is kept: two
who press a button at once, at two servers, issue one licence.
"""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection

from license_core import received
from license_core.reason import Reason
from license_server.actor import Actor
from license_server.db.errors import InputInvalidError, or_not_found
from license_server.licenses import host_changes, issuing, license_store, proposals
from license_server.licenses.acts import RETURN
from license_server.licenses.license_store import StoredLicense
from license_server.licenses.proposal_store import Proposal
from license_server.requests import finding, recording, request_store, states
from license_server.requests.errors import RequestClosedError
from license_server.requests.filing import PERMISSION
from license_server.requests.request_store import StoredRequest

Done = StoredLicense | Proposal
NEW, WAITING = ("new",), ("waiting",)


def check_new(stored: StoredRequest) -> None:
    """Raise RequestClosedError unless nobody has dealt with it yet."""
    if stored.state not in NEW:
        raise RequestClosedError(id=stored.id, state=states.told(stored))


def settling(id_: int, actor: Actor, now: int) -> Callable[[Connection, Done], object]:
    """What goes with the act that answers a request, in its transaction (``Site.act``).

    Raises RequestClosedError there where somebody was first: then the act is not done either.
    """
    return lambda connection, done: settle(connection, id_, done, actor, now)


def settle(connection: Connection, id_: int, done: Done, actor: Actor, now: int) -> StoredRequest:
    """Link a request with the licence that answers it, or the proposal that it waits for."""
    actor.need(PERMISSION)
    finding.seen(connection, id_, actor)
    values: dict[str, Any] = {"customer": done.customer, "product": done.product}
    if isinstance(done, Proposal):
        values |= {"state": "waiting", "proposal": done.id}
        left = _leave(connection, id_, NEW, values)
        recording.record(connection, left, actor, "request.proposed", now)
        return left
    return _issued(connection, id_, NEW, values | {"license": done.number}, actor, now)


def answer_with(
    connection: Connection,
    id_: int,
    number: str,
    actor: Actor,
    now: int,
    *,
    other_host: bool = False,
) -> StoredRequest:
    """Let a licence that there is answer a request, or one that it gave back; nothing is issued.

    *other_host*: also one that is for another host than the request.

    Raises NotPermittedError, NotFoundError, InputInvalidError, RequestClosedError.
    """
    actor.need(PERMISSION)
    asked = finding.seen(connection, id_, actor)
    stored = issuing.seen(connection, number, actor)
    if stored.state not in ("active", RETURN.leaves):
        reason = Reason("{number} is {state}", number=number, state=Reason(stored.state))
        raise InputInvalidError(field="license", reason=reason)
    if not other_host and not _is_for_its_host(connection, asked, stored):
        reason = Reason(
            "{number} is for another host than the request, which would reject its file; to "
            "answer with it all the same, say that it is for another host",
            number=number,
        )
        raise InputInvalidError(field="license", reason=reason)
    return settle(connection, id_, stored, actor, now)


def _is_for_its_host(connection: Connection, asked: StoredRequest, stored: StoredLicense) -> bool:
    """Whether a licence is for the host of a request, or of the licence that it is about."""
    bound = issuing.claims_of(stored).host
    if asked.host is not None:
        change = host_changes.between(bound, received.parse(asked.host))
        return change is None or (bound.match == "anchored" and change.may_recur)
    about = license_store.by_number(connection, asked.about) if asked.about else None
    return about is None or about.host_key == stored.host_key


def refuse(
    connection: Connection, id_: int, actor: Actor, reason: str | None, now: int
) -> StoredRequest:
    """Refuse a request. Raises NotPermittedError, NotFoundError, RequestClosedError."""
    actor.need(PERMISSION)
    finding.seen(connection, id_, actor)
    values = {"state": "refused", "reason": reason} | _closed(actor, now)
    left = _leave(connection, id_, NEW, values)
    recording.record(connection, left, actor, "request.refused", now, reason=reason)
    return left


def expire(connection: Connection, id_: int, actor: Actor, now: int) -> StoredRequest | None:
    """Close a request that nobody dealt with; None: somebody did by now."""
    try:
        left = _leave(connection, id_, NEW, {"state": "expired"} | _closed(actor, now))
    except RequestClosedError:
        return None
    recording.record(connection, left, actor, "request.expired", now)
    return left


def approved(
    connection: Connection, proposal: int, stored: StoredLicense, actor: Actor, now: int
) -> None:
    """The request that waited for a proposal, if one did, has its licence."""
    waits = request_store.by_proposal(connection, proposal)
    if waits is not None:
        _issued(connection, waits.id, WAITING, {"license": stored.number}, actor, now)


def refuse_proposal(
    connection: Connection, id_: int, actor: Actor, reason: str | None, now: int
) -> Proposal:
    """Refuse a proposal; the request that waited for it is back in the queue, with the reason.

    Raises as proposals.refuse does.
    """
    decided = proposals.refuse(connection, id_, actor, reason, now)
    waits = request_store.by_proposal(connection, id_)
    if waits is not None:
        values = {"state": "new", "proposal": None, "reason": reason}
        left = _leave(connection, waits.id, WAITING, values)
        recording.record(connection, left, actor, "request.returned", now, reason=reason)
    return decided


def _issued(
    connection: Connection,
    id_: int,
    starts_from: tuple[str, ...],
    values: Mapping[str, Any],
    actor: Actor,
    now: int,
) -> StoredRequest:
    closed = {**values, "state": "issued"} | _closed(actor, now)
    left = _leave(connection, id_, starts_from, closed)
    recording.record(connection, left, actor, "request.issued", now)
    return left


def _closed(actor: Actor, now: int) -> dict[str, Any]:
    return {"open_key": None, "closed_by": actor.name, "closed_at": now}


def _leave(
    connection: Connection, id_: int, starts_from: tuple[str, ...], values: Mapping[str, Any]
) -> StoredRequest:
    """Give a request that is in one of the states *starts_from* other *values*.

    Raises RequestClosedError.
    """
    left = request_store.change(connection, id_, starts_from, **values)
    if left is None:
        found = or_not_found(request_store.by_id(connection, id_), what="request", name=str(id_))
        raise RequestClosedError(id=id_, state=states.told(found))
    return left
