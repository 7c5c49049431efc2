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
from license_server.actor import Actor
from license_server.catalog import catalog_store, client_commands, products
from license_server.catalog.catalog_store import Product
from license_server.catalog.client_commands import Commands
from license_server.catalog.errors import ArchivedError
from license_server.catalog.faults import Fault, Faults
from license_server.catalog.parties import Parties
from license_server.catalog.terms import DAY
from license_server.db.errors import ChangedMeanwhileError
from license_server.db.postgresql import NULL_SHOWN
from license_server.licenses import (
    issuing,
    kinds,
    license_store,
    lookup,
    move_store,
    moves,
    orders,
    states,
)
from license_server.licenses.acts import ISSUE, REASON, REHOST, RETURN, Act, read_reason
from license_server.licenses.errors import LicenseStateError, RehostsUsedUpError, TermTooLongError
from license_server.licenses.host_changes import HostChange
from license_server.licenses.license_store import StoredLicense
from license_server.licenses.notices import OrderNotice
from license_server.licenses.orders import Order
from license_server.licenses.subjects import Subjects

SAME_HOST = Reason("is already for this host; renew it for another term, or send its file again")
STILL_VALID = Reason("is still valid on its host; for another host, that host's request is needed")
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
    alike: tuple[tuple[StoredLicense, HostChange], ...] = ()
    """The licences that may be meant to move here, where another one would be issued beside them,
    and what differs from their hosts; looked for with the notices."""
    uses: str | None = None
    """The kind of which this is one more (kinds.py)."""

    @property
    def change(self) -> HostChange | None:
        """What differs from the host of the licence that is replaced; None: it stays there."""
        if self.former is None:
            return None
        return moves.change_of(self.former, self.order.request, self.text)

    @property
    def commands(self) -> Commands:
        """What the product's operators type."""
        return client_commands.of(self.product)

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
    parties: Parties | None = None,
    subjects: Subjects | None = None,
) -> Plan:
    """What *act_request* means at the instant *now*; *with_notices*: and what to know beforehand.

    *parties* and *subjects* have been read for *actor* in this transaction, if there are other
    orders in it.

    Raises InputInvalidError, NotFoundError, NotPermittedError, LicenseStateError,
    ChangedMeanwhileError, or that the operator's text cannot be read. Unless
    *with_notices*, raises the first refusal.
    """
    act = act_request.act
    actor.need(act.permission)
    members, faults = dict(act_request.members), Faults(act_request.faults)
    reason = faults.read(REASON, read_reason, members, act.needs_reason)
    parties = parties or Parties(connection, actor)
    former: StoredLicense | None
    if act_request.subject is None:
        _check_product(act, members, actor)
        product, members = _with_defaults(act_request, members, parties)
        chosen = kinds.chosen(product, members, faults, archived=act_request.defaults_applied)
        named = members.get("product")
        if product is None and isinstance(named, str) and choice_name(named):
            faults.read("product", parties.check_addition, named)
        with client_commands.telling(client_commands.of(product)):
            order, former, typed_customer = _first_order(
                connection, act_request, members, actor, now, faults, parties
            )
        order = kinds.of_plan(order, chosen, None, members)
    else:
        with faults.go_first():
            former = (subjects or Subjects(connection, actor)).seen(act_request.subject)
            states.check(former, act)
            kinds.check_goes_on(former, act)
        product = parties.product(former.product)
        with client_commands.telling(client_commands.of(product)):
            order = _replacing_order(former, act, product, members, now, faults)
        typed_customer = order.customer
    actor.need(act.permission, order.product)
    if act_request.rules is not None and act_request.rules != products.rules(product):
        raise ChangedMeanwhileError(what=Reason("product {name}", name=order.product))
    host = members.get("host")
    drafted = Plan(
        act=REHOST if act is ISSUE and _moves(former, order) else act,
        members=members,
        order=order,
        former=None if act.stands_in else former,
        product=product,
        reason=reason,
        text=host.replace("\0", NULL_SHOWN) if isinstance(host, str) else None,
        expected=act_request.expected,
        refusals=(),
        notices=(),
        uses=kinds.used(act, order, former),
    )
    earlier: kinds.Before | None = None
    if drafted.uses is not None:
        whose = former.customer_id if former is not None else parties.customer_id(typed_customer)
        earlier = kinds.before(connection, drafted, whose, actor, now)
        except_ = earlier is not None and kinds.is_exception(drafted, actor)
        despite = earlier.number if earlier is not None and except_ else None
        drafted = drafted._replace(order=order._replace(despite=despite))
    refusals = tuple(_refusals(connection, drafted, now, earlier))
    if with_notices:
        drafted = drafted._replace(alike=_alike(connection, drafted, now))
        notices = tuple(_notices(connection, drafted, actor, now, earlier))
        if typed_customer != order.customer:
            renamed = OrderNotice("customer-renamed", former=typed_customer, name=order.customer)
            notices = (renamed, *notices)
        for notice in notices:
            client_commands.tell(notice, drafted.commands)
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
    act_request: ActRequest, members: Mapping[str, Any], parties: Parties
) -> tuple[Product | None, dict[str, Any]]:
    """The product of a first order, and its *members* with what is taken where they say nothing."""
    return products.filled(
        parties.product,
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
    parties: Parties,
) -> tuple[Order, StoredLicense | None, str]:
    """The order of *members*, for the customer as it is called now; and as it was typed.

    Between them, the licence that it replaces all the same. Raises *faults*.
    """
    order = orders.parse_order(members, now, faults, act_request.asked)
    typed = order.customer if order is not None else ""
    customer = parties.customer(typed) if typed else None
    if order is not None and customer is not None:
        order = order._replace(customer=customer.name)
    number = members.get("replaces") if "replaces" not in faults else None
    named = faults.read("replaces", issuing.seen, connection, number, actor) if number else None
    if named is not None:
        faults.read("replaces", _check_replaceable, named, order)
    faults.check()
    assert order is not None  # noqa: S101  # there is no fault
    former = named or _claimed(connection, order)
    if former is None:
        parties.check_in_use(typed)
        return order._replace(replaces=None), None, typed
    contract = order.contract or former.contract
    return order._replace(replaces=former.number, contract=contract), former, typed


def _replacing_order(
    former: StoredLicense,
    act: Act,
    product: Product | None,
    members: dict[str, Any],
    now: int,
    faults: Faults,
) -> Order:
    """The order for the licence that replaces *former*, or stands in for it.

    Raises *faults*, LicenseStateError.
    """
    order, chosen = kinds.parsed_replacing(former, act, product, members, now, faults)
    faults.check()
    assert order is not None  # noqa: S101  # there is no fault
    _check_difference(act, former, order, members, now)
    order = (
        kinds.standing_in(order, former)
        if act.stands_in
        else kinds.of_plan(order, chosen, former, members)
    )
    # As the customer is called by now.
    contract = order.contract or former.contract
    return order._replace(customer=former.customer, contract=contract)


def _check_difference(
    act: Act, former: StoredLicense, order: Order, members: Mapping[str, Any], now: int
) -> None:
    """Raise LicenseStateError where an act would leave everything as it is."""
    if act.stands_in:
        if not is_elsewhere(former, order.request) and former.state_at(now) == "active":
            raise states.refusal(former, act, STILL_VALID)
        return
    if act.names_host and not is_elsewhere(former, order.request):
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
    return former is not None and is_elsewhere(former, order.request)


def is_elsewhere(former: StoredLicense, asked: LicenseRequest) -> bool:
    """Whether *asked* is another host than *former* has, or another container of its network."""
    layers = {asked.layer, issuing.claims_of(former).host.layer} - {None}
    return former.host_key != asked.key or len(layers) > 1


def _refusals(
    connection: Connection, drafted: Plan, now: int, earlier: kinds.Before | None
) -> list[LicenseError]:
    product, order, former = drafted.product, drafted.order, drafted.former
    refusals: list[LicenseError] = []
    if product is None:
        return refusals
    if former is None and order.stands_for is None and product.archived_at is not None:
        refusals.append(ArchivedError(what=Reason("product"), name=product.name))
    new_term = former is None or order.expires_at != former.expires_at
    if product.longest_days is not None and new_term:
        days = drafted.members.get("days")
        asked = _too_long(order.expires_at, days, product.longest_days, now)
        if asked is not None:
            longest = product.longest_days
            refusals.append(TermTooLongError(product=product.name, days=longest, asked=asked))
    if product.rehosts is not None and drafted.act is REHOST and former is not None:
        allowed, is_back = product.rehosts, former.state == RETURN.leaves
        is_free = is_back and move_store.is_proven(connection, former.number)
        if not is_free and move_store.rehosts(connection, former.line) >= allowed:
            refusals.append(
                RehostsUsedUpError(number=former.number, allowed=allowed, product=product.name)
            )
    if earlier is not None and order.despite is None:
        refusals.append(earlier.error)
    return refusals


def _too_long(expires_at: int | None, days: int | None, longest: int, now: int) -> str | None:
    """What is asked for, where it is longer than *longest* days; *days*: as the order says it."""
    if expires_at is None:
        return Reason("a perpetual licence")
    if days is not None and days > longest:
        return Reason("{days} days", days=days)
    # The last day counts as a whole, wherever on earth it ends.
    if expires_at > now + (longest + 1) * DAY + DAY // 2:
        return Reason("an end {days} days from now", days=(expires_at - now) // DAY)
    return None


def _notices(
    connection: Connection, drafted: Plan, actor: Actor, now: int, earlier: kinds.Before | None
) -> list[Notice]:
    order = drafted.order
    notices: list[Notice] = []
    if earlier is not None and order.despite is not None:
        notices.append(OrderNotice("by-exception", what=earlier.told))
    # Where a licence stays on its host, what else that host has is known.
    if drafted.act.names_host:
        notices += _of_host(connection, drafted, actor, now)
    notices += (_has_alike(one, change) for one, change in drafted.alike)
    change = drafted.change
    if change is not None and drafted.former is not None:
        notices += moves.notices(drafted.former, change, order, drafted.commands)
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
    if order.request.profile == "hk1-cluster":
        yield OrderNotice("licensed-cluster")
    if order.request.profile == "hk1-site":
        yield OrderNotice("licensed-site", machines=order.request.machines or 0)
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
    customer = catalog_store.customer_by_name(connection, order.customer, actor.products)
    if customer is None or order.request.tags is not None:
        return
    near = lookup.near(connection, [customer.id], order.request.key, actor.products)
    if near is not None:
        yield nearly(near)


def nearly(near: StoredLicense) -> Notice:
    """That a host key may be that of licence *near*, mistyped."""
    host = near.host_name or near.host_key
    return OrderNotice("host-key-near", number=near.number, host=host)


def _alike(
    connection: Connection, drafted: Plan, now: int
) -> tuple[tuple[StoredLicense, HostChange], ...]:
    """The licences that may be meant to move to the host of a first one."""
    order = drafted.order
    if drafted.act is not ISSUE or drafted.former is not None:
        return ()
    return tuple(lookup.alike(connection, order.customer, order.product, order.request, now))


def _has_alike(one: StoredLicense, change: HostChange) -> Notice:
    return OrderNotice(
        "host-alike-has-licence",
        customer=one.customer,
        product=one.product,
        number=one.number,
        what=change.what(one.number),
    )
