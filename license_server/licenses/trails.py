"""Whose events somebody asks for: those of a customer, or of a licence and its lineage."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from license_core.reason import Reason
from license_server.audit.audit_store import EventFilter
from license_server.catalog import catalog_store
from license_server.catalog.catalog_store import Customer
from license_server.db.errors import InputInvalidError
from license_server.db.questions import Questions, ask_all
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


class OfCustomer(NamedTuple):
    """What events may be about that are of a customer."""

    former: list[str]
    """What it was called before, the latest first."""
    numbers: list[str]
    """Of its newest licences."""

    def events(self, customer: Customer) -> EventFilter:
        """The events of *customer* and of these licences."""
        return EventFilter(subjects=[customer.name, *self.former, *self.numbers], kinds=_KINDS)


def of_customer(connection: Connection, id_: int) -> OfCustomer:
    """What events may be about that are of the customer in this row."""
    its: Questions = {
        "former": catalog_store.former_names(id_),
        "numbers": license_store.newest_of_customer(id_),
    }
    return OfCustomer(**ask_all(connection, its))


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
    return of_customer(connection, customer.id).events(customer).subjects or ()


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
