"""Sending again what was sent, and sending something to try a webhook."""

from typing import Any

from sqlalchemy import Connection

from license_core.reason import Reason
from license_server.actor import Actor
from license_server.audit import events
from license_server.db import deferred
from license_server.db.errors import InputInvalidError, or_not_found
from license_server.deliveries import delivery_store, payload
from license_server.deliveries.delivery_store import Delivery, DeliveryFilter, NewDelivery
from license_server.webhooks import endpoints
from license_server.webhooks.webhook_store import Webhook

MOST = 10_000
"""So many deliveries are sent again at once."""


def seen(connection: Connection, id_: int, actor: Actor) -> Delivery:
    """The delivery of this id. Raises NotFoundError, NotPermittedError."""
    actor.need(endpoints.MANAGE)
    return or_not_found(delivery_store.by_id(connection, id_), what="delivery", name=str(id_))


def replay(connection: Connection, id_: int, actor: Actor, now: int) -> int:
    """Send a delivery again: the same bytes under the same id; how many that is.

    It is none where it waits still. Raises NotFoundError where there is no such delivery, or its
    webhook was removed; NotPermittedError.
    """
    found = seen(connection, id_, actor)
    webhook = _kept(connection, found.webhook_id, actor)
    count = delivery_store.send_again(connection, delivery_store.is_one(id_), now)
    if count:
        _record(connection, webhook, actor, now, count, message=found.message)
    return count


def check_of(connection: Connection, id_: int, webhook_id: int, actor: Actor) -> Delivery:
    """The delivery of this id. Raises NotFoundError where it is of another webhook."""
    found = seen(connection, id_, actor)
    mine = found if found.webhook_id == webhook_id else None
    return or_not_found(mine, what="delivery", name=str(id_))


def replay_span(
    connection: Connection, webhook_id: int, wanted: DeliveryFilter, actor: Actor, now: int
) -> int:
    """Send what a webhook was sent in a span of time again, in order; how much that is.

    Raises NotFoundError, NotPermittedError, or InputInvalidError for too many.
    """
    webhook = _kept(connection, webhook_id, actor)
    wanted = wanted._replace(webhook_id=webhook_id)
    if not delivery_store.count(connection, wanted).whole:
        reason = Reason("more than {most} deliveries; choose a shorter span", most=MOST)
        raise InputInvalidError(field="since", reason=reason)
    count = delivery_store.send_again(connection, delivery_store.in_span(wanted), now)
    if count:
        span = {"since_at": wanted.since, "until_at": wanted.until, "state": wanted.state}
        _record(connection, webhook, actor, now, count, **span)
    return count


def send_test(connection: Connection, webhook_id: int, actor: Actor, now: int) -> Delivery:
    """Something to try a webhook with, on its way. Raises NotFoundError, NotPermittedError."""
    webhook = _kept(connection, webhook_id, actor)
    body = payload.body(payload.TEST, now, {"webhook": webhook.name})
    new = NewDelivery(webhook_id, payload.TEST, webhook.name, "test", body, now)
    delivery_store.add(connection, [new])
    deferred.write(connection)
    wanted = DeliveryFilter(webhook_id, payload.TEST)
    (made,) = delivery_store.listed(connection, wanted, before=None, limit=1)
    return made


def _kept(connection: Connection, webhook_id: int, actor: Actor) -> Webhook:
    webhook = endpoints.seen(connection, webhook_id, actor)
    kept = None if webhook.removed_at is not None else webhook
    return or_not_found(kept, what="webhook", name=str(webhook_id))


def _record(
    connection: Connection,
    webhook: Webhook,
    actor: Actor,
    now: int,
    count: int,
    **more: Any,
) -> None:
    details = {name: value for name, value in more.items() if value is not None}
    events.record(connection, now, actor, "webhook.replayed", webhook.name, count=count, **details)
