"""Records an action: its rows and its event, in one transaction."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection

from license_core.errors import NotFoundError
from license_core.reason import Reason
from license_server.actor import Actor
from license_server.audit import digests, events
from license_server.audit.audit_store import NewEvent
from license_server.catalog import customers, products, standing_store
from license_server.catalog.errors import ArchivedError
from license_server.catalog.faults import Faults
from license_server.db.errors import ChangedMeanwhileError
from license_server.licenses import issuing, kinds, license_store, returning, states
from license_server.licenses.acts import RETURN, Act, only_reason
from license_server.licenses.held import Held, Leaving
from license_server.licenses.issuing import SignedLicense
from license_server.licenses.license_store import NewLicense, StoredLicense
from license_server.licenses.planning import ActRequest, Plan
from license_server.licenses.subjects import Subjects
from license_server.signing.issuer import Issuer, check_in_force

_KEPT = ("plan", "kind", "stands_for", "despite")
"""What of an order is in its event beside what is signed."""


def record(
    connection: Connection,
    plan: Plan,
    signed: SignedLicense,
    issuer: Issuer,
    actor: Actor,
    **details: Any,
) -> StoredLicense:
    """Store what was signed; what is stored. *details* are those of the event.

    Raises LicenseStateError, ArchivedError or ChangedMeanwhileError where somebody else was first,
    NotFoundError for a customer who is being erased,
    SignerUnavailableError where another keyset is in force by now, or IntegrityError where another
    process took the number: then sign another.
    """
    license_, former = signed.license, plan.former
    standing = standing_store.standing(connection, license_.sub, license_.aud)
    customer_id, product_id, needs = standing[:3]
    if standing.customer_erased_at is not None:
        raise NotFoundError(what="customer", name=license_.sub)
    archived = standing.customer_archived_at, standing.product_archived_at
    check_in_force(issuer, standing.keyset_version)
    now = license_.iat
    if customer_id is None:
        customer = customers.ensure(connection, license_.sub, actor, now)
        customer_id, archived = customer.id, (customer.archived_at, archived[1])
    if product_id is None:
        added = products.ensure(connection, license_.aud, actor, now)
        product_id, needs = added.id, added.needs_approval
    check_approval(plan, bool(needs))
    check_in_use(plan, *archived)
    order = kinds.check(connection, plan, actor, now, (customer_id, product_id))
    plan = plan._replace(order=order)
    left: list[events.Row] = []
    if former is not None:
        held = Held(connection, [former.number])
        left.append(held.leave(replaced(plan, former, license_.jti)))
        held.write()
    new = New(plan, signed, issuer, actor, customer_id, product_id, details, left)
    return add(connection, [new])[0]


class New(NamedTuple):
    """A licence that was signed, and is to be stored."""

    plan: Plan
    signed: SignedLicense
    issuer: Issuer
    actor: Actor
    customer_id: int
    product_id: int
    details: Mapping[str, Any]
    """Those of its event."""
    left: Sequence[events.Row] = ()
    """What its act left before."""

    @property
    def row(self) -> NewLicense:
        """Its row, but for the id."""
        return NewLicense.of(
            self.plan,
            self.signed,
            customer_id=self.customer_id,
            product_id=self.product_id,
            keyset_version=self.issuer.version,
            issued_by=self.actor.name,
        )


def add(connection: Connection, new: Sequence[New]) -> list[StoredLicense]:
    """Store what was signed, as ``write``; what is stored."""
    return [
        StoredLicense.of_row(
            row,
            id=id_,
            customer=one.signed.license.sub,
            product=one.signed.license.aud,
            keyset_token=one.issuer.keyset_token,
        )
        for one, (id_, row) in zip(new, write(connection, new), strict=True)
    ]


def write(connection: Connection, new: Sequence[New]) -> list[tuple[int, NewLicense]]:
    """Store what was signed, all of it at once, with its events; each row, and its id.

    Whoever calls has checked all that ``record`` does. Raises IntegrityError where another process
    took a number.
    """
    if not new:
        return []
    rows = [one.row for one in new]
    ids = license_store.take_ids(connection, len(new))
    written: list[tuple[NewEvent, list[events.Row]]] = []

    def tell() -> None:
        for one, row, id_ in zip(new, rows, ids, strict=True):
            left: list[events.Row] = [*one.left, ("licenses", {**row._asdict(), "id": id_})]
            written.append((_event_of(one, left), left))

    license_store.add(connection, ids, rows, tell)
    events.write(connection, written)
    return list(zip(ids, rows, strict=True))


def check_approval(plan: Plan, needs: bool) -> None:
    """Raise ChangedMeanwhileError unless the product *needs* approval as it did at the plan."""
    if needs != plan.needs_approval:
        raise ChangedMeanwhileError(what=Reason("product {name}", name=plan.order.product))


def check_in_use(plan: Plan, customer_since: int | None, product_since: int | None) -> None:
    """Raise ArchivedError where a first licence's customer or product was archived meanwhile."""
    order = plan.order
    if plan.former is not None or order.stands_for is not None:
        return
    if customer_since is not None:
        raise ArchivedError(what=Reason("customer"), name=order.customer)
    if product_since is not None:
        raise ArchivedError(what=Reason("product"), name=order.product)


def _event_of(new: New, rows: Iterable[events.Row]) -> NewEvent:
    """The event of that act; *rows* are as the act left them."""
    license_, order = new.signed.license, new.plan.order
    return events.event(
        license_.iat,
        new.actor,
        new.plan.act.event,
        license_.jti,
        rows=rows,
        reason=new.plan.reason,
        customer=license_.sub,
        product=license_.aud,
        host=license_.host.key,
        **({"replaces": license_.replaces} if license_.replaces else {}),
        **{name: value for name in _KEPT if (value := getattr(order, name)) is not None},
        **new.details,
    )


def end(connection: Connection, act_request: ActRequest, actor: Actor, now: int) -> StoredLicense:
    """Do an act that issues nothing, such as to revoke a licence; what is stored then.

    Raises as ``check_end`` does.
    """
    ending = check_end(connection, act_request, actor)
    held = Held(connection, [ending.license.number])
    left = held.leave(Leaving(ending.license, act_request.act, act_request.expected))
    held.write()
    events.write(connection, [ended(ending, act_request.act, left, actor, now)])
    return ending.license._replace(state=act_request.act.leaves)


class Ending(NamedTuple):
    """What an act would end."""

    license: StoredLicense
    reason: str | None
    details: dict[str, Any]
    """Those of the event."""


def check_end(
    connection: Connection,
    act_request: ActRequest,
    actor: Actor,
    subjects: Subjects | None = None,
) -> Ending:
    """The licence that an act would end, and why; *subjects* have been read for *actor*.

    Raises InputInvalidError, NotFoundError, NotPermittedError, LicenseStateError or
    ChangedMeanwhileError.
    """
    act = act_request.act
    actor.need(act.permission)
    members, faults = dict(act_request.members), Faults(act_request.faults)
    claim = returning.take(members, faults) if act is RETURN else None
    reason = only_reason(members, "there is no such field", faults, needed=act.needs_reason)
    former = (subjects or Subjects(connection, actor)).seen(act_request.subject or "")
    states.check(former, act)
    details = {} if claim is None else {"evidence": returning.evidence(connection, former, claim)}
    return Ending(former, reason, details)


def ended(ending: Ending, act: Act, left: events.Row, actor: Actor, now: int) -> events.Written:
    """The event of an act that ended a licence, and the row that it *left*."""
    of = ending.license
    new = events.event(
        now,
        actor,
        act.event,
        of.number,
        rows=[left],
        reason=ending.reason,
        customer=of.customer,
        product=of.product,
        **ending.details,
    )
    return new, [left]


def replaced(plan: Plan, former: StoredLicense, number: str) -> Leaving:
    """How the *former* licence leaves its state for the one of this *number*."""
    return Leaving(former, plan.act, plan.expected, number)


def etag(connection: Connection, number: str) -> str:
    """What a caller names to say which state of a licence it saw. Raises NotFoundError."""
    issuing.find(connection, number)
    row = license_store.columns_of(connection, number)
    assert row is not None  # noqa: S101  # it was found
    return digests.digest("licenses", row)


def etags(connection: Connection, numbers: Sequence[str]) -> dict[str, str]:
    """The ETags of the licences of these *numbers*; of those that there are."""
    rows = license_store.columns_of_many(connection, numbers)
    return {row["number"]: digests.digest("licenses", row) for row in rows}
