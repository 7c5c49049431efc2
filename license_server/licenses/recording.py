"""Recording an act: its rows and its event, in one transaction."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection

from license_core.reason import Reason
from license_server.actor import Actor
from license_server.audit import audit_store, digests, events
from license_server.audit.audit_store import NewEvent
from license_server.catalog import catalog_store, customers, products
from license_server.db.errors import ChangedMeanwhileError, InputInvalidError
from license_server.licenses import issuing, license_store
from license_server.licenses.acts import (
    _FROM,
    _LEAVES,
    _PAST,
    PERMISSIONS,
    check_state,
    read_reason,
)
from license_server.licenses.issuing import SignedLicense
from license_server.licenses.license_store import NewLicense, StoredLicense
from license_server.licenses.planning import ActRequest, Plan
from license_server.signing.issuer import Issuer, check_in_force


def record(
    connection: Connection,
    planned: Plan,
    drawn: SignedLicense,
    issuer: Issuer,
    actor: Actor,
    **more: Any,
) -> StoredLicense:
    """Store what was drawn up; what is stored. *more* are details of the event.

    Raises LicenseStateError or ChangedMeanwhileError where somebody else was first,
    SignerUnavailableError where another keyset is in force by now, or IntegrityError where another
    process took the number: then draw up another.
    """
    license_, former = drawn.license, planned.former
    standing = catalog_store.standing(connection, license_.sub, license_.aud)
    customer_id, product_id, needs = standing[:3]
    check_in_force(issuer, standing.keyset_version)
    now = license_.iat
    if customer_id is None:
        customer_id = customers.ensure(connection, license_.sub, actor, now).id
    if product_id is None:
        added = products.ensure(connection, license_.aud, actor, now)
        product_id, needs = added.id, added.needs_approval
    check_approval(planned, bool(needs))
    new = row_of(planned, drawn, issuer, actor, customer_id, product_id)
    changed: list[events.Row] = []
    if former is not None:
        allowed = _FROM.get(planned.act, ("active",))
        _expect(connection, former.number, planned.expected)
        left = license_store.leave_state(
            connection, former.number, allowed, state="replaced", replaced_by=new.number
        )
        if left is None:
            check_state(issuing.find(connection, former.number), planned.act)
            raise ChangedMeanwhileError(what=Reason("licence {number}", number=former.number))
        changed.append(("licenses", left))
    id_ = license_store.add(connection, new)
    changed.append(("licenses", new._asdict() | {"id": id_}))
    audit_store.add_event(connection, event_of(planned, drawn, changed, actor, **more))
    return _stored(new, id_, license_.sub, license_.aud, issuer.keyset_token)


def check_approval(planned: Plan, needs: bool) -> None:
    """Raise ChangedMeanwhileError unless the product *needs* approval as it did at the plan."""
    if needs != planned.needs_approval:
        raise ChangedMeanwhileError(what=Reason("product {name}", name=planned.order.product))


def row_of(
    planned: Plan,
    drawn: SignedLicense,
    issuer: Issuer,
    actor: Actor,
    customer_id: int,
    product_id: int,
) -> NewLicense:
    """The row that a licence makes which was drawn up."""
    license_ = drawn.license
    return NewLicense(
        number=license_.jti,
        customer_id=customer_id,
        product_id=product_id,
        host_key=license_.host.key,
        host_name=license_.host.name,
        issued_at=license_.iat,
        expires_at=license_.exp,
        grace_until=license_.grace_until,
        replaces=license_.replaces,
        token=drawn.token,
        keyset_version=issuer.keyset.keyset.version,
        issued_by=actor.name,
        line=planned.former.line if planned.former else license_.jti,
        act=planned.act,
        request=planned.text,
    )


def event_of(
    planned: Plan, drawn: SignedLicense, rows_left: Iterable[events.Row], actor: Actor, **more: Any
) -> NewEvent:
    """The event of that act; *rows_left* are the rows as it left them, *more* its details."""
    license_ = drawn.license
    return events.event(
        license_.iat,
        actor,
        f"license.{_PAST[planned.act]}",
        license_.jti,
        rows=rows_left,
        reason=planned.reason,
        customer=license_.sub,
        product=license_.aud,
        host=license_.host.key,
        **({"replaces": license_.replaces} if license_.replaces else {}),
        **more,
    )


def end(connection: Connection, wanted: ActRequest, actor: Actor, now: int) -> StoredLicense:
    """Suspend or revoke a licence; what is stored then.

    Raises InputInvalidError, NotFoundError, NotPermittedError, LicenseStateError or
    ChangedMeanwhileError.
    """
    actor.need(PERMISSIONS[wanted.act])
    members = dict(wanted.members)
    reason = read_reason(members, needed=True)
    if members:
        raise InputInvalidError(field=next(iter(members))[:64], reason="there is no such member")
    former = issuing.find(connection, wanted.subject or "")
    actor.need(PERMISSIONS[wanted.act], former.product)
    check_state(former, wanted.act)
    _expect(connection, former.number, wanted.expected)
    left = license_store.leave_state(
        connection, former.number, _FROM[wanted.act], state=_LEAVES[wanted.act]
    )
    if left is None:
        check_state(issuing.find(connection, former.number), wanted.act)
        raise ChangedMeanwhileError(what=Reason("licence {number}", number=former.number))
    events.record(
        connection,
        now,
        actor,
        f"license.{_PAST[wanted.act]}",
        former.number,
        rows=[("licenses", left)],
        reason=reason,
        customer=former.customer,
        product=former.product,
    )
    return former._replace(state=left["state"])


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


def _stored(
    new: NewLicense, id_: int, customer: str, product: str, keyset_token: str
) -> StoredLicense:
    return StoredLicense(
        id=id_,
        number=new.number,
        customer=customer,
        product=product,
        host_key=new.host_key,
        host_name=new.host_name,
        issued_at=new.issued_at,
        expires_at=new.expires_at,
        grace_until=new.grace_until,
        replaces=new.replaces,
        replaced_by=None,
        token=new.token,
        keyset_token=keyset_token,
        issued_by=new.issued_by,
        line=new.line,
        act=new.act,
        state=new.state,
    )
