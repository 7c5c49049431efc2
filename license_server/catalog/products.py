"""Products, and the rules for their licences."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from license_core import claims, strictjson
from license_core.errors import NotFoundError
from license_core.reason import Reason
from license_server.actor import Actor
from license_server.catalog import catalog_store, client_commands, near, plans, reminders, terms
from license_server.catalog.catalog_store import Product
from license_server.catalog.errors import PlanUnknownError, ProductUnknownError
from license_server.catalog.faults import Faults
from license_server.catalog.fields import choice_name, clean_text, present, truth
from license_server.catalog.named_rows import NamedRows
from license_server.db.errors import (
    InputInvalidError,
    NameTakenError,
)

DEFAULTS = terms.DEFAULTS
"""The members of an order that a product may have a default for."""
MEMBERS = (
    *("name", "title", "defaults", "longest_days", "rehosts", "needs_approval"),
    *("plans", "commands", "reminders", "mail_plan", "mail_daily", "mail_moves"),
)
DAILY, MOST_DAILY = 3, 1000
"""So many licences a day a customer gets without a person: unless told otherwise, and at most."""
_MOST_REHOSTS = 1_000_000
_RULES = (
    *("title", "longest_days", "rehosts", "needs_approval"),
    *("mail_plan", "mail_daily", "mail_moves"),
)


def _told(product: Product) -> dict[str, Any]:
    of_orders = {f"defaults.{member}": value for member, value in defaults(product).items()}
    rules_ = {name: getattr(product, name) for name in _RULES}
    archived = {"archived": product.archived_at is not None or None}
    commands = {f"commands.{name}": it for name, it in client_commands.given(product).items()}
    own = {} if product.letters is None else strictjson.loads(product.letters.encode("utf-8"))
    letters = {f"letters.{kind}.{lang}": it for kind, of in own.items() for lang, it in of.items()}
    words = commands | letters | reminders.told(product)
    return {"name": product.name} | rules_ | of_orders | plans.told(product) | archived | words


_ROWS = NamedRows(
    "product",
    lambda name: Reason("product {name}", name=name),
    "products",
    "product.added",
    "product.archived",
    "product.unarchived",
    catalog_store.product_by_name,
    catalog_store.add_product,
    catalog_store.change_product,
    _told,
)
find = _ROWS.find
ensure = _ROWS.ensure
etag = _ROWS.etag
expect = _ROWS.expect
FindProduct = Callable[[str], Product | None]
"""Reads a product by its name."""


def defaults(product: Product | None) -> dict[str, Any]:
    """The members that are taken where an order for *product* has none."""
    if product is None or product.defaults is None:
        return {}
    found: dict[str, Any] = strictjson.loads(product.defaults.encode("utf-8"))
    return found


def filled(
    find_product: FindProduct,
    members: Mapping[str, Any],
    *,
    defaults_applied: bool = False,
    days: int | None = None,
) -> tuple[Product | None, dict[str, Any]]:
    """The product that an order names, and its *members* with what is taken where they are silent.

    That is what its plan says, then the product's defaults, unless *defaults_applied*; *days* is
    the term where the product has no default for it. A null counts as absent.
    """
    given = present(members)
    named: Any = given.get("product")
    known = isinstance(named, str) and claims.choice_name(named)
    product = find_product(named) if known else None
    standard: dict[str, Any] = {} if days is None else {"days": days}
    if not defaults_applied:
        standard |= defaults(product)
        plan = plans.named(product, given.get("plan"))
        standard |= {} if plan is None else plan.terms
    if any(name in given for name in terms.DURATIONS):
        standard.pop("days", None)
    if given.get("perpetual"):
        standard.pop("notify_days", None)
        standard.pop("grace_days", None)
    return product, standard | given


def read(members: Mapping[str, Any], former: Product | None = None) -> dict[str, Any]:
    """The values in *members*; a null empties what may be empty. Plans are added to *former*'s.

    Raises InputInvalidError, which carries all that is wrong (faults.faults_of).
    """
    faults = Faults()
    faults.refuse_others(members, MEMBERS, "there is no such field")
    given = present(members)
    values = {
        member: faults.read(member, reader, given, member)
        for member, reader in _READERS.items()
        if member in members
    }
    if "defaults" in members:
        values["defaults"] = _defaults(members["defaults"], faults)
    if "plans" in members:
        values["plans"] = plans.merged(former, members["plans"], faults)
    if "commands" in members:
        values["commands"] = client_commands.read(members["commands"], faults)
    if "reminders" in members:
        values["reminders"] = reminders.read(members["reminders"], faults)
    faults.check()
    return values


def _dated(values: dict[str, Any], former: Product | None, now: int) -> dict[str, Any]:
    """*values* as they are stored, when they are set at the instant *now*."""
    if "reminders" in values:
        values["reminders"] = reminders.kept(former, values["reminders"], now)
    return values


def _check_mail_plan(values: Mapping[str, Any], former: Product | None) -> None:
    """Raise PlanUnknownError where mails are to be answered by a plan that there is not."""
    named = values.get("mail_plan")
    if named is None or (former is not None and named == former.mail_plan):
        return
    there = plans.kept(values.get("plans", former and former.plans)).values()
    known = [plan.name for plan in there if not plan.archived]
    if named not in known:
        reason = Reason("it has none")
        if known:
            reason = Reason("those that it has are {plans}", plans=", ".join(known))
        name = former.name if former else values["name"]
        raise PlanUnknownError(field="mail_plan", product=name, plan=named, reason=reason)


def _name(given: Mapping[str, Any], member: str) -> Any:
    return claims.required(choice_name(given, member), member)


def _longest_days(given: Mapping[str, Any], member: str) -> int | None:
    return terms.read_days(given, member, 1)


def _rehosts(given: Mapping[str, Any], member: str) -> int | None:
    return claims.integer(given, member, most=_MOST_REHOSTS)


_READERS: dict[str, Callable[[Mapping[str, Any], str], Any]] = {
    "name": _name,
    "title": clean_text,
    "longest_days": _longest_days,
    "rehosts": _rehosts,
    "needs_approval": truth,
    "mail_plan": lambda given, member: clean_text(given, member, plans.LONGEST_NAME),
    "mail_daily": lambda given, member: claims.integer(given, member, least=1, most=MOST_DAILY),
    "mail_moves": lambda given, member: truth(given, member) or None,
}


def _defaults(given: Any, faults: Faults) -> str | None:
    if not given and given in (None, {}):
        return None
    if not isinstance(given, dict):
        faults.refuse("defaults", "it is not an object")
        return None
    reason = Reason("it cannot have a default; these can: {allowed}", allowed=", ".join(DEFAULTS))
    for member in given:
        if member not in DEFAULTS:
            faults.refuse(f"defaults.{member}", reason)
    terms.check_terms(given, faults)
    return None if faults else strictjson.dumps(given).decode("utf-8")


def add(connection: Connection, members: Mapping[str, Any], actor: Actor, now: int) -> Product:
    """Add a product. Raises as ``change`` does, or NameTakenError."""
    actor.need("products:write")
    values = _dated(read(members), None, now)
    actor.need("products:write", values.get("name"))
    if "name" in values:
        _check_mail_plan(values, None)
    return _ROWS.add(connection, values, actor, now)


def change(
    connection: Connection,
    name: str,
    members: Mapping[str, Any],
    actor: Actor,
    now: int,
    expected: str | None = None,
) -> Product:
    """Change a product's rules; *expected* is the digest of what the caller saw.

    Raises InputInvalidError, NotFoundError, NotPermittedError, ChangedMeanwhileError,
    PlanUnknownError.
    """

    def values(former: Product) -> dict[str, Any]:
        found = read(members, former)
        _ROWS.expect(former, expected)
        _check_mail_plan(found, former)
        if found.pop("name", name) != name:
            reason = (
                "a product cannot be renamed: its name is in its licences and in the product "
                "itself; give it a title"
            )
            raise InputInvalidError(field="name", reason=reason)
        return _dated(found, former, now)

    return change_by(connection, name, values, actor, now)


def add_plan(
    connection: Connection,
    name: str,
    plan: str,
    members: Mapping[str, Any],
    actor: Actor,
    now: int,
) -> Product:
    """Add a plan to a product. Raises as ``change`` does, or NameTakenError."""

    def values(former: Product) -> dict[str, Any]:
        clean = plans.clean_name(plan)
        if clean in plans.of(former):
            raise NameTakenError(what="plan", name=clean)
        return read({"plans": {clean: members}}, former)

    return change_by(connection, name, values, actor, now)


def change_plan(
    connection: Connection,
    name: str,
    plan: str,
    members: Mapping[str, Any],
    actor: Actor,
    now: int,
    expected: str | None = None,
) -> Product:
    """Change a plan of a product; a null clears what it has. Raises as ``change`` does."""

    def values(former: Product) -> dict[str, Any]:
        if plan not in plans.of(former):
            raise NotFoundError(what="plan", name=plan[:64])
        found = read({"plans": {plan: members}}, former)
        _ROWS.expect(former, expected)
        return found

    return change_by(connection, name, values, actor, now)


def change_by(
    connection: Connection,
    name: str,
    values: Callable[[Product], Mapping[str, Any]],
    actor: Actor,
    now: int,
) -> Product:
    """Change a product by the columns that *values* makes of it as it is, and record that.

    Raises what *values* raises, NotFoundError, NotPermittedError.
    """
    actor.need("products:write")
    former = seen(connection, name, actor)
    changed = values(former)
    if not changed:
        return former
    product = catalog_store.change_product(connection, former.id, **changed)
    if product == former:
        return former
    return _ROWS.record(connection, product, actor, "product.changed", now, former)


def archive(
    connection: Connection, name: str, actor: Actor, now: int, *, archived: bool = True
) -> Product:
    """Let a product take no new licences, or take them again. Those it has stay as they are.

    Raises NotFoundError, NotPermittedError.
    """
    actor.need("products:write")
    former = seen(connection, name, actor)
    return _ROWS.archive(connection, former, actor, now, archived=archived)


def alike(connection: Connection, name: str, actor: Actor) -> list[str]:
    """The products that *actor* may see and that people might take for this one (near.py)."""
    return near.near(name, catalog_store.product_names(connection, actor.products))


def check_addition(name: str, alike: Sequence[str], actor: Actor) -> None:
    """Raise ProductUnknownError unless an order of *actor* may add a product of this name.

    Whoever may add products does so by ordering, where the name is no typing error for one of
    those that are *alike*.
    """
    if alike:
        names = ", ".join(alike)
        reason = Reason("{names} has nearly the same name", names=names)
    elif "products:write" in actor.permissions:
        return
    else:
        reason = Reason("it has to be added first, by somebody who may add products")
    raise ProductUnknownError(field="product", product=name, reason=reason)


def seen(connection: Connection, name: str, actor: Actor) -> Product:
    """The product of this name, if *actor* may see it. Raises NotFoundError."""
    if not actor.may_use(name):
        raise NotFoundError(what="product", name=name[:64])
    return find(connection, name)


def rules(product: Product | None) -> str:
    """What names the rules of *product* as somebody saw them; one that is not there has none."""
    blank = Product(0, "", 0, None, None, None, needs_approval=False)
    bare = (product or blank)._replace(id=0, name="", created_at=0, title=None, archived_at=None)
    bare = bare._replace(mail_plan=None, mail_daily=None, mail_moves=None)
    return etag(bare._replace(commands=None, letters=None, reminders=None))
