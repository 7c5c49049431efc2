"""Records an action: its rows and its event, in one transaction."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection

from license_core.reason import Reason
from license_server.actor import Actor
from license_server.audit import audit_store, digests, events
from license_server.audit.audit_store import NewEvent
from license_server.catalog import catalog_store, customers, products
from license_server.db.errors import ChangedMeanwhileError
from license_server.licenses import issuing, license_store, states
from license_server.licenses.acts import Act, only_reason
from license_server.licenses.issuing import SignedLicense
from license_server.licenses.license_store import NewLicense, StoredLicense
from license_server.licenses.planning import ActRequest, Plan
from license_server.signing.issuer import Issuer, check_in_force


def record(
    connection: Connection,
    plan: Plan,
    signed: SignedLicense,
    issuer: Issuer,
    actor: Actor,
    **details: Any,
) -> StoredLicense:
    """Store what was signed; what is stored. *details* are those of the event.

    Raises LicenseStateError or ChangedMeanwhileError where somebody else was first,
    SignerUnavailableError where another keyset is in force by now, or IntegrityError where another
    process took the number: then sign another.
    """
    license_, former = signed.license, plan.former
    standing = catalog_store.standing(connection, license_.sub, license_.aud)
    customer_id, product_id, needs = standing[:3]
    check_in_force(issuer, standing.keyset_version)
    now = license_.iat
    if customer_id is None:
        customer_id = customers.ensure(connection, license_.sub, actor, now).id
    if product_id is None:
        added = products.ensure(connection, license_.aud, actor, now)
        product_id, needs = added.id, added.needs_approval
    check_approval(plan, bool(needs))
    new = row_of(plan, signed, issuer, actor, customer_id, product_id)
    rows: list[events.Row] = []
    if former is not None:
        _expect(connection, former.number, plan.expected)
        rows.append(_leave(connection, former.number, plan.act, replaced_by=new.number))
    id_ = license_store.add(connection, new)
    rows.append(("licenses", new._asdict() | {"id": id_}))
    audit_store.add_event(connection, event_of(plan, signed, rows, actor, **details))
    return StoredLicense.of_row(
        new,
        id=id_,
        customer=license_.sub,
        product=license_.aud,
        keyset_token=issuer.keyset_token,
    )


def check_approval(plan: Plan, needs: bool) -> None:
    """Raise ChangedMeanwhileError unless the product *needs* approval as it did at the plan."""
    if needs != plan.needs_approval:
        raise ChangedMeanwhileError(what=Reason("product {name}", name=plan.order.product))


def row_of(
    plan: Plan,
    signed: SignedLicense,
    issuer: Issuer,
    actor: Actor,
    customer_id: int,
    product_id: int,
) -> NewLicense:
    """The row of a licence that was signed."""
    return NewLicense.of(
        plan,
        signed,
        customer_id=customer_id,
        product_id=product_id,
        keyset_version=issuer.keyset.keyset.version,
        issued_by=actor.name,
    )


def event_of(
    plan: Plan, signed: SignedLicense, rows: Iterable[events.Row], actor: Actor, **details: Any
) -> NewEvent:
    """The event of that act; *rows* are as the act left them."""
    license_ = signed.license
    return events.event(
        license_.iat,
        actor,
        plan.act.event,
        license_.jti,
        rows=rows,
        reason=plan.reason,
        customer=license_.sub,
        product=license_.aud,
        host=license_.host.key,
        **({"replaces": license_.replaces} if license_.replaces else {}),
        **details,
    )


def end(connection: Connection, act_request: ActRequest, actor: Actor, now: int) -> StoredLicense:
    """Do an act that issues nothing, such as to revoke a licence; what is stored then.

    Raises InputInvalidError, NotFoundError, NotPermittedError, LicenseStateError or
    ChangedMeanwhileError.
    """
    act = act_request.act
    actor.need(act.permission)
    reason = only_reason(
        act_request.members,
        "there is no such field",
        act_request.faults,
        needed=act.needs_reason,
    )
    former = issuing.seen(connection, act_request.subject or "", actor)
    states.check(former, act)
    _expect(connection, former.number, act_request.expected)
    left = _leave(connection, former.number, act)
    events.record(
        connection,
        now,
        actor,
        act.event,
        former.number,
        rows=[left],
        reason=reason,
        customer=former.customer,
        product=former.product,
    )
    return former._replace(state=act.leaves)


def _leave(connection: Connection, number: str, act: Act, **changed: Any) -> events.Row:
    """Leave a licence in the state in which *act* leaves it; its row then.

    Raises LicenseStateError or ChangedMeanwhileError where somebody else was first.
    """
    row = license_store.leave_state(
        connection, number, act.starts_from, state=act.leaves, **changed
    )
    if row is None:
        states.check(issuing.find(connection, number), act)
        raise ChangedMeanwhileError(what=Reason("licence {number}", number=number))
    return "licenses", row


def etag(connection: Connection, number: str) -> str:
    """What a caller names to say which state of a licence it saw. Raises NotFoundError."""
    issuing.find(connection, number)
    row = license_store.columns_of(connection, number)
    assert row is not None  # noqa: S101  # it was found
    return digests.digest("licenses", row)


def _expect(connection: Connection, number: str, expected: str | None) -> None:
    """Raise ChangedMeanwhileError unless the licence is as the caller saw it."""
    if expected is not None and expected != etag(connection, number):
        raise ChangedMeanwhileError(what=Reason("licence {number}", number=number))
