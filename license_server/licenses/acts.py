"""The acts on licences: issue, renew, rehost, change, suspend, reinstate, revoke, reissue.

Nothing is edited in place. An act that changes what holds is a new signed licence that names the
one it replaces, and the former row says what became of it. An act is planned by reading, drawn up
and signed without a database, and recorded in one transaction, in which whoever comes second is
told so.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection

from license_core.claims import ClaimError
from license_core.errors import (
    ChangedMeanwhileError,
    InputInvalidError,
    LicenseError,
    LicenseStateError,
    NotFoundError,
    Notice,
    RehostsUsedUpError,
    TermTooLongError,
    utc,
)
from license_core.reason import Reason
from license_server.actor import Actor
from license_server.audit import audit_store, digests, events
from license_server.audit.audit_store import NewEvent
from license_server.catalog import catalog_store, customers, products
from license_server.catalog.catalog_store import Product
from license_server.licenses import (
    issuing,
    license_store,
    orders,
)
from license_server.licenses.issuing import Drawn, Issuer
from license_server.licenses.license_store import NewLicense, StoredLicense
from license_server.licenses.orders import DAY, Order

PERMISSIONS = {
    "issue": "licenses:issue",
    "renew": "licenses:issue",
    "rehost": "licenses:issue",
    "change": "licenses:issue",
    "suspend": "licenses:end",
    "reinstate": "licenses:end",
    "revoke": "licenses:end",
    "reissue": "licenses:issue",
}
"""Each act, and what one must be permitted to do it."""
_FROM = {
    "renew": ("active",),
    "rehost": ("active",),
    "change": ("active",),
    "reinstate": ("suspended",),
    "suspend": ("active",),
    "revoke": ("active", "suspended"),
}
_LEAVES = {"suspend": "suspended", "revoke": "revoked"}
_NEEDS_REASON = ("rehost", "suspend", "reinstate", "revoke", "reissue")
_PAST = {
    "issue": "issued",
    "renew": "renewed",
    "rehost": "rehosted",
    "change": "changed",
    "suspend": "suspended",
    "reinstate": "reinstated",
    "revoke": "revoked",
    "reissue": "reissued",
}
_LONGEST_REASON = 1000
_WORDS = {"rehost": "move to another host"}


class Wanted(NamedTuple):
    """What somebody wants to be done."""

    act: str
    members: Mapping[str, Any]
    """Of an order (orders.py), with a ``reason`` where there is one."""
    subject: str | None = None
    """The number of the licence to act on; None: a first one."""
    expected: str | None = None
    """The ETag of what the caller saw."""
    rules: str | None = None
    """Those of the product (products.rules) that the caller saw."""
    settled: bool = False
    """Whether the product's defaults are in the members already, as they were at another time."""


class Plan(NamedTuple):
    """What would be done."""

    act: str
    order: Order
    former: StoredLicense | None
    """The licence that will be replaced."""
    product: Product | None
    reason: str | None
    text: str | None
    """What the operator sent."""
    expected: str | None
    refusals: tuple[LicenseError, ...]
    """Why it will not be done."""
    notices: tuple[Notice, ...]
    """What looks wrong, or should be known before."""

    @property
    def needs_approval(self) -> bool:
        """Whether a second person must approve it."""
        return self.product is not None and self.product.needs_approval


def plan(
    connection: Connection,
    wanted: Wanted,
    actor: Actor,
    now: int,
    *,
    look: bool = False,
    find_product: products.FindProduct | None = None,
) -> Plan:
    """What *wanted* means at the instant *now*; *look*: with all that should be known before.

    Raises InputInvalidError, NotFoundError, NotPermittedError, LicenseStateError,
    ChangedMeanwhileError, or that the operator's text cannot be read. Unless *look*, raises the
    first refusal.
    """
    actor.need(PERMISSIONS[wanted.act])
    members = dict(wanted.members)
    reason = read_reason(members, needed=wanted.act in _NEEDS_REASON)
    find = find_product or products.finder(connection)
    if wanted.subject is None:
        product, given = products.filled(find, members, settled=wanted.settled)
        order = orders.from_members(given, now)
        former = _replaced(connection, order, actor)
        order = order._replace(replaces=former.number if former else None)
    else:
        former = issuing.find(connection, wanted.subject)
        actor.need(PERMISSIONS[wanted.act], former.product)
        check_state(former, wanted.act)
        order = orders.again(wanted.act, issuing.claims_of(former), members, now)
        order = order._replace(customer=former.customer)  # as it is called by now
        product = find(order.product)
        _check_difference(wanted.act, former, order, members)
    actor.need(PERMISSIONS[wanted.act], order.product)
    if wanted.rules is not None and wanted.rules != products.rules(product):
        raise ChangedMeanwhileError(what=Reason("product {name}", name=order.product))
    act = "rehost" if wanted.act == "issue" and _moves(former, order) else wanted.act
    host = members.get("host")
    drafted = Plan(
        act=act,
        order=order,
        former=former,
        product=product,
        reason=reason,
        text=host if isinstance(host, str) else None,
        expected=wanted.expected,
        refusals=(),
        notices=(),
    )
    refusals = tuple(_refusals(connection, drafted, now))
    if look:
        notices = tuple(_notices(connection, drafted, actor, now))
        return drafted._replace(refusals=refusals, notices=notices)
    if refusals:
        raise refusals[0]
    return drafted


def record(
    connection: Connection, planned: Plan, drawn: Drawn, issuer: Issuer, actor: Actor, **more: Any
) -> StoredLicense:
    """Store what was drawn up; what is stored. *more* are details of the event.

    Raises LicenseStateError or ChangedMeanwhileError where somebody else was first,
    SignerUnavailableError where another keyset is in force by now, or IntegrityError where another
    process took the number: then draw up another.
    """
    license_, former = drawn.license, planned.former
    standing = catalog_store.standing(connection, license_.sub, license_.aud)
    customer_id, product_id, needs = standing[:3]
    issuing.check_in_force(issuer, standing.keyset_version)
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
    planned: Plan, drawn: Drawn, issuer: Issuer, actor: Actor, customer_id: int, product_id: int
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
    planned: Plan, drawn: Drawn, rows_left: Iterable[events.Row], actor: Actor, **more: Any
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


def end(connection: Connection, wanted: Wanted, actor: Actor, now: int) -> StoredLicense:
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


def possible(stored: StoredLicense, actor: Actor) -> tuple[str, ...]:
    """The acts that are open to *actor* on a licence now."""
    return tuple(
        act
        for act, states in _FROM.items()
        if stored.state in states
        and PERMISSIONS[act] in actor.permissions
        and actor.may_use(stored.product)
    )


def etag(connection: Connection, number: str) -> str:
    """What a caller names to say which state of a licence it saw. Raises NotFoundError."""
    issuing.find(connection, number)
    row = license_store.columns_of(connection, number)
    assert row is not None  # noqa: S101  # it was found
    return digests.digest("licenses", row)


def check_state(stored: StoredLicense, act: str) -> None:
    """Raise LicenseStateError unless *act* is possible on what *stored* is by now."""
    if stored.state not in _FROM.get(act, ("active",)):
        became = {
            "active": Reason("is in force"),
            "replaced": Reason("was replaced by {number}", number=stored.replaced_by),
            "suspended": Reason("is suspended"),
            "revoked": Reason("was revoked"),
        }[stored.state]
        raise LicenseStateError(number=stored.number, act=_word(act), became=became)


def read_reason(members: dict[str, Any], *, needed: bool) -> str | None:
    """Take the reason out of *members*. Raises InputInvalidError."""
    given = {name: members.pop(name, None) for name in (orders.REASON,)}
    if given[orders.REASON] is None:
        if needed:
            raise InputInvalidError(field=orders.REASON, reason="it is missing: say why")
        return None
    try:
        reason = orders.words(given, orders.REASON, _LONGEST_REASON)
    except ClaimError as error:
        raise InputInvalidError(field=error.claim, reason=error.reason) from error
    return reason


def _check_difference(
    act: str, former: StoredLicense, order: Order, members: Mapping[str, Any]
) -> None:
    """Raise LicenseStateError where an act would leave everything as it is."""
    if act == "rehost" and order.request.key == former.host_key:
        became = Reason("is for this very host already")
    elif act == "change" and all(value is None for value in members.values()):
        became = Reason("would stay as it is: nothing to be changed is named")
    else:
        return
    raise LicenseStateError(number=former.number, act=_word(act), became=became)


def _word(act: str) -> Reason:
    """What an act is called in a sentence."""
    return Reason(_WORDS.get(act, act))


def _replaced(connection: Connection, order: Order, actor: Actor) -> StoredLicense | None:
    """The licence that a first order replaces all the same: one of its customer and product.

    To end another one is another act, with another permission. What the vendor names must be such
    a licence, and in force. What only the operator's request claims counts where it is one: a
    request is not signed.
    """
    if order.replaces is not None:
        named = license_store.by_number(connection, order.replaces)
        if named is None:
            raise NotFoundError(what="licence", name=order.replaces)
        actor.need(PERMISSIONS["issue"], named.product)
        check_state(named, "issue")
        if not _goes_on(named, order):
            became = Reason("is for another customer or product")
            raise LicenseStateError(number=named.number, act=Reason("replace"), became=became)
        return named
    claimed = order.request.replaces
    if claimed is None or not orders.NUMBER.fullmatch(claimed):
        return None
    stored = license_store.by_number(connection, claimed)
    ours = stored is not None and stored.state == "active" and _goes_on(stored, order)
    return stored if ours else None


def _goes_on(stored: StoredLicense, order: Order) -> bool:
    """Whether *order* is for the customer and the product of a licence."""
    return (stored.customer, stored.product) == (order.customer, order.product)


def _moves(former: StoredLicense | None, order: Order) -> bool:
    """Whether a first order is a rehost: the same licence for another host."""
    return former is not None and former.host_key != order.request.key


def _refusals(connection: Connection, drafted: Plan, now: int) -> list[LicenseError]:
    product, order, former = drafted.product, drafted.order, drafted.former
    found: list[LicenseError] = []
    if product is None:
        return found
    new_term = former is None or order.expires_at != former.expires_at
    if product.longest_days is not None and new_term:
        asked = _too_long(order.expires_at, product.longest_days, now)
        if asked is not None:
            days = product.longest_days
            found.append(TermTooLongError(product=product.name, days=days, asked=asked))
    if product.rehosts is not None and drafted.act == "rehost" and former is not None:
        allowed = product.rehosts
        if license_store.rehosts(connection, former.line) >= allowed:
            found.append(
                RehostsUsedUpError(number=former.number, allowed=allowed, product=product.name)
            )
    return found


def _too_long(expires_at: int | None, days: int, now: int) -> str | None:
    """What is asked for, where it is longer than *days*."""
    if expires_at is None:
        return Reason("a perpetual licence")
    # The last day counts as a whole, wherever on earth it ends.
    if expires_at > now + (days + 1) * DAY + DAY // 2:
        return Reason("{days} days", days=(expires_at - now) // DAY)
    return None


def _notices(connection: Connection, drafted: Plan, actor: Actor, now: int) -> list[Notice]:
    order = drafted.order
    found: list[Notice] = []
    # Where a licence goes on on its host, what else that host has is known.
    goes_on = drafted.act in ("renew", "change", "reinstate")
    for one in [] if goes_on else license_store.live(connection, order.request.key, now):
        if drafted.former is not None and one.number == drafted.former.number:
            continue
        if not actor.may_use(one.product):
            continue
        if one.customer != order.customer:
            slug = "host-of-another-customer"
            found.append(Notice(slug, number=one.number, customer=one.customer))
        elif one.product == order.product:
            found.append(
                Notice(
                    "host-has-licence",
                    product=one.product,
                    number=one.number,
                    customer=one.customer,
                )
            )
    if drafted.act == "rehost" and drafted.former is not None:
        found.append(keeps_file(drafted.former))
    if catalog_store.customer_by_name(connection, order.customer) is None:
        alike = catalog_store.alike(connection, order.customer)
        found.append(
            Notice("customer-alike", customer=order.customer, alike=alike.name)
            if alike
            else Notice("customer-new", customer=order.customer)
        )
    if drafted.product is None and catalog_store.products_after(connection, None, 1):
        found.append(Notice("product-new", product=order.product))
    present, allowed = order.request.gpus, order.limits.get("gpus")
    if present and allowed is not None and present > allowed:
        found.append(Notice("gpus-more-than-licensed", present=present, allowed=allowed))
    if drafted.needs_approval:
        found.append(Notice("needs-approval", product=order.product))
    return found


def keeps_file(former: StoredLicense) -> Notice:
    """What stays on the host from which *former* moves away."""
    end = former.expires_at if former.grace_until is None else former.grace_until
    return Notice(
        "former-host-keeps-file",
        host=former.host_name or former.host_key,
        number=former.number,
        until=Reason("without end") if end is None else Reason("until {end}", end=utc(end)),
    )


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
