"""Look-ups for the desk: known customers and products, and who already has a licence."""

from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import Connection

from license_core.claims import ClaimError, choice_name
from license_core.request import LicenseRequest
from license_server.catalog import catalog_store, fields, offered, plans
from license_server.catalog.catalog_store import Customer, Product
from license_server.db.questions import Questions, ask_all
from license_server.licenses import host_changes, issuing, license_store, near_store
from license_server.licenses.host_changes import Host, HostChange
from license_server.licenses.license_store import StoredLicense
from license_server.licenses.search import Filter

_MOST_NAMES = 200
_FEW = 5
_MOST_ALIKE = 3
_NEWEST = 200
"""So many of a customer's licences are compared with a host that has another name."""


class Names(NamedTuple):
    """What was typed before, to choose from."""

    customers: list[str]
    products: list[str]
    plans: list[str]


def names(connection: Connection) -> Names:
    """The customers and products that are known, and the plans of these."""
    both: Questions = {
        "customers": offered.customer_names(_MOST_NAMES),
        "products": offered.some_products(_MOST_NAMES, archived=False),
    }
    found = ask_all(connection, both)
    products = found["products"]
    return Names(found["customers"], [one.name for one in products], plans.all_names(products))


def completed(members: dict[str, Any], request: LicenseRequest) -> dict[str, Any]:
    """*members* with what the operator's own request says where the form says nothing."""
    said = {"customer": request.customer, "product": request.product}
    return {name: value for name, value in said.items() if value} | members


class Known(NamedTuple):
    """What the audit log knows of those whom an order names. Of licences, the newest few."""

    on_host: list[StoredLicense]
    """Those that hold on the host now."""
    customer: Customer | None
    of_customer: list[StoredLicense]
    alike: list[str]
    """Customers whose names begin with the words that name this one."""
    product: Product | None


def known(
    connection: Connection, host_key: str | None, customer: str, product: str, now: int
) -> Known:
    """What is known of a host, a customer and a product, as they were typed."""
    name = _name(customer)
    found = catalog_store.customer_called(connection, name) if name else None
    of_customer: list[StoredLicense] = []
    if found is not None:
        wanted = Filter(customer=found.name)
        of_customer = license_store.listed(connection, wanted, now, before=None, limit=_FEW).rows
    alike = catalog_store.customers_after(connection, None, _FEW, name) if name else []
    return Known(
        on_host=license_store.live(connection, host_key, now, _FEW) if host_key else [],
        customer=found,
        of_customer=of_customer,
        alike=[one.name for one in alike if one.name != name],
        product=catalog_store.product_by_name(connection, product)
        if choice_name(product)
        else None,
    )


def _name(typed: str) -> str | None:
    """A customer's name as it would be written down; None for what is none."""
    try:
        return fields.clean_text({"customer": typed}, "customer") if typed.strip() else None
    except ClaimError:
        return None


def alike(
    connection: Connection, customer: str, product: str, host: Host, now: int
) -> list[tuple[StoredLicense, HostChange]]:
    """The valid licences of *customer* for *product* whose host may be *host*, and what differs.

    The newest few; of those that are merely possible, only one that is alone.
    """
    wanted = Filter(customer=customer, product=product, state="active")
    # PostgreSQL takes no text with a null character, which a request may have in a name.
    is_asked = host.name is not None and host.name.isprintable()
    named = wanted._replace(host_name=host.name) if is_asked else None
    likely: list[tuple[StoredLicense, HostChange]] = []
    possible: list[tuple[StoredLicense, HostChange]] = []
    seen: set[str] = set()
    for one in (named, wanted):
        if one is None:
            continue
        page = license_store.listed(connection, one, now, before=None, limit=_NEWEST)
        for stored in page.rows:
            theirs = issuing.claims_of(stored).host
            change = host_changes.between(theirs, host)
            if stored.number in seen or change is None:
                continue
            seen.add(stored.number)
            likeness = host_changes.likeness(theirs, host)
            if likeness is not None:
                (likely if likeness == host_changes.LIKELY else possible).append((stored, change))
    return likely[:_MOST_ALIKE] or (possible if len(possible) == 1 else [])


def near(
    connection: Connection, ids: Collection[int], key: str, of: frozenset[str] | None = None
) -> StoredLicense | None:
    """The newest licence of these customers whose host key somebody may have mistyped as *key*.

    It differs in one digit, or by two neighbours that changed places; *of*: of these products.
    """
    found = near_store.of_host(connection, tuple(ids), key, of, _NEWEST)
    return next((one for one in found if _is_slip(key, one.host_key)), None)


def _is_slip(typed: str, meant: str) -> bool:
    places = [at for at, (a, b) in enumerate(zip(typed, meant, strict=False)) if a != b]
    if len(typed) != len(meant) or not places:
        return False
    first, last = places[0], places[-1]
    exchanged = last == first + 1 and typed[first : last + 1] == meant[first : last + 1][::-1]
    return first == last or exchanged
