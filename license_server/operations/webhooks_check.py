"""Whether what webhooks are told is as it was written (SPEC section 11.3)."""

from collections.abc import Iterator

from sqlalchemy import Connection

from license_core import strictjson
from license_server.db.leases import WAITING
from license_server.deliveries import delivery_store
from license_server.deliveries.delivery_store import STATES, Delivery


def faults(connection: Connection) -> Iterator[tuple[str, str]]:
    """What is wrong with each delivery: its message id, and what it is."""
    kept = delivery_store.webhook_ids(connection)
    for delivery in delivery_store.everything(connection):
        for detail in _faults(delivery):
            yield delivery.message, detail
        if delivery.webhook_id not in kept:
            yield delivery.message, f"its webhook {delivery.webhook_id} does not exist"
    for delivery_id in delivery_store.attempts_at_nothing(connection):
        yield str(delivery_id), "it was attempted, but it does not exist"


def _faults(delivery: Delivery) -> Iterator[str]:
    try:
        told = strictjson.loads(delivery.body)
        kind = told["type"] if isinstance(told, dict) else None
    except (ValueError, KeyError) as error:
        yield f"its body: {error}"
    else:
        if kind != delivery.event:
            yield "its body tells of another event"
    if delivery.state not in STATES:
        yield f"it is {delivery.state}"
    elif (delivery.state == WAITING) != (delivery.done_at is None):
        yield f"it is {delivery.state}, and done at {delivery.done_at}"
