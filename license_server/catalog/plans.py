"""Plans: named sets of what an order for a product leaves open, such as *Pro* or *Trial 30 days*.

They are kept with their product, and a licence keeps the name of its plan; so a plan is never
renamed or removed, but archived: then no new licence takes it. One that is marked as a trial is for
a customer, and for a host, once (licenses/kinds.py).
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from license_core import strictjson
from license_core.reason import Reason
from license_server.catalog import near, terms
from license_server.catalog.catalog_store import Product
from license_server.catalog.errors import PlanUnknownError
from license_server.catalog.faults import Faults
from license_server.catalog.fields import clean_text, present, truth
from license_server.catalog.names import alike_key
from license_server.catalog.offered import Offered
from license_server.db.errors import InputInvalidError

LONGEST_NAME = 60
MOST = 100
"""So many plans may a product have."""
TRUTHS = ("trial", "archived")
MEMBERS = (*terms.DEFAULTS, *TRUTHS)
"""What a plan has: members of an order, and whether it is a trial, or archived."""


class ProductPlan(NamedTuple):
    """A plan of a product."""

    name: str
    terms: Mapping[str, Any]
    """The members of an order that are taken where it has none."""
    trial: bool = False
    archived: bool = False

    def told(self) -> dict[str, Any]:
        """What it has, as the API tells it and the product's row keeps it."""
        return {**self.terms, **{name: True for name in TRUTHS if getattr(self, name)}}


def of(product: Product | None) -> dict[str, ProductPlan]:
    """The plans of *product* by their names, in the order of these."""
    return {} if product is None else kept(product.plans)


def kept(text: str | None) -> dict[str, ProductPlan]:
    """The plans in the column of a product."""
    if text is None:
        return {}
    found: dict[str, dict[str, Any]] = strictjson.loads(text.encode("utf-8"))
    return {name: _plan(name, found[name]) for name in sorted(found, key=str.casefold)}


def _plan(name: str, members: Mapping[str, Any]) -> ProductPlan:
    given = {member: value for member, value in members.items() if member not in TRUTHS}
    return ProductPlan(name, given, *(bool(members.get(truth_)) for truth_ in TRUTHS))


def named(product: Product | None, name: Any) -> ProductPlan | None:
    """The plan that an order calls so, in any case or width; None where there is none."""
    there = of(product)
    if not isinstance(name, str) or name in there:
        return there.get(name) if isinstance(name, str) else None
    wanted = alike_key(name)
    alike = [one for one in there if wanted is not None and alike_key(one) == wanted]
    return there[alike[0]] if len(alike) == 1 else None


def chosen(product: Product | None, name: Any, *, archived: bool = False) -> ProductPlan | None:
    """The plan that an order names; *archived*: or named before it was archived.

    Raises ClaimError, PlanUnknownError.
    """
    name = clean_text({"plan": name}, "plan", LONGEST_NAME)
    found = named(product, name)
    if found is not None and (archived or not found.archived):
        return found
    there = [plan.name for plan in of(product).values() if not plan.archived]
    if found is not None:
        reason = Reason("it is archived, and takes no new licences")
    elif alike := near.near(str(name), of(product)):
        reason = Reason("{names} has nearly the same name", names=", ".join(alike))
    elif there:
        reason = Reason("those that it has are {plans}", plans=", ".join(there))
    else:
        reason = Reason("it has none")
    called = "" if product is None else product.name
    raise PlanUnknownError(field="plan", product=called, plan=str(name), reason=reason)


def read(members: Mapping[str, Any], faults: Faults) -> dict[str, Any]:
    """What a plan has: *members* that say something; what is wrong with them goes to *faults*."""
    faults.refuse_others(members, MEMBERS, _only(MEMBERS))
    given = present(members)
    for member in TRUTHS:
        if member in given and not faults.read(member, truth, given, member):
            del given[member]
    terms.check_terms(given, faults)
    if given.get("trial") and "days" not in given and not faults:
        faults.refuse("days", "a trial needs a term")
    return given


def merged(product: Product | None, given: Any, faults: Faults) -> str | None:
    """The column ``plans`` of *product* with what is *given* of each plan (RFC 7396).

    A plan that is not named stays; of one that is, a member that is absent stays, and a null clears
    it.
    """
    there = {name: plan.told() for name, plan in of(product).items()}
    if given is None and not there:
        return None
    if not isinstance(given, Mapping):
        faults.refuse("plans", "it is not an object")
        return None
    for name, members in given.items():
        clean = faults.read("plans", clean_text, {"plans": name}, "plans", LONGEST_NAME)
        if not isinstance(members, Mapping):
            faults.refuse("plans", "a plan is an object, and archived rather than removed")
        elif clean is not None:
            own = Faults()
            there[clean] = read({**there.get(clean, {}), **members}, own)
            for fault in own:
                at = f"plans.{clean}.{fault.field}"
                faults.note(at, InputInvalidError(field=at, reason=_reason(fault.error)))
    if len(there) > MOST:
        faults.refuse("plans", Reason("a product has at most {most} plans", most=MOST))
    return strictjson.dumps(there).decode("utf-8") if there and not faults else None


def clean_name(name: str) -> str:
    """The *name* of a new plan. Raises InputInvalidError."""
    faults = Faults()
    clean = faults.read("name", clean_text, {"name": name or None}, "name", LONGEST_NAME)
    if clean is None and not faults:
        faults.refuse("name", "it is missing")
    faults.check()
    return str(clean)


def all_names(products: Iterable[Offered]) -> list[str]:
    """The names of the plans that a new licence of one of these *products* may have."""
    each = (one for product in products for one in kept(product.plans).values())
    there = {one.name for one in each if not one.archived}
    return sorted(there, key=str.casefold)


def alike(product: Product, name: str) -> list[str]:
    """The plans of *product* that people might take for the one of this name (near.py)."""
    return near.near(name, of(product))


def told(product: Product) -> dict[str, Any]:
    """The plans of *product*, as the audit log tells of them: each member under its plan's name."""
    found: dict[str, Any] = {}
    for name, plan in of(product).items():
        found[f"plans.{name}.trial"] = plan.trial
        found |= {f"plans.{name}.{member}": value for member, value in plan.terms.items()}
        found |= {f"plans.{name}.archived": True} if plan.archived else {}
    return found


def _only(allowed: tuple[str, ...]) -> Reason:
    return Reason("there is no such field; the fields are {allowed}", allowed=", ".join(allowed))


def _reason(error: Any) -> str:
    reason: str = error.facts["reason"]
    return reason
