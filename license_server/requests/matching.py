"""Whose request it is, and for which product: from what is known of it to the likeliest answer.

Pure. The clues are asked in an order, the surest first: what somebody said who filed it, a
licence's number, what the client wrote into its request, the host, the sender's address, and the
domain of that. Where a later clue says something else, that is a doubt, and a person is told.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from license_server.catalog import mail_domains

GIVEN, NUMBER, REQUEST, HOST = "given", "number", "request", "host"
ADDRESS, DOMAIN, NEW_NAME = "address", "domain", "name"
ALONE, ONLY = "alone", "only"
CLUES = (GIVEN, NUMBER, REQUEST, HOST, ADDRESS, DOMAIN, NEW_NAME, ALONE, ONLY)
"""By what a customer or a product is known, the surest first."""


class Clue(NamedTuple):
    """Something that is known, and by what."""

    value: str
    by: str
    """One of CLUES."""


class Known(NamedTuple):
    """What a request, its sender and the ledger say."""

    given_customer: str | None = None
    """Who filed it said so."""
    given_product: str | None = None
    licensed: tuple[str, str] | None = None
    """Customer and product of the licence that it speaks of, or that had its host before."""
    by_number: bool = False
    """Whether that licence's number is in the text."""
    asked_customer: str | None = None
    """Whom the client's request names."""
    is_customer: bool = False
    """Whether there is a customer of that name."""
    asked_product: str | None = None
    of_address: tuple[str, ...] = ()
    """The customers whose contact is the sender."""
    of_domain: tuple[str, ...] = ()
    """Those whose contact has an address of the same domain."""
    products_of: Mapping[str, tuple[str, ...]] = {}  # never changed
    """The products of each of these customers."""
    all_products: tuple[str, ...] = ()


class Matched(NamedTuple):
    """Whose it is, and for what."""

    customer: Clue | None
    product: Clue | None
    doubts: tuple[Clue, ...] = ()
    """Other customers, by later clues."""


def match(known: Known) -> Matched:
    """What follows from what is *known*."""
    customers = list(_customers(known))
    customer = _surest(customers)
    doubts = {one.value: one for one in reversed(customers) if one.value != customers[0].value}
    product = _surest(list(_products(known, customer)))
    return Matched(customer, product, tuple(reversed(doubts.values())))


def _surest(clues: list[Clue]) -> Clue | None:
    """The first of *clues*; what somebody said by what else says so, where something does."""
    if not clues:
        return None
    first = clues[0]
    return next((one for one in clues[1:] if first == (one.value, GIVEN)), first)


def domain_of(address: str | None) -> str | None:
    """The domain of an *address* that may tell of a customer; None: none."""
    domain = (address or "").rpartition("@")[2].strip().strip("<>.").lower()
    return domain if "." in domain and domain not in mail_domains.SHARED else None


def _customers(known: Known) -> Iterable[Clue]:
    if known.given_customer:
        yield Clue(known.given_customer, GIVEN)
    if known.licensed and known.by_number:
        yield Clue(known.licensed[0], NUMBER)
    if known.asked_customer and known.is_customer:
        yield Clue(known.asked_customer, REQUEST)
    if known.licensed and not known.by_number:
        yield Clue(known.licensed[0], HOST)
    for of, by in ((known.of_address, ADDRESS), (known.of_domain, DOMAIN)):
        if len(of) == 1:
            yield Clue(of[0], by)
    if known.asked_customer and not known.is_customer:
        yield Clue(known.asked_customer, NEW_NAME)


def _products(known: Known, customer: Clue | None) -> Iterable[Clue]:
    if known.given_product:
        yield Clue(known.given_product, GIVEN)
    if known.asked_product:
        yield Clue(known.asked_product, REQUEST)
    if known.licensed:
        yield Clue(known.licensed[1], NUMBER if known.by_number else HOST)
    of = known.products_of.get(customer.value, ()) if customer else ()
    if len(of) == 1:
        yield Clue(of[0], ALONE)
    if not of and len(known.all_products) == 1:
        yield Clue(known.all_products[0], ONLY)
