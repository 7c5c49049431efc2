"""Products, and the rules for their licences."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from sqlalchemy import Connection

from license_core import claims, strictjson
from license_core.claims import ClaimError
from license_core.errors import NotFoundError
from license_core.reason import Reason
from license_server.actor import Actor
from license_server.audit import digests, events
from license_server.catalog import catalog_store, fields, terms
from license_server.catalog.catalog_store import Product
from license_server.db.errors import (
    ChangedMeanwhileError,
    InputInvalidError,
    NameTakenError,
    or_not_found,
)

DEFAULTS = ("days", "edition", "features", "limits", "match", "notify_days", "grace_days")
"""The members of an order that a product may have a default for."""
MEMBERS = ("name", "defaults", "longest_days", "rehosts", "needs_approval")
_MOST_REHOSTS = 1_000_000
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
    find_product: FindProduct, members: Mapping[str, Any], *, defaults_applied: bool = False
) -> tuple[Product | None, dict[str, Any]]:
    """The product that an order names, and its *members* with the product's defaults.

    A default is taken where the order says nothing, unless *defaults_applied*. A null counts as
    absent.
    """
    given = {name: value for name, value in members.items() if value is not None}
    named: Any = given.get("product")
    known = isinstance(named, str) and claims.choice_name(named)
    product = find_product(named) if known else None
    standard = {} if defaults_applied else defaults(product)
    if any(name in given for name in terms.TERM[:3]):
        standard.pop("days", None)
    if given.get("perpetual"):
        standard.pop("notify_days", None)
        standard.pop("grace_days", None)
    return product, standard | given


def read(members: Mapping[str, Any]) -> dict[str, Any]:
    """The values in *members*; a null empties what may be empty. Raises InputInvalidError."""
    unknown = next((name for name in members if name not in MEMBERS), None)
    if unknown is not None:
        raise InputInvalidError(field=unknown, reason="there is no such member")
    given = {name: value for name, value in members.items() if value is not None}
    values: dict[str, Any] = {}
    try:
        if "name" in members:
            values["name"] = claims.required(fields.choice_name(given, "name"), "name")
        if "longest_days" in members:
            values["longest_days"] = claims.integer(
                given, "longest_days", least=1, most=terms.MAX_DAYS
            )
        if "rehosts" in members:
            values["rehosts"] = claims.integer(given, "rehosts", most=_MOST_REHOSTS)
        if "needs_approval" in members:
            if not isinstance(members["needs_approval"], bool):
                raise ClaimError("needs_approval", "it is neither true nor false")
            values["needs_approval"] = members["needs_approval"]
        if "defaults" in members:
            values["defaults"] = _defaults(given.get("defaults"))
    except ClaimError as error:
        raise InputInvalidError(field=error.claim, reason=error.reason) from error
    return values


def _defaults(given: Any) -> str | None:
    if not given and given in (None, {}):
        return None
    if not isinstance(given, dict):
        raise ClaimError("defaults", "it is not an object")
    unknown = next((name for name in given if name not in DEFAULTS), None)
    if unknown is not None:
        reason = Reason(
            "there is no default for it; there is for {allowed}", allowed=", ".join(DEFAULTS)
        )
        raise ClaimError(f"defaults.{unknown}", reason)
    terms.check_terms(given)
    return strictjson.dumps(given).decode("utf-8")


def add(connection: Connection, members: Mapping[str, Any], actor: Actor, now: int) -> Product:
    """Add a product. Raises InputInvalidError, NotPermittedError."""
    actor.need("products:write")
    values = read(members)
    name = values.pop("name", None)
    if name is None:
        raise InputInvalidError(field="name", reason="it is missing")
    actor.need("products:write", name)
    product = catalog_store.add_product(connection, name, now, **values)
    if product is None:
        raise NameTakenError(what="product", name=name)
    _record(connection, product, actor, "product.added", now)
    return product


def ensure(connection: Connection, name: str, actor: Actor, now: int) -> Product:
    """The product of this name, which is added with a first licence."""
    product = catalog_store.product_by_name(connection, name)
    if product is None:
        product = catalog_store.add_product(connection, name, now)
        if product is None:  # another process was first
            return find(connection, name)
        _record(connection, product, actor, "product.added", now)
    return product


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
    actor.need("products:write", name)
    values = read(members)
    former = find(connection, name)
    if expected is not None and expected != etag(former):
        raise ChangedMeanwhileError(what=Reason("product {name}", name=former.name))
    if values.pop("name", name) != name:
        reason = "a product keeps its name: it stands in the licences and in the product itself"
        raise InputInvalidError(field="name", reason=reason)
    if not values:
        return former
    product = catalog_store.change_product(connection, former.id, **values)
    _record(connection, product, actor, "product.changed", now)
    return product


def find(connection: Connection, name: str) -> Product:
    """The product of this name. Raises NotFoundError."""
    return or_not_found(
        catalog_store.product_by_name(connection, name), what="product", name=name[:64]
    )


def seen(connection: Connection, name: str, actor: Actor) -> Product:
    """The product of this name, if *actor* may see it. Raises NotFoundError."""
    if not actor.may_use(name):
        raise NotFoundError(what="product", name=name[:64])
    return find(connection, name)


def etag(product: Product) -> str:
    """What a caller names to say which state of the product it saw."""
    return digests.digest("products", product._asdict())


def rules(product: Product | None) -> str:
    """What names the rules of *product* as somebody saw them; one that is not there has none."""
    blank = Product(0, "", 0, None, None, None, needs_approval=False)
    return etag((product or blank)._replace(id=0, name="", created_at=0))


def _record(connection: Connection, product: Product, actor: Actor, action: str, now: int) -> None:
    row = ("products", product._asdict())
    events.record(connection, now, actor, action, product.name, rows=[row])
