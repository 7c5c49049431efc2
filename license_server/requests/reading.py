"""Reads a request: its host, whose it is, and what the ledger has of the same host.

Made anew whenever somebody looks, as far as they may see: what is of another product is not there.
"""

from typing import NamedTuple

from sqlalchemy import Connection

from license_core import received
from license_core.claims import ClaimError
from license_core.errors import LicenseError
from license_core.reason import Reason
from license_core.request import LicenseRequest
from license_server.actor import Actor
from license_server.catalog import catalog_store, domain_store, fields
from license_server.db.questions import Questions, ask_all, known
from license_server.licenses import (
    diagnosing,
    host_changes,
    issuing,
    license_store,
    lookup,
    symptoms,
)
from license_server.licenses.diagnosing import Diagnosis
from license_server.licenses.host_changes import HostChange
from license_server.licenses.license_store import StoredLicense
from license_server.requests import clue_store, matching
from license_server.requests.incoming import Received
from license_server.requests.matching import Clue, Known, Matched

_FEW = 5


class Reading(NamedTuple):
    """What a request means, as far as one may see."""

    diagnosis: Diagnosis
    """What the text says of a client's trouble, and of which licence."""
    asked: LicenseRequest | None
    """The host that it is for; None: none can be read."""
    host: str | None
    """The same as an order takes it."""
    matched: Matched
    earlier: StoredLicense | None
    """The newest licence of the lineage that it speaks of, or that had this host before."""
    change: HostChange | None
    """What differs from that licence's host; None: it is the same."""
    here: StoredLicense | None
    """The licence that this customer has for this product on this host, as it is."""
    near: StoredLicense | None = None
    """The licence of this customer whose host key was perhaps mistyped."""

    @property
    def why_no_host(self) -> Reason:
        """Why no host can be read."""
        unread = self.diagnosis.symptoms.unread
        return unread[0] if unread else Reason("nothing in it names one")

    @property
    def may_move(self) -> bool:
        """Whether the earlier licence may be meant to go on here.

        It is in force, and of the same customer and product, as far as these are known.
        """
        earlier, matched = self.earlier, self.matched
        if earlier is None or self.change is None or self.here is not None:
            return False
        of_it = ((matched.customer, earlier.customer), (matched.product, earlier.product))
        return earlier.state == "active" and all(
            clue is None or clue.value == value for clue, value in of_it
        )


def read(connection: Connection, came: Received, actor: Actor, now: int) -> Reading:
    """What *came* in means at the instant *now*, for *actor*."""
    looking = actor._replace(permissions=actor.permissions | {"licenses:read"})
    number = came.about or _in_subject(came)
    diagnosis = diagnosing.diagnose(connection, came.text, looking, now, number, came.customers)
    host = came.host or _named(came, diagnosis)
    asked = _asked(host)
    matched = matching.match(_known(connection, came, diagnosis, asked, actor))
    drafted = Reading(diagnosis, asked, host if asked else None, matched, None, None, None)
    return _with_licences(connection, drafted, actor, now)


def _in_subject(came: Received) -> str | None:
    """The number of a licence in the subject of a mail whose text has none."""
    if not came.subject or symptoms.numbers(came.text):
        return None
    return next(iter(symptoms.numbers(came.subject)), None)


def _named(came: Received, diagnosis: Diagnosis) -> str | None:
    """The host that the text names.

    Of a mail all lines were read already (mail/host_lines.py), which knows what is none there: the
    digits in a signature or a link. What a client printed counts.
    """
    found = diagnosis.symptoms
    if came.source == "mail" and found.request is not None and found.request.tags is None:
        found = found._replace(request=None)
        return None if found.host_key is None else found.host_text
    return diagnosis.host_text


def _asked(host: str | None) -> LicenseRequest | None:
    if host is None:
        return None
    try:
        return received.parse(host)
    except LicenseError:
        return None


def _known(
    connection: Connection,
    came: Received,
    diagnosis: Diagnosis,
    asked: LicenseRequest | None,
    actor: Actor,
) -> Known:
    of, sender = actor.products, came.sender_address
    domain, meant = matching.domain_of(sender), diagnosis.newest
    said = _name(asked.customer) if asked else None
    found = catalog_store.customer_called(connection, said, of) if said else None
    given = came.customer and catalog_store.customer_called(connection, came.customer, of)
    clues: Questions = {
        "address": clue_store.customers_of_address(sender, of) if sender else known([]),
        "domain": clue_store.customers_of_domain(domain, of) if domain else known([]),
        "products": clue_store.all_products(),
    }
    told = ask_all(connection, clues)
    of_address, of_domain, all_ = told["address"], told["domain"], told["products"]
    if of is None and domain and (own := domain_store.customers_with(connection, domain)):
        of_domain = [one.name for one in own if one.archived_at is None]
    licensed = None if meant is None else (meant.customer, meant.product)
    named = [given.name if given else came.customer, found and found.name, *of_address, *of_domain]
    everybody = {name for name in (*named, licensed and licensed[0]) if name}
    products = ask_all(connection, {name: clue_store.products_of(name) for name in everybody})
    return Known(
        given_customer=given.name if given else came.customer,
        given_product=came.product,
        licensed=licensed,
        by_number=named_by_number(diagnosis),
        asked_customer=found.name if found else said,
        is_customer=found is not None,
        asked_product=_product(connection, asked, actor),
        of_address=tuple(of_address),
        of_domain=tuple(of_domain),
        products_of={name: _seen(some, actor) for name, some in products.items()},
        all_products=_seen(all_, actor),
    )


def named_by_number(diagnosis: Diagnosis) -> bool:
    """Whether the text has the number of the licence that is meant."""
    meant = diagnosis.license
    return meant is not None and meant.number in diagnosis.symptoms.numbers


def _seen(products: list[str], actor: Actor) -> tuple[str, ...]:
    return tuple(one for one in products if actor.may_use(one))


def _name(customer: str | None) -> str | None:
    """A customer's name as it would be written down; None for what is none."""
    try:
        return fields.clean_text({"customer": customer}, "customer") if customer else None
    except ClaimError:
        return None


def _product(connection: Connection, asked: LicenseRequest | None, actor: Actor) -> str | None:
    """The product that a client's request names, if there is one of that name."""
    name = asked.product if asked else None
    if not name or not name.isprintable() or not actor.may_use(name):
        return None
    found = catalog_store.product_by_name(connection, name)
    return found.name if found else None


def _with_licences(connection: Connection, drafted: Reading, actor: Actor, now: int) -> Reading:
    """*drafted*, with what there is of the same host."""
    asked, earlier = drafted.asked, drafted.diagnosis.newest
    customer, product = drafted.matched.customer, drafted.matched.product
    if asked is None:
        return drafted._replace(earlier=earlier)
    here = None
    if customer is not None and product is not None:
        here = _here(connection, asked, customer, product, now)
        if earlier is None and here is None:
            alike = lookup.alike(connection, customer.value, product.value, asked, now)
            earlier = alike[0][0] if len(alike) == 1 else None
    if earlier is None:
        near = None if here else _near(connection, asked, customer, actor)
        return drafted._replace(here=here, near=near)
    change = host_changes.between(
        issuing.claims_of(earlier).host, asked, drafted.diagnosis.symptoms.verdicts
    )
    return drafted._replace(earlier=earlier, change=change, here=here)


def _near(
    connection: Connection, asked: LicenseRequest, customer: Clue | None, actor: Actor
) -> StoredLicense | None:
    """The licence that a typed host key is perhaps of; a request of a client is never typed."""
    if customer is None or asked.tags is not None:
        return None
    found = catalog_store.customer_called(connection, customer.value, actor.products)
    return found and lookup.near(connection, [found.id], asked.key, actor.products)


def _here(
    connection: Connection, asked: LicenseRequest, customer: Clue, product: Clue, now: int
) -> StoredLicense | None:
    wanted = (customer.value, product.value)
    live = license_store.live(connection, asked.key, now, _FEW)
    return next((one for one in live if (one.customer, one.product) == wanted), None)
