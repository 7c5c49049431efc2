"""Whose events somebody asks for: those of a customer, or of a licence and its lineage."""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from license_core.reason import Reason
from license_server.audit.audit_store import EventFilter
from license_server.catalog import catalog_store
from license_server.catalog.catalog_store import Customer
from license_server.db.errors import InputInvalidError
from license_server.licenses import license_store, typed_numbers

_MOST = 500
"""So many licences of a lineage, the newest."""
_KINDS = ("licenses", "customers")
"""What a customer's events are about."""


def of(
    connection: Connection,
    wanted: EventFilter,
    customer: str | None,
    number: str | None,
    *,
    strict: bool = True,
) -> EventFilter:
    """*wanted*, of the *customer* of this name and of the licence of this *number*, where given.

    Raises InputInvalidError where there is none of that name or number; unless *strict*, that one
    has no events.
    """
    if number:
        of_license = _read(_of_license, connection, number, strict=strict)
        wanted = wanted._replace(subjects=of_license)
    if customer:
        named = _read(_of_customer, connection, customer, strict=strict)
        both = wanted.subjects
        subjects = named if both is None else [one for one in both if one in named]
        wanted = wanted._replace(subjects=subjects, kinds=_KINDS)
    return wanted


def of_customer(connection: Connection, customer: Customer, former: Sequence[str]) -> EventFilter:
    """The events of a customer, who had the *former* names, and of its newest licences."""
    subjects = license_store.of_customer(connection, customer, former)
    return EventFilter(subjects=subjects, kinds=_KINDS)


def _read(
    read: Callable[[Connection, str], Sequence[str]],
    connection: Connection,
    typed: str,
    *,
    strict: bool,
) -> Sequence[str]:
    try:
        return read(connection, typed)
    except InputInvalidError:
        if strict:
            raise
        return ()


def _of_customer(connection: Connection, name: str) -> Sequence[str]:
    customer = catalog_store.customer_called(connection, name)
    if customer is None:
        reason = Reason("no customer has just this name")
        raise InputInvalidError(field="customer", reason=reason)
    former = catalog_store.former_names(connection, customer.id)
    return license_store.of_customer(connection, customer, former)


def _of_license(connection: Connection, typed: str) -> Sequence[str]:
    try:
        number = typed_numbers.number_meant(connection, typed.strip())
    except InputInvalidError as error:
        raise InputInvalidError(field="license", reason=error.reason) from error
    found = license_store.by_number(connection, number)
    if found is None:
        reason = Reason("no licence has just this number")
        raise InputInvalidError(field="license", reason=reason)
    line = license_store.newest_of_line(connection, found.line, _MOST)
    return [one.number for one in line]
