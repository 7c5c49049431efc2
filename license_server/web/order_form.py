"""The form for a first licence: it is parsed once, with all its faults, and told what it means."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection

from license_core import received
from license_core.errors import LicenseError
from license_core.reason import Reason
from license_core.request import LicenseRequest
from license_server.actor import Actor
from license_server.catalog import client_commands, plans, products, typed
from license_server.catalog.catalog_store import Product
from license_server.catalog.faults import Fault, Faults, faults_of
from license_server.catalog.plans import ProductPlan
from license_server.catalog.terms import WARNINGS, limits_of
from license_server.licenses import lookup, planning, tolerance
from license_server.licenses.acts import ISSUE, OVERRIDE, PLAN
from license_server.licenses.lookup import Known
from license_server.licenses.planning import ActRequest, Plan
from license_server.licenses.tolerance import Tolerance
from license_server.web import forms

DAYS = 365
"""The term where neither the form nor the product says one."""
_TEXTS = (
    *("customer", "product", "host", "edition", "match", "maintenance_until", "replaces"),
    *("contract", PLAN),
)
_NOT_NAMED = {
    "customer": "the request names no customer; enter it here",
    "product": "the request names no product; enter it here",
}
# Where an order is refused that has no fault of its own, the field that can be changed.
_FIELDS = {
    "LicenseStateError": "replaces",
    "RehostsUsedUpError": "replaces",
    "TermTooLongError": "days",
    "TrialUsedError": PLAN,
}


class TypedOrder(NamedTuple):
    """What a form says, as far as it makes values."""

    members: dict[str, Any]
    """Those of an order; what is blank is absent."""
    asked: LicenseRequest | None
    """What the operator's text says."""
    faults: tuple[Fault, ...]
    """What was typed that makes no value."""

    @property
    def unreadable(self) -> LicenseError | None:
        """Why the operator's text cannot be read."""
        return next((fault.error for fault in self.faults if fault.member == "host"), None)

    def act_request(self, rules: str | None = None) -> ActRequest:
        """The act that the form asks for; what is blank is taken from the operator's own text."""
        members, faults = self.members, Faults(self.faults)
        if self.asked is not None:
            members = lookup.completed(members, self.asked)
            for name, missing in _NOT_NAMED.items():
                if name not in members:
                    faults.refuse(name, missing)
        noted = tuple(faults)
        return ActRequest(ISSUE, members, rules=rules, days=DAYS, asked=self.asked, faults=noted)


class Reading(NamedTuple):
    """What is known of those whom a form names."""

    request: LicenseRequest | None
    """What the operator's text says."""
    error: LicenseError | None
    """Why the text cannot be read; None for a blank one too."""
    tolerance: Tolerance | None
    known: Known
    standards: dict[str, str]
    """Field to what is taken where it is left blank."""
    plans: list[ProductPlan]
    """Those of the product that a new licence may have."""


def parse(fields: Mapping[str, str]) -> TypedOrder:
    """The order that the form's *fields* make."""
    faults = Faults()
    members: dict[str, Any] = {
        name: fields[name].strip() for name in _TEXTS if fields.get(name, "").strip()
    }
    if "maintenance_until" in members:
        members["maintenance_until"] = typed.day(members["maintenance_until"])
    members |= numbers(fields, WARNINGS, faults) | term(fields, faults) | forms.reason_of(fields)
    if fields.get(OVERRIDE) == "yes":
        members[OVERRIDE] = True
    if features := forms.names_in(fields.get("features", "")):
        members["features"] = features
    if limits := forms.names_in(fields.get("limits", "")):
        members["limits"] = faults.read("limits", limits_of, limits)
    text = members.get("host")
    asked = None if text is None else faults.read("host", received.parse, text)
    return TypedOrder(members, asked, tuple(faults))


def numbers(fields: Mapping[str, str], names: tuple[str, ...], faults: Faults) -> dict[str, int]:
    """The numbers of days in those fields that are not blank."""
    return {
        name: faults.read(name, forms.number, fields, name)
        for name in names
        if fields.get(name, "").strip()
    }


def term(fields: Mapping[str, str], faults: Faults, days: str = "") -> dict[str, Any]:
    """The members of a term that the form's *fields* make; *days*: what it said at first.

    Who types a last day has chosen it, unless they chose or typed something else too.
    """
    zone = typed.time_zone(fields.get("time_zone", "")) or "UTC"
    made: dict[str, Any] = {"time_zone": zone}
    chosen, last_day = fields.get("term", "days"), typed.day(fields.get("expires", ""))
    if chosen == "days" and last_day and fields.get("days", "").strip() in ("", days):
        chosen = "expires"
    if chosen != "expires" and last_day:
        reason = "a last day is given but not chosen: choose “until the end of”, or clear the date"
        faults.refuse("expires", reason)
    if chosen == "perpetual":
        made["perpetual"] = True
    elif chosen == "expires" and last_day:
        made["expires"] = last_day
    elif chosen == "expires":
        faults.refuse("expires", "the last day is missing")
    elif chosen == "days":
        made |= numbers(fields, ("days",), faults)
    else:
        reason = Reason("{value!r} is not one of days, expires and perpetual", value=chosen)
        faults.refuse("days", reason)
    return made


def read(connection: Connection, typed: TypedOrder, now: int) -> Reading:
    """What is known at the instant *now* of those whom a form names."""
    asked, named = typed.asked, typed.members
    customer = named.get("customer") or (asked and asked.customer) or ""
    product = named.get("product") or (asked and asked.product) or ""
    known = lookup.known(connection, asked and asked.key, customer, product, now)
    return Reading(
        request=asked,
        error=typed.unreadable,
        tolerance=tolerance.of(asked, client_commands.of(known.product)) if asked else None,
        known=known,
        standards=_standards(asked, known.product, named.get(PLAN)),
        plans=[one for one in plans.of(known.product).values() if not one.archived],
    )


def plan(connection: Connection, typed: TypedOrder, actor: Actor, now: int) -> Plan:
    """What a form would issue. Raises as planning.plan does."""
    return planning.plan(connection, typed.act_request(), actor, now, with_notices=True)


def plan_if_right(connection: Connection, typed: TypedOrder, actor: Actor, now: int) -> Plan | None:
    """What a form would issue; None while something is missing or wrong, as it will be told."""
    try:
        return plan(connection, typed, actor, now)
    except LicenseError:
        return None


def faults_at(fields: Mapping[str, str], error: LicenseError) -> dict[str, LicenseError]:
    """Every field that is wrong, and why; none where *error* is about no field of the form."""
    wrong = {fault.member: fault.error for fault in faults_of(error)}
    if not wrong and type(error).__name__ in _FIELDS:
        return {_FIELDS[type(error).__name__]: error}
    if "host" in wrong and fields.get("host", "").strip():
        for name in _NOT_NAMED:  # whether the text would have named them cannot be known
            if not fields.get(name, "").strip():
                wrong.pop(name, None)
    return wrong


def _standards(
    asked: LicenseRequest | None, product: Product | None, plan: str | None
) -> dict[str, str]:
    """What is taken for each field that is left blank, as the form would have it typed."""
    members: dict[str, Any] = {"days": DAYS} | products.defaults(product)
    chosen = plans.named(product, plan)
    members |= {} if chosen is None else chosen.terms
    if asked is not None:
        members = {"customer": asked.customer, "product": asked.product} | members
    return {name: forms.typed(value) for name, value in members.items() if value is not None}
