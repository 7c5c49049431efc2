"""Customers: added on the first issue, or beforehand."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from license_core import claims
from license_core.claims import ClaimError
from license_core.errors import NotPermittedError
from license_core.reason import Reason
from license_server.actor import Actor
from license_server.catalog import catalog_store
from license_server.catalog.catalog_store import Customer
from license_server.catalog.faults import Faults
from license_server.catalog.fields import clean_text, present
from license_server.catalog.named_rows import NamedRows
from license_server.db.errors import (
    ChangedMeanwhileError,
    NameTakenError,
    or_not_found,
)

LANGUAGES = ("en", "zh")
MEMBERS = ("name", "contact_name", "contact_email", "language", "notes")
_TEXTS = ("name", "contact_name", "contact_email")
_LONGEST_NOTES = 4000
_ROWS = NamedRows(
    "customer",
    "customers",
    "customer.added",
    catalog_store.customer_by_name,
    catalog_store.add_customer,
)
find = _ROWS.find
ensure = _ROWS.ensure
etag = _ROWS.etag


def read(members: Mapping[str, Any]) -> dict[str, Any]:
    """The values in *members*; a null empties what may be empty.

    Raises InputInvalidError, which carries all that is wrong (faults.faults_of).
    """
    faults = Faults()
    values = read_into(members, faults)
    faults.check()
    return values


def read_into(members: Mapping[str, Any], faults: Faults) -> dict[str, Any]:
    """The values in *members* as far as they are right; *faults* takes what is wrong."""
    if not members:
        return {}
    faults.refuse_others(members, MEMBERS, "there is no such field")
    given = present(members)
    values = {
        member: faults.read(member, clean_text, given, member)
        for member in _TEXTS
        if member in members
    }
    if "name" in values and not values["name"]:
        faults.refuse("name", "it is missing")
    if "language" in members:
        values["language"] = faults.read("language", claims.one_of, given, "language", LANGUAGES)
    if "notes" in members:
        values["notes"] = faults.read("notes", _notes, given, "notes")
    return values


def _notes(given: Mapping[str, Any], member: str) -> str | None:
    notes = claims.text(given, member, longest=_LONGEST_NOTES)
    if "\0" in (notes or ""):
        raise ClaimError(member, "it has control characters")
    return notes


def add(connection: Connection, members: Mapping[str, Any], actor: Actor, now: int) -> Customer:
    """Add a customer. Raises InputInvalidError, NameTakenError, NotPermittedError."""
    actor.need("customers:write")
    return _ROWS.add(connection, read(members), actor, now)


def change(
    connection: Connection,
    id_: int,
    members: Mapping[str, Any],
    actor: Actor,
    now: int,
    expected: str | None = None,
) -> Customer:
    """Change a customer; *expected* is the digest of what the caller saw.

    Raises InputInvalidError, NotFoundError, NotPermittedError, ChangedMeanwhileError.
    """
    actor.need("customers:write")
    values = read(members)
    former = seen(connection, id_, actor)
    if _shared(connection, [former], actor):
        reason = Reason(
            "{name} cannot change customer {customer}, which also has licences for products that "
            "{name} has no access to",
            name=actor.name,
            customer=former.name,
        )
        raise NotPermittedError(reason=reason)
    if expected is not None and expected != etag(former):
        raise ChangedMeanwhileError(what=Reason("customer {name}", name=former.name))
    name = values.get("name")
    if name not in (None, former.name) and catalog_store.customer_by_name(connection, name):
        raise NameTakenError(what="customer", name=name)
    if not values:
        return former
    customer = catalog_store.change_customer(connection, id_, **values)
    return _ROWS.record(connection, customer, actor, "customer.changed", now)


def seen(connection: Connection, id_: int, actor: Actor) -> Customer:
    """The customer in this row as *actor* may see it. Raises NotFoundError.

    Who is for some products only sees the customers that have, or had, a licence of one of them;
    what colleagues noted of those that have one of another product too, they do not see.
    """
    found = catalog_store.customer_by_id(connection, id_, actor.products)
    return _as_seen(connection, [or_not_found(found, what="customer", name=str(id_))], actor)[0]


def listed(
    connection: Connection, after: str | None, limit: int, text: str | None, actor: Actor
) -> list[Customer]:
    """At most *limit* customers as *actor* may see them, in the order of their names, after one.

    *text*: of that name.
    """
    found = catalog_store.customers_after(connection, after, limit, text, actor.products)
    return _as_seen(connection, found, actor)


def _as_seen(connection: Connection, found: list[Customer], actor: Actor) -> list[Customer]:
    """Customers that *actor* may see, without what is not theirs to see."""
    shared = _shared(connection, found, actor)
    return [_bare(one) if one.id in shared else one for one in found]


def _bare(customer: Customer) -> Customer:
    """What who is for some products only sees of a customer that is not theirs alone."""
    return customer._replace(contact_name=None, contact_email=None, language=None, notes=None)


def _shared(connection: Connection, found: list[Customer], actor: Actor) -> set[int]:
    """Those that also have licences of products that *actor* is not for."""
    if actor.products is None:
        return set()
    return catalog_store.with_other_licences(connection, [one.id for one in found], actor.products)
