"""Writes what webhooks are to be told: every event passes here, in the transaction of its act.

So nothing is told that was not done, and nothing that was done goes untold. Where there is no
webhook, one small query a transaction finds that out.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection

from license_core import strictjson
from license_server.deliveries import delivery_store, payload
from license_server.deliveries.delivery_store import NewDelivery, Subscription
from license_server.deliveries.payload import Data

_TOLD = frozenset(payload.EVENTS)


class Happening(NamedTuple):
    """An event of the audit log, with the rows that its act left."""

    at: int
    action: str
    subject: str
    details: str
    """A JSON object."""
    rows: Sequence[tuple[str, Mapping[str, Any]]]
    """Each with the name of its table."""


class _Content(NamedTuple):
    lane: str
    product: str | None
    """None: it is of no product."""
    data: Data


def tell(connection: Connection, happenings: Iterable[Happening]) -> None:
    """Write a delivery for each webhook that is to be told, in the order of *happenings*."""
    wanted = [one for one in happenings if one.action in _TOLD]
    subscribed = delivery_store.subscriptions(connection) if wanted else []
    if subscribed:
        delivery_store.add(connection, list(_deliveries(connection, wanted, subscribed)))


def _deliveries(
    connection: Connection, happenings: Iterable[Happening], subscribed: Sequence[Subscription]
) -> Iterator[NewDelivery]:
    for one in happenings:
        some = [webhook for webhook in subscribed if webhook.wants(one.action)]
        content = _content(connection, one) if some else None
        if content is None:
            continue
        told = [webhook.id for webhook in some if webhook.wants_of(content.product)]
        body = payload.body(one.action, one.at, content.data) if told else b""
        for id_ in told:
            yield NewDelivery(id_, one.action, one.subject, content.lane, body, one.at)


def _content(connection: Connection, one: Happening) -> _Content | None:
    """What is told of an event, and of which product it is; None: there is nothing to tell."""
    kind = one.action.partition(".")[0]
    if kind == "license":
        return _of_licence(connection, one)
    table, make = _KINDS[kind]
    row = next((row for name, row in one.rows if name == table), None)
    if row is None:
        return None
    product = row[_PRODUCT[kind]] if kind in _PRODUCT else None
    lane = f"{kind}/{row['id']}" if "id" in row else kind
    return _Content(lane, product, make(row))


_KINDS = {
    "proposal": ("proposals", payload.of_proposal),
    "request": ("requests", payload.of_request),
    "customer": ("customers", payload.of_customer),
    "product": ("products", payload.of_product),
    "revocations": ("revocation_lists", payload.of_list),
}
_PRODUCT = {"proposal": "product", "request": "product", "product": "name"}


def _of_licence(connection: Connection, one: Happening) -> _Content | None:
    """A licence by the row that its act left; a note leaves none, so it is asked for."""
    row = next(
        (row for name, row in one.rows if name == "licenses" and row["number"] == one.subject), None
    )
    if row is None:
        found = delivery_store.licence(connection, one.subject)
        if found is None:
            return None
        row, customer, product = found
    else:
        details = strictjson.loads(one.details.encode("utf-8"))
        customer, product = details["customer"], details["product"]
    data = payload.of_licence(row, customer, product)
    if one.action == payload.ENDING:
        data |= payload.of_reminder(strictjson.loads(one.details.encode("utf-8")))
    return _Content(f"license/{row['line']}", product, data)
