"""Plans of orders, and the kinds of licences that are given once.

A trial is, to a customer and for a host, once for a product; a stop-gap once a year to a customer.

A licence is a trial by its plan (catalog/plans.py), and a stop-gap by the act that made it. What
replaces one is of its kind, unless it has another plan. A second one is refused at the plan, and
again where it is recorded, unless it is an exception: then it names the one before it.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Connection

from license_core.errors import LicenseError
from license_core.reason import Reason
from license_server.actor import Actor
from license_server.catalog import locks, plans, products
from license_server.catalog.catalog_store import Product
from license_server.catalog.faults import Faults
from license_server.catalog.plans import ProductPlan
from license_server.catalog.terms import DAY, DURATIONS, WARNINGS
from license_server.db.errors import ChangedMeanwhileError, InputInvalidError
from license_server.licenses import issuing, kind_store, orders, returning, states, term_days
from license_server.licenses.acts import CHANGE, OVERRIDE, PLAN, REASON, RENEW, Act
from license_server.licenses.errors import StopGapUsedError, TrialUsedError
from license_server.licenses.license_store import StoredLicense
from license_server.licenses.orders import Order
from license_server.licenses.vocabulary import STOP_GAP, TRIAL

WITHIN = 365
"""So many days after a stop-gap a customer gets the next one."""
PERMISSION = "licenses:override"
ENDLESS = "a trial has an end; order it with days or expires"


def chosen(
    product: Product | None, members: dict[str, Any], faults: Faults, *, archived: bool = False
) -> ProductPlan | None:
    """The plan that *members* name, which they name as it is called then."""
    if members.get(PLAN) is None:
        return None
    found: ProductPlan | None = faults.read(
        PLAN, lambda: plans.chosen(product, members[PLAN], archived=archived)
    )
    if found is not None:
        members[PLAN] = found.name
    return found


def standard(
    former: StoredLicense,
    act: Act,
    product: Product | None,
    plan: ProductPlan | None,
    members: Mapping[str, Any],
) -> dict[str, Any]:
    """What is taken where the *members* of an act say nothing: of the plan that they choose."""
    if act.stands_in:
        most = product.longest_days if product is not None else None
        return {"days": min(orders.STOP_GAP_DAYS, most or orders.STOP_GAP_DAYS)}
    terms_: dict[str, Any] = {}
    if plan is not None:
        of_product = products.defaults(product)
        terms_ = {"days": of_product["days"]} if "days" in of_product else {}
        terms_ |= plan.terms
    if not act.sets_term or any(members.get(name) is not None for name in DURATIONS):
        terms_.pop("days", None)
    if members.get("perpetual") or (not act.sets_term and former.expires_at is None):
        for name in WARNINGS:
            terms_.pop(name, None)
    return terms_


def parsed_replacing(
    former: StoredLicense,
    act: Act,
    product: Product | None,
    members: dict[str, Any],
    now: int,
    faults: Faults,
) -> tuple[Order | None, ProductPlan | None]:
    """The order that *members* make for what replaces *former*, and the plan that they choose.

    No order: *faults* has why.
    """
    plan = chosen(product, members, faults)
    given = standard(former, act, product, plan, members)
    before = returning.before(former, act)
    order = orders.parse_replacing(act, before, former.zone, members, now, faults, given)
    return order, plan


def of_plan(
    order: Order,
    plan: ProductPlan | None,
    former: StoredLicense | None,
    members: Mapping[str, Any],
) -> Order:
    """*order* with its plan and kind: those that it names, else those of *former*.

    Raises InputInvalidError where a trial would have no end.
    """
    if plan is not None:
        if plan.trial and order.expires_at is None:
            field = "perpetual" if members.get("perpetual") else PLAN
            raise InputInvalidError(field=field, reason=ENDLESS)
        return order._replace(plan=plan.name, kind=TRIAL if plan.trial else None)
    if former is not None:
        return order._replace(
            plan=former.plan,
            kind=former.kind,
            stands_for=former.stands_for,
            despite=former.despite,
        )
    return order


def standing_in(order: Order, former: StoredLicense) -> Order:
    """*order*, as the stop-gap for *former*."""
    return order._replace(plan=former.plan, kind=STOP_GAP, stands_for=former.number)


def used(act: Act, order: Order, former: StoredLicense | None) -> str | None:
    """The kind of which *act* gives one more; None: of none, or *former* is that one.

    A trial that moves to another host is one more for that host.
    """
    if order.kind == TRIAL and former is not None and former.kind == TRIAL:
        return TRIAL if act.sets_term or _changes_host(former, order) else None
    if order.kind == STOP_GAP and not act.stands_in:
        return None
    return order.kind


def _changes_host(former: StoredLicense, order: Order) -> bool:
    """Whether *order* is for a host that is known by nothing by which that of *former* is."""
    tag = orders.telling_tag(issuing.claims_of(former).host.tags)
    same = order.request.key == former.host_key or (tag is not None and tag == order.host_tag)
    return not same


def check_goes_on(former: StoredLicense, act: Act) -> None:
    """Raise LicenseStateError where *act* would make more of a stop-gap than it is."""
    if former.kind == STOP_GAP and act in (RENEW, CHANGE):
        became = Reason(
            "is a stop-gap for {number}, which can be renewed or moved", number=former.stands_for
        )
        raise states.refusal(former, act, became)


class Drafted(Protocol):
    """What is planned (planning.Plan), as far as its kind depends on it."""

    @property
    def act(self) -> Act: ...  # noqa: D102
    @property
    def members(self) -> Mapping[str, Any]: ...  # noqa: D102
    @property
    def order(self) -> Order: ...  # noqa: D102
    @property
    def former(self) -> StoredLicense | None: ...  # noqa: D102
    @property
    def uses(self) -> str | None: ...  # noqa: D102
    @property
    def reason(self) -> str | None: ...  # noqa: D102


def only_moves(drafted: Drafted) -> bool:
    """Whether it is a trial that its customer has already, for another host."""
    former = drafted.former
    return former is not None and former.kind == TRIAL and not drafted.act.sets_term


class Before(NamedTuple):
    """The licence of the kind that there was before, and the refusal because of it."""

    number: str
    error: LicenseError

    @property
    def told(self) -> Reason:
        """The refusal's sentence, as a part of another one."""
        return Reason(self.error.row.sentence, **self.error.facts)


def before(
    connection: Connection, drafted: Drafted, customer_id: int | None, actor: Actor, now: int
) -> Before | None:
    """What keeps it from being of a kind that is given once; None: nothing does.

    *customer_id*: of whom it is for; None: of nobody yet.
    """
    if drafted.uses == TRIAL:
        return _trial_before(connection, drafted, customer_id)
    if drafted.uses == STOP_GAP and customer_id is not None:
        return _stop_gap_before(connection, drafted.order, customer_id, actor, now)
    return None


def is_exception(drafted: Drafted, actor: Actor) -> bool:
    """Whether a second one of what is given once is asked for, with a reason.

    Raises NotPermittedError, or InputInvalidError where there is no reason.
    """
    if not drafted.members.get(OVERRIDE):
        return False
    actor.need(PERMISSION, drafted.order.product)
    if drafted.reason is None:
        raise InputInvalidError(field=REASON, reason="a reason is required")
    return True


def despite_seen(stored: StoredLicense, actor: Actor) -> str | None:
    """The number of the licence before an exception, as far as *actor* may know it.

    Stop-gaps are counted over all products: who is for some of them only is told none.
    """
    return None if stored.kind == STOP_GAP and actor.products is not None else stored.despite


def _trial_before(
    connection: Connection, drafted: Drafted, customer_id: int | None
) -> Before | None:
    order, former = drafted.order, drafted.former
    asked, line = order.request, None
    if former is not None and only_moves(drafted):  # it may come back to where it was
        customer_id, line = None, former.line
    found = kind_store.earlier_trials(
        connection, order.product, customer_id, asked.key, order.host_tag, line
    )
    if not found:
        return None
    first = min(found, key=lambda one: one.id)
    if first.customer_id == customer_id:
        who = Reason("The customer {name}", name=order.customer)
    else:
        who = Reason("The host {name}", name=asked.name or asked.key)
    error = TrialUsedError(
        who=who, product=order.product, number=first.number, day=str(_issued_on(first))
    )
    return Before(first.number, error)


def _stop_gap_before(
    connection: Connection, order: Order, customer_id: int, actor: Actor, now: int
) -> Before | None:
    since = now - (WITHIN + 2) * DAY
    last = kind_store.newest_stop_gap(connection, customer_id, since)
    if last is None:
        return None
    again = _issued_on(last) + timedelta(WITHIN)
    if term_days.at(now, term_days.known_zone(last.zone)).date() >= again:
        return None
    seen = actor.may_use(last.product)
    error = StopGapUsedError(
        customer=order.customer,
        number=last.number if seen else Reason("another licence"),
        day=str(_issued_on(last)),
        again=str(again),
    )
    return Before(last.number, error)


def _issued_on(stored: StoredLicense) -> date:
    return term_days.at(stored.issued_at, term_days.known_zone(stored.zone)).date()


def check(
    connection: Connection, drafted: Drafted, actor: Actor, now: int, ids: tuple[int, int]
) -> Order:
    """The order, as it is recorded: it may be an exception by now.

    *ids*: of the customer and of the product. Raises TrialUsedError or StopGapUsedError where
    somebody was given one since it was planned, or ChangedMeanwhileError.
    """
    order = drafted.order
    if drafted.uses is None or order.despite is not None:
        return order
    customer_id, product_id = ids
    if not locks.live(connection, customer_id):
        raise ChangedMeanwhileError(what=Reason("customer {name}", name=order.customer))
    if drafted.uses == TRIAL:
        locks.product(connection, product_id)
    found = before(connection, drafted, customer_id, actor, now)
    if found is None:
        return order
    if not is_exception(drafted, actor):
        raise found.error
    return order._replace(despite=found.number)
