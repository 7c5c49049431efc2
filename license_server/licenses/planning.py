"""Plans an action: what a request means for the ledger now, and what prevents it."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection

from license_core import successor
from license_core.claims import choice_name
from license_core.errors import LicenseError, Notice
from license_core.reason import Reason
from license_core.request import LicenseRequest
from license_core.successor import Grant
from license_core.wording import utc
from license_server.actor import Actor
from license_server.catalog import catalog_store, products
from license_server.catalog.catalog_store import Product
from license_server.catalog.faults import Fault, Faults
from license_server.catalog.terms import DAY
from license_server.db.errors import ChangedMeanwhileError
from license_server.licenses import issuing, license_store, orders, states
from license_server.licenses.acts import ISSUE, REASON, REHOST, Act, read_reason
from license_server.licenses.errors import LicenseStateError, RehostsUsedUpError, TermTooLongError
from license_server.licenses.license_store import StoredLicense
from license_server.licenses.notices import OrderNotice
from license_server.licenses.orders import Order

SAME_HOST = Reason("is already for this host")
NOTHING_NAMED = Reason("would stay the same: the request changes nothing")


class ActRequest(NamedTuple):
    """What somebody wants to be done."""

    act: Act
    members: Mapping[str, Any]
    """Of an order (orders.py), with a ``reason`` where there is one."""
    subject: str | None = None
    """The number of the licence to act on; None: a first one."""
    expected: str | None = None
    """The ETag of what the caller saw."""
    rules: str | None = None
    """Those of the product (products.rules) that the caller saw."""
    defaults_applied: bool = False
    """Whether the product's defaults are in the members already, as they were at another time."""
    days: int | None = None
    """The term of a first one where neither the members nor the product's defaults say one."""
    asked: LicenseRequest | None = None
    """What the operator's text says, where it was parsed before."""
    faults: tuple[Fault, ...] = ()
    """What was found wrong before: what was typed for a member makes no value."""


class Plan(NamedTuple):
    """What would be done."""

    act: Act
    members: Mapping[str, Any]
    """Of the order, with the product's defaults."""
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
    act_request: ActRequest,
    actor: Actor,
    now: int,
    *,
    with_notices: bool = False,
    find_product: products.FindProduct | None = None,
) -> Plan:
    """What *act_request* means at the instant *now*; *with_notices*: and what to know beforehand.

    Raises InputInvalidError, NotFoundError, NotPermittedError, LicenseStateError,
    ChangedMeanwhileError, or that the operator's text cannot be read. Unless
    *with_notices*, raises the first refusal.
    """
    act = act_request.act
    actor.need(act.permission)
    members, faults = dict(act_request.members), Faults(act_request.faults)
    reason = faults.read(REASON, read_reason, members, act.needs_reason)
    find = find_product or products.finder(connection)
    former: StoredLicense | None
    if act_request.subject is None:
        _check_product(act, members, actor)
        product, members = _with_defaults(act_request, members, find)
        order, former = _first_order(connection, act_request, members, actor, now, faults)
    else:
        with faults.go_first():
            former = issuing.seen(connection, act_request.subject, actor)
            states.check(former, act)
        order = _replacing_order(former, act, members, now, faults)
        product = find(order.product)
    actor.need(act.permission, order.product)
    if act_request.rules is not None and act_request.rules != products.rules(product):
        raise ChangedMeanwhileError(what=Reason("product {name}", name=order.product))
    host = members.get("host")
    drafted = Plan(
        act=REHOST if act is ISSUE and _moves(former, order) else act,
        members=members,
        order=order,
        former=former,
        product=product,
        reason=reason,
        text=host if isinstance(host, str) else None,
        expected=act_request.expected,
        refusals=(),
        notices=(),
    )
    refusals = tuple(_refusals(connection, drafted, now))
    if with_notices:
        notices = tuple(_notices(connection, drafted, actor, now))
        return drafted._replace(refusals=refusals, notices=notices)
    if refusals:
        raise refusals[0]
    return drafted


def _check_product(act: Act, members: Mapping[str, Any], actor: Actor) -> None:
    """Raise NotPermittedError for an order of a product that *actor* is not for.

    Before anything of that product is looked up: what it has as defaults is not told either.
    """
    named = members.get("product")
    if isinstance(named, str) and choice_name(named):
        actor.need(act.permission, named)


def _with_defaults(
    act_request: ActRequest, members: Mapping[str, Any], find_product: products.FindProduct
) -> tuple[Product | None, dict[str, Any]]:
    """The product of a first order, and its *members* with what is taken where they say nothing."""
    return products.filled(
        find_product,
        members,
        defaults_applied=act_request.defaults_applied,
        days=act_request.days,
    )


def _first_order(
    connection: Connection,
    act_request: ActRequest,
    members: Mapping[str, Any],
    actor: Actor,
    now: int,
    faults: Faults,
) -> tuple[Order, StoredLicense | None]:
    """The order of *members*, and the licence that it replaces all the same. Raises *faults*."""
    order = orders.parse_order(members, now, faults, act_request.asked)
    number = members.get("replaces") if "replaces" not in faults else None
    named = faults.read("replaces", issuing.seen, connection, number, actor) if number else None
    if named is not None:
        faults.read("replaces", _check_replaceable, named, order)
    faults.check()
    assert order is not None  # noqa: S101  # there is no fault
    former = named or _claimed(connection, order)
    return order._replace(replaces=former.number if former else None), former


def _replacing_order(
    former: StoredLicense, act: Act, members: Mapping[str, Any], now: int, faults: Faults
) -> Order:
    """The order for the licence that replaces *former*. Raises *faults*, LicenseStateError."""
    order = orders.parse_replacing(act, issuing.claims_of(former), members, now, faults)
    faults.check()
    assert order is not None  # noqa: S101  # there is no fault
    _check_difference(act, former, order, members)
    return order._replace(customer=former.customer)  # as it is called by now


def _check_difference(
    act: Act, former: StoredLicense, order: Order, members: Mapping[str, Any]
) -> None:
    """Raise LicenseStateError where an act would leave everything as it is."""
    if act.names_host and not _is_elsewhere(former, order):
        raise states.refusal(former, act, SAME_HOST)
    if act.may_change and all(value is None for value in members.values()):
        raise states.refusal(former, act, NOTHING_NAMED)


def _check_replaceable(named: StoredLicense, order: Order | None) -> None:
    """Raise LicenseStateError where a first order must not replace a licence that it names.

    That one is in force, of the same customer and product: to end another one is another act, with
    another permission. An *order* that is wrong elsewhere is None.
    """
    states.check(named, ISSUE)
    if order is not None and not _goes_on(named, order):
        became = Reason("belongs to another customer or product")
        raise LicenseStateError(number=named.number, act=Reason("replace"), became=became)


def _claimed(connection: Connection, order: Order) -> StoredLicense | None:
    """The licence that the operator's request says it replaces, if it is one that it may.

    A request is not signed: what it claims counts where it is so, and is passed over elsewhere.
    """
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
    return former is not None and _is_elsewhere(former, order)


def _is_elsewhere(former: StoredLicense, order: Order) -> bool:
    """Whether *order* is for another host than *former*, or another container of its network."""
    layers = {order.request.layer, issuing.claims_of(former).host.layer} - {None}
    return former.host_key != order.request.key or len(layers) > 1


def _refusals(connection: Connection, drafted: Plan, now: int) -> list[LicenseError]:
    product, order, former = drafted.product, drafted.order, drafted.former
    refusals: list[LicenseError] = []
    if product is None:
        return refusals
    new_term = former is None or order.expires_at != former.expires_at
    if product.longest_days is not None and new_term:
        days = drafted.members.get("days")
        asked = _too_long(order.expires_at, days, product.longest_days, now)
        if asked is not None:
            longest = product.longest_days
            refusals.append(TermTooLongError(product=product.name, days=longest, asked=asked))
    if product.rehosts is not None and drafted.act is REHOST and former is not None:
        allowed = product.rehosts
        if license_store.rehosts(connection, former.line) >= allowed:
            refusals.append(
                RehostsUsedUpError(number=former.number, allowed=allowed, product=product.name)
            )
    return refusals


def _too_long(expires_at: int | None, days: int | None, longest: int, now: int) -> str | None:
    """What is asked for, where it is longer than *longest* days; *days*: as the order says it."""
    if expires_at is None:
        return Reason("a perpetual licence")
    if days is not None and days > longest:
        return Reason("{days} days", days=days)
    # The last day counts as a whole, wherever on earth it ends.
    if expires_at > now + (longest + 1) * DAY + DAY // 2:
        return Reason("{days} days", days=(expires_at - now) // DAY)
    return None


def _notices(connection: Connection, drafted: Plan, actor: Actor, now: int) -> list[Notice]:
    order = drafted.order
    notices: list[Notice] = []
    # Where a licence stays on its host, what else that host has is known.
    if drafted.act.names_host:
        notices += _of_host(connection, drafted, actor, now)
    if drafted.act is REHOST and drafted.former is not None:
        notices.append(keeps_file(drafted.former))
    of = actor.products  # what they may not see is not there
    if catalog_store.customer_by_name(connection, order.customer, of) is None:
        alike = catalog_store.alike(connection, order.customer, of)
        notices.append(
            OrderNotice("customer-alike", customer=order.customer, alike=alike.name)
            if alike
            else OrderNotice("customer-new", customer=order.customer)
        )
    if drafted.product is None and catalog_store.products_after(connection, None, 1, of):
        notices.append(OrderNotice("product-new", product=order.product))
    notices += of_grant(drafted)
    present, allowed = order.request.gpus, order.limits.get("gpus")
    if present and allowed is not None and present > allowed:
        notices.append(OrderNotice("gpus-more-than-licensed", present=present, allowed=allowed))
    if drafted.needs_approval:
        notices.append(OrderNotice("needs-approval", product=order.product))
    return notices


def of_grant(drafted: Plan) -> Iterator[Notice]:
    """What the licence takes away from the one before it, and how many it may be used by.

    Without a look at the ledger, so that it can be said of each row of a large file.
    """
    order, former = drafted.order, drafted.former
    if former is not None:
        before = Grant.of(issuing.claims_of(former))
        less = successor.taken(before, order.grant())
        if less is not None:
            yield OrderNotice("takes-away", number=former.number, reason=less)
    tags = order.request.tags or {}
    if order.match == "anchored" and "machine_id" in tags and "container_id" not in tags:
        yield OrderNotice("anchored-by-machine")


def _of_host(connection: Connection, drafted: Plan, actor: Actor, now: int) -> Iterator[Notice]:
    """What else the host has that *actor* may see: of another customer, or the same product."""
    order, former = drafted.order, drafted.former
    for one in license_store.live(connection, order.request.key, now):
        if former is not None and one.number == former.number:
            continue
        if not actor.may_use(one.product):
            continue
        if one.customer != order.customer:
            slug = "host-of-another-customer"
            yield OrderNotice(slug, number=one.number, customer=one.customer)
        elif one.product == order.product:
            slug = "host-has-licence"
            yield OrderNotice(slug, product=one.product, number=one.number, customer=one.customer)


def keeps_file(former: StoredLicense) -> Notice:
    """What stays on the host from which *former* moves away."""
    end = former.expires_at if former.grace_until is None else former.grace_until
    return OrderNotice(
        "former-host-keeps-file",
        host=former.host_name or former.host_key,
        number=former.number,
        until=Reason("indefinitely") if end is None else Reason("until {end}", end=utc(end)),
    )
