"""Which licences somebody asks for: the filters of the desk, the API, a CSV export and the shell.

A filter has one name everywhere, takes one kind of text, and is refused in one way.
"""

import re
from collections.abc import Mapping
from datetime import date

from sqlalchemy import Connection

from license_core.reason import Reason
from license_server.catalog import catalog_store, typed
from license_server.catalog.faults import Faults
from license_server.db.errors import InputInvalidError
from license_server.licenses import term_days, typed_text
from license_server.licenses.search import Filter
from license_server.licenses.vocabulary import FILTERS, KINDS, STATES

_DAYS = ("expires_from", "expires_until", "expires_before")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def read(
    given: Mapping[str, str], products: frozenset[str] | None, *, by_program: bool = False
) -> Filter:
    """What *given* asks for, of FILTERS. *products*: only of these.

    *by_program*: days have one form only; of what people leave empty nothing is asked.

    Raises InputInvalidError, which carries all that is wrong (faults.faults_of).
    """
    faults = Faults()
    wanted = read_into(given, products, faults, by_program=by_program)
    faults.check()
    return wanted


def read_into(
    given: Mapping[str, str],
    products: frozenset[str] | None,
    faults: Faults,
    *,
    by_program: bool = False,
) -> Filter:
    """As ``read``, as far as it is right; *faults* takes what is wrong."""
    said = given if by_program else {name: text for name, text in given.items() if text}
    asked = {name: said.get(name) for name in FILTERS}
    state = _one_of("state", asked["state"], STATES, faults)
    kind = _one_of("kind", asked["kind"], KINDS, faults)
    first, last, before = (faults.read(name, _day, name, asked[name], by_program) for name in _DAYS)
    if before is not None:
        last = before - 1 if last is None else min(last, before - 1)
    return Filter(
        customer=asked["customer"],
        product=asked["product"],
        host_key=asked["host_key"],
        host_name=asked["host_name"],
        number=asked["number"],
        state=state,
        line=asked["line"],
        expires_from=first,
        expires_until=last,
        text=faults.read("q", _text, asked["q"]),
        plan=asked["plan"],
        kind=kind,
        products=products,
    )


def _text(typed: str | None) -> str | None:
    if typed:
        typed_text.check(typed, "q")
    return typed or None


def _one_of(name: str, value: str | None, allowed: tuple[str, ...], faults: Faults) -> str | None:
    """*value*, unless it is none of those *allowed*, which is noted."""
    if value in (None, *allowed):
        return value
    told = ", ".join(allowed)
    faults.refuse(name, Reason("{value!r} is not one of {allowed}", value=value, allowed=told))
    return None


def check_names(connection: Connection, wanted: Filter, faults: Faults) -> None:
    """Note in *faults* the filters that name a customer or a product that there is not."""
    named, product = wanted.customer, wanted.product
    if named is not None and catalog_store.customer_called(connection, named) is None:
        faults.refuse("customer", Reason("no customer has just this name"))
    if product is not None and catalog_store.product_by_name(connection, product) is None:
        faults.refuse("product", Reason("no product has just this name"))


def _day(name: str, text: str | None, by_program: bool) -> int | None:
    """The number of the day that a filter names."""
    if text is None:
        return None
    try:
        if by_program and not _DATE.fullmatch(text):
            raise ValueError("another form")
        return term_days.number_of(date.fromisoformat(typed.day(text)))
    except ValueError as error:
        reason = Reason("{value!r} is not a date such as 2027-12-31", value=text)
        raise InputInvalidError(field=name, reason=reason) from error
