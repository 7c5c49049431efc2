"""The desk: what an order would mean, told before anything is issued."""

from typing import Any, NamedTuple

from sqlalchemy import Connection

from license_core.request import LicenseRequest
from license_server import issuing, store, tolerance
from license_server.orders import Order
from license_server.store import StoredLicense
from license_server.tolerance import Tolerance

_MOST_NAMES = 500


class Preview(NamedTuple):
    """An order, and what the support engineer should know before it is issued."""

    order: Order
    replaces: str | None
    """The number of the licence that this one will say that it replaces."""
    customer_is_new: bool
    product_is_new: bool
    live: list[StoredLicense]
    """Licences of the same host and product that hold now and stay as they are."""

    @property
    def tolerance(self) -> Tolerance:
        """Which changes of this host each choice would tolerate."""
        return tolerance.of(self.order.request)

    @property
    def gpus_differ(self) -> bool:
        """Whether the host has more GPUs than the licence will allow."""
        present, allowed = self.order.request.gpus, self.order.limits.get("gpus")
        return bool(present and allowed is not None and present > allowed)


class Names(NamedTuple):
    """What was typed before, to choose from."""

    customers: list[str]
    products: list[str]


def preview(connection: Connection, order: Order, now: int) -> Preview:
    """What *order* would issue at the instant *now*. Raises as issuing.replaced does."""
    replaces = issuing.replaced(connection, order)
    known = names(connection)
    live = store.live_licenses(connection, order.request.key, now)
    return Preview(
        order=order,
        replaces=replaces,
        customer_is_new=not store.has_name(connection, "customer", order.customer),
        product_is_new=bool(known.products)
        and not store.has_name(connection, "product", order.product),
        live=[one for one in live if one.product == order.product and one.number != replaces],
    )


def names(connection: Connection) -> Names:
    """The customers and products of earlier licences."""
    return Names(
        store.names(connection, "customer", _MOST_NAMES),
        store.names(connection, "product", _MOST_NAMES),
    )


def completed(members: dict[str, Any], request: LicenseRequest) -> dict[str, Any]:
    """*members* with what the operator's own request says where the form says nothing."""
    said = {"customer": request.customer, "product": request.product}
    return {name: value for name, value in said.items() if value} | members
