"""From a request to the act that answers it, as somebody sees it now."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from license_core.errors import NotFoundError
from license_core.reason import Reason, say
from license_server.actor import Actor
from license_server.catalog import catalog_store, plans
from license_server.catalog.fields import present
from license_server.db.errors import InputInvalidError
from license_server.licenses.acts import ISSUE, PLAN, REASON, REHOST
from license_server.licenses.planning import ActRequest
from license_server.requests import finding, outcomes, wishes
from license_server.requests.errors import RequestWithoutHostError
from license_server.requests.reading import Reading
from license_server.requests.request_store import StoredRequest


def act_request(
    connection: Connection,
    id_: int,
    actor: Actor,
    given: Mapping[str, Any],
    now: int,
    *,
    move: bool = False,
) -> ActRequest:
    """The act that answers the request of this number with what *given* members say.

    Raises NotFoundError, RequestClosedError, RequestWithoutHostError.
    """
    stored = finding.seen(connection, id_, actor)
    outcomes.check_new(stored)
    conversation = finding.conversation(connection, stored)
    read = finding.read(connection, stored, conversation, actor, now)
    if move:
        return moving(stored, read, given)
    return first(connection, stored, read, given)


def first(
    connection: Connection,
    stored: StoredRequest,
    read: Reading,
    given: Mapping[str, Any],
    *,
    days: int | None = None,
    rules: str | None = None,
) -> ActRequest:
    """The order for a licence: what *given* members say, else what is known of the request.

    Where the product has one plan only, that is taken, and its only trial for who asks for one;
    *days*, where neither that nor the defaults have a term. Raises RequestWithoutHostError,
    InputInvalidError.
    """
    matched = read.matched
    known = {
        "customer": matched.customer and matched.customer.value,
        "product": matched.product and matched.product.value,
        "host": with_host(stored, read),
    }
    members = {name: value for name, value in known.items() if value is not None} | dict(given)
    plan = only_plan(connection, stored, members.get("product"))
    if plan is not None:
        members = {PLAN: plan} | present(members)
    check_plan(stored, members.get(PLAN))
    return ActRequest(ISSUE, members, rules=rules, days=days)


def moving(stored: StoredRequest, read: Reading, given: Mapping[str, Any]) -> ActRequest:
    """The move of the earlier licence to the host of the request.

    Raises RequestWithoutHostError, NotFoundError.
    """
    host, earlier = with_host(stored, read), read.earlier
    if earlier is None:
        raise NotFoundError(what="earlier licence of request", name=str(stored.id))
    cause = read.change.cause() if read.change else Reason("another host key")
    return ActRequest(REHOST, {"host": host, REASON: say(cause, str)} | dict(given), earlier.number)


def with_host(stored: StoredRequest, read: Reading) -> str:
    """The host of a request, as an order takes it. Raises RequestWithoutHostError."""
    if stored.host is None:
        raise RequestWithoutHostError(id=stored.id, reason=read.why_no_host)
    return stored.host


def only_plan(connection: Connection, stored: StoredRequest, product: Any) -> str | None:
    """The only plan of a product that answers a request; None: it has several, or none.

    Where a trial is asked for, its only trial.
    """
    if not isinstance(product, str):
        return None
    found = plans.of(catalog_store.product_by_name(connection, product))
    is_trial = stored.wish == wishes.TRIAL
    names = [one.name for one in found.values() if not one.archived and (one.trial or not is_trial)]
    return names[0] if len(names) == 1 else None


def check_plan(stored: StoredRequest, plan: Any) -> None:
    """Raise InputInvalidError where a trial is asked for, and no *plan* says what it is."""
    if stored.wish == wishes.TRIAL and plan in (None, ""):
        reason = Reason("a trial is asked for: without a plan, it would be a full licence")
        raise InputInvalidError(field=PLAN, reason=reason)
