"""Customers: added on the first issue, or beforehand."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from license_core import claims
from license_core.claims import ClaimError
from license_core.errors import NotFoundError
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
    if expected is not None and expected != etag(former):
        raise ChangedMeanwhileError(what=Reason("customer {name}", name=former.name))
    name = values.get("name")
    if name not in (None, former.name) and catalog_store.customer_by_name(connection, name):
        raise NameTakenError(what="customer", name=name)
    if not values:
        return former
    customer = catalog_store.change_customer(connection, id_, **values)
    return _ROWS.record(connection, customer, actor, "customer.changed", now)


def by_id(connection: Connection, id_: int) -> Customer:
    """The customer in this row. Raises NotFoundError."""
    return or_not_found(
        catalog_store.customer_by_id(connection, id_), what="customer", name=str(id_)
    )


def seen(connection: Connection, id_: int, actor: Actor) -> Customer:
    """The customer in this row, if *actor* may see it. Raises NotFoundError.

    Who is for some products only sees the customers that have, or had, a licence of one of them.
    """
    customer = by_id(connection, id_)
    if actor.products is not None and not catalog_store.has_licence_of(
        connection, id_, actor.products
    ):
        raise NotFoundError(what="customer", name=str(id_))
    return customer
