"""Products, and the rules for their licences."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from sqlalchemy import Connection

from license_core import claims, strictjson
from license_core.errors import NotFoundError
from license_core.reason import Reason
from license_server.actor import Actor
from license_server.catalog import catalog_store, terms
from license_server.catalog.catalog_store import Product
from license_server.catalog.faults import Faults
from license_server.catalog.fields import choice_name, present, truth
from license_server.catalog.named_rows import NamedRows
from license_server.db.errors import (
    ChangedMeanwhileError,
    InputInvalidError,
)

DEFAULTS = ("days", "edition", "features", "limits", "match", "notify_days", "grace_days")
"""The members of an order that a product may have a default for."""
MEMBERS = ("name", "defaults", "longest_days", "rehosts", "needs_approval")
_MOST_REHOSTS = 1_000_000
_ROWS = NamedRows(
    "product", "products", "product.added", catalog_store.product_by_name, catalog_store.add_product
)
find = _ROWS.find
ensure = _ROWS.ensure
etag = _ROWS.etag
FindProduct = Callable[[str], Product | None]
"""Reads a product by its name."""


def finder(connection: Connection) -> FindProduct:
    """What reads products by their names, each once."""
    return cache(lambda name: catalog_store.product_by_name(connection, name))


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
    """The product that an order names, and its *members* with the product's defaults.

    A default is taken where the order says nothing, unless *defaults_applied*; *days* is the term
    where the product has no default for it. A null counts as absent.
    """
    given = present(members)
    named: Any = given.get("product")
    known = isinstance(named, str) and claims.choice_name(named)
    product = find_product(named) if known else None
    standard: dict[str, Any] = {} if days is None else {"days": days}
    if not defaults_applied:
        standard |= defaults(product)
    if any(name in given for name in terms.DURATIONS):
        standard.pop("days", None)
    if given.get("perpetual"):
        standard.pop("notify_days", None)
        standard.pop("grace_days", None)
    return product, standard | given


def read(members: Mapping[str, Any]) -> dict[str, Any]:
    """The values in *members*; a null empties what may be empty.

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
    faults.check()
    return values


def _name(given: Mapping[str, Any], member: str) -> Any:
    return claims.required(choice_name(given, member), member)


def _longest_days(given: Mapping[str, Any], member: str) -> int | None:
    return terms.read_days(given, member, 1)


def _rehosts(given: Mapping[str, Any], member: str) -> int | None:
    return claims.integer(given, member, most=_MOST_REHOSTS)


_READERS: dict[str, Callable[[Mapping[str, Any], str], Any]] = {
    "name": _name,
    "longest_days": _longest_days,
    "rehosts": _rehosts,
    "needs_approval": truth,
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
    """Add a product. Raises InputInvalidError, NameTakenError, NotPermittedError."""
    actor.need("products:write")
    values = read(members)
    actor.need("products:write", values.get("name"))
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

    Raises InputInvalidError, NotFoundError, NotPermittedError, ChangedMeanwhileError.
    """
    actor.need("products:write")
    values = read(members)
    former = seen(connection, name, actor)
    if expected is not None and expected != etag(former):
        raise ChangedMeanwhileError(what=Reason("product {name}", name=former.name))
    if values.pop("name", name) != name:
        reason = (
            "a product cannot be renamed: its name is in its licences and in the product itself"
        )
        raise InputInvalidError(field="name", reason=reason)
    if not values:
        return former
    product = catalog_store.change_product(connection, former.id, **values)
    return _ROWS.record(connection, product, actor, "product.changed", now)


def seen(connection: Connection, name: str, actor: Actor) -> Product:
    """The product of this name, if *actor* may see it. Raises NotFoundError."""
    if not actor.may_use(name):
        raise NotFoundError(what="product", name=name[:64])
    return find(connection, name)


def rules(product: Product | None) -> str:
    """What names the rules of *product* as somebody saw them; one that is not there has none."""
    blank = Product(0, "", 0, None, None, None, needs_approval=False)
    return etag((product or blank)._replace(id=0, name="", created_at=0))
