"""Planning an act: what a request means for the ledger now, and what speaks against it."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection

from license_core.errors import LicenseError, NotFoundError, Notice
from license_core.reason import Reason
from license_core.wording import utc
from license_server.actor import Actor
from license_server.catalog import catalog_store, products
from license_server.catalog.catalog_store import Product
from license_server.catalog.terms import DAY
from license_server.db.errors import ChangedMeanwhileError
from license_server.licenses import issuing, license_store, orders
from license_server.licenses.acts import _NEEDS_REASON, PERMISSIONS, _word, check_state, read_reason
from license_server.licenses.errors import LicenseStateError, RehostsUsedUpError, TermTooLongError
from license_server.licenses.license_store import StoredLicense
from license_server.licenses.notices import OrderNotice
from license_server.licenses.orders import Order


class ActRequest(NamedTuple):
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
    defaults_applied: bool = False
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
    wanted: ActRequest,
    actor: Actor,
    now: int,
    *,
    with_notices: bool = False,
    find_product: products.FindProduct | None = None,
) -> Plan:
    """What *wanted* means at the instant *now*; *with_notices*: and what to know beforehand.

    Raises InputInvalidError, NotFoundError, NotPermittedError, LicenseStateError,
    ChangedMeanwhileError, or that the operator's text cannot be read. Unless
    *with_notices*, raises the first refusal.
    """
    actor.need(PERMISSIONS[wanted.act])
    members = dict(wanted.members)
    reason = read_reason(members, needed=wanted.act in _NEEDS_REASON)
    find = find_product or products.finder(connection)
    if wanted.subject is None:
        product, given = products.filled(find, members, defaults_applied=wanted.defaults_applied)
        order = orders.from_members(given, now)
        former = _replaced(connection, order, actor)
        order = order._replace(replaces=former.number if former else None)
    else:
        former = issuing.find(connection, wanted.subject)
        actor.need(PERMISSIONS[wanted.act], former.product)
        check_state(former, wanted.act)
        order = orders.order_replacing(wanted.act, issuing.claims_of(former), members, now)
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
    if with_notices:
        notices = tuple(_notices(connection, drafted, actor, now))
        return drafted._replace(refusals=refusals, notices=notices)
    if refusals:
        raise refusals[0]
    return drafted


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
            found.append(OrderNotice(slug, number=one.number, customer=one.customer))
        elif one.product == order.product:
            found.append(
                OrderNotice(
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
            OrderNotice("customer-alike", customer=order.customer, alike=alike.name)
            if alike
            else OrderNotice("customer-new", customer=order.customer)
        )
    if drafted.product is None and catalog_store.products_after(connection, None, 1):
        found.append(OrderNotice("product-new", product=order.product))
    present, allowed = order.request.gpus, order.limits.get("gpus")
    if present and allowed is not None and present > allowed:
        found.append(OrderNotice("gpus-more-than-licensed", present=present, allowed=allowed))
    if drafted.needs_approval:
        found.append(OrderNotice("needs-approval", product=order.product))
    return found


def keeps_file(former: StoredLicense) -> Notice:
    """What stays on the host from which *former* moves away."""
    end = former.expires_at if former.grace_until is None else former.grace_until
    return OrderNotice(
        "former-host-keeps-file",
        host=former.host_name or former.host_key,
        number=former.number,
        until=Reason("without end") if end is None else Reason("until {end}", end=utc(end)),
    )
