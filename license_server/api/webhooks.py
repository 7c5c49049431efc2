"""``/webhooks``: who is told of events, what they were told, and what they answered."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.responses import Response

from license_core import claims
from license_core.claims import ClaimError
from license_server.actor import Actor
from license_server.api import PREFIX, messages, responses
from license_server.api.auth import Needs
from license_server.api.operations import describe
from license_server.api.webhook_responses import (
    Delivery,
    DeliveryPage,
    NewWebhook,
    Replayed,
    Webhook,
    WebhookPage,
)
from license_server.db.errors import InputInvalidError
from license_server.db.reply_store import Reply
from license_server.deliveries import delivery_store
from license_server.deliveries.delivery_store import DeliveryFilter
from license_server.http.path_params import row_id
from license_server.http.state import AtSite, state_of
from license_server.webhooks import endpoints, resending, webhook_store
from license_server.webhooks.endpoints import HOURS, MOST_HOURS, Sealing

_DAY = 86400

router = APIRouter(prefix=f"{PREFIX}/webhooks", tags=["webhooks"])
Manager = Annotated[Actor, Depends(Needs("webhooks:manage"))]


@router.get("", openapi_extra=describe("webhooks.list"))
async def listing(request: Request, site: AtSite, _: Manager) -> Response:
    """List webhooks in the order in which they were added, without their secrets."""
    given = messages.query(request)
    limit, cursor = messages.limit(given), messages.before(given)

    def read(connection: Connection) -> tuple[list[Webhook], int | None]:
        rows = webhook_store.after(connection, cursor, limit + 1)
        following = rows[limit - 1].id if len(rows) > limit else None
        stands = delivery_store.standing(connection, [one.id for one in rows[:limit]])
        return [Webhook.of(one, stands[one.id]) for one in rows[:limit]], following

    rows, following = await site.read(read)
    return messages.page_until(WebhookPage, rows, following, lambda one: one)


@router.post("", status_code=201, openapi_extra=describe("webhooks.add"))
async def add(request: Request, site: AtSite, actor: Manager) -> Response:
    """Add a webhook. Its secret is in this reply and nowhere else."""
    messages.refuse_key(request)
    members, _ = await messages.body_of(request)
    now, allowed, sealing = site.clock(), site.settings.webhook_networks, _sealing(request)

    def work(connection: Connection) -> NewWebhook:
        made, secret = endpoints.add(connection, members, allowed, actor, now, sealing)
        return NewWebhook.of(made, _standing(connection, made.id), secret=secret)

    return messages.json_response(await site.write(work), status=201)


@router.get("/{id}", openapi_extra=describe("webhooks.get"))
async def get(id: str, site: AtSite, actor: Manager) -> Response:
    """Get a webhook."""
    number = row_id(id, "webhook")

    def read(connection: Connection) -> tuple[Webhook, str]:
        found = endpoints.seen(connection, number, actor)
        return _told(connection, found), endpoints.etag(found)

    return messages.json_response(*await site.read(read))


@router.patch("/{id}", openapi_extra=describe("webhooks.change"))
async def change(id: str, request: Request, site: AtSite, actor: Manager) -> Response:
    """Change a webhook (RFC 7396: null means all events or products, an absent field stays).

    What waits goes to the new URL.
    """
    number, expected = row_id(id, "webhook"), messages.expected(request)
    members, _ = await messages.body_of(request)
    now, allowed = site.clock(), site.settings.webhook_networks

    def work(connection: Connection) -> tuple[Webhook, str]:
        found = endpoints.change(connection, number, members, allowed, actor, now, expected)
        return _told(connection, found), endpoints.etag(found)

    return messages.json_response(*await site.write(work))


@router.post("/{id}/pause", openapi_extra=describe("webhooks.pause"))
async def pause(id: str, site: AtSite, actor: Manager) -> Response:
    """Send a webhook nothing until it is resumed; what it is to be told waits."""
    number, now = row_id(id, "webhook"), site.clock()
    told = await site.write(lambda c: _told(c, endpoints.pause(c, number, actor, now)))
    return messages.json_response(told)


@router.post("/{id}/resume", openapi_extra=describe("webhooks.resume"))
async def resume(id: str, request: Request, site: AtSite, actor: Manager) -> Response:
    """Send a webhook what waits, in order, and what comes; or discard what waits."""
    number = row_id(id, "webhook")

    def work(connection: Connection, members: dict[str, Any], now: int) -> Reply:
        discard = messages.known(members, ("discard",)).get("discard", False)
        if not isinstance(discard, bool):
            raise InputInvalidError(field="discard", reason="it is neither true nor false")
        found = endpoints.resume(connection, number, actor, now, discard=discard)
        return Reply(200, None, responses.to_json(_told(connection, found)))

    return await messages.once(request, site, actor, work)


@router.post("/{id}/rotate", status_code=201, openapi_extra=describe("webhooks.rotate"))
async def rotate(id: str, request: Request, site: AtSite, actor: Manager) -> Response:
    """Give a webhook a new secret, which is in this reply and nowhere else.

    For so many hours both secrets sign.
    """
    messages.refuse_key(request)
    number, (members, _) = row_id(id, "webhook"), await messages.body_of(request)
    hours = _integer(messages.known(members, ("hours",)), "hours", 0, MOST_HOURS)
    now, sealing = site.clock(), _sealing(request)

    def work(connection: Connection) -> NewWebhook:
        kept = HOURS if hours is None else hours
        made, secret = endpoints.rotate(connection, number, kept, actor, now, sealing)
        return NewWebhook.of(made, _standing(connection, made.id), secret=secret)

    return messages.json_response(await site.write(work), status=201)


@router.post("/{id}/remove", openapi_extra=describe("webhooks.remove"))
async def remove(id: str, site: AtSite, actor: Manager) -> Response:
    """Remove a webhook: it is told nothing more, and what waits is discarded."""
    number, now = row_id(id, "webhook"), site.clock()
    told = await site.write(lambda c: _told(c, endpoints.remove(c, number, actor, now)))
    return messages.json_response(told)


@router.post("/{id}/test", status_code=202, openapi_extra=describe("webhooks.test"))
async def test(id: str, request: Request, site: AtSite, actor: Manager) -> Response:
    """Send a webhook a test event; the reply is the delivery that is on its way."""
    number = row_id(id, "webhook")

    def work(connection: Connection, members: dict[str, Any], now: int) -> Reply:
        messages.known(members, ())
        made = resending.send_test(connection, number, actor, now)
        return _on_its_way(connection, made)

    return await messages.once(request, site, actor, work)


@router.post("/{id}/replay", status_code=202, openapi_extra=describe("webhooks.replay-span"))
async def replay_span(id: str, request: Request, site: AtSite, actor: Manager) -> Response:
    """Send a webhook again what it was sent in a span of time: the same bytes, in order.

    Days are those of UTC, both included. With a state, only deliveries that are in it.
    """
    number = row_id(id, "webhook")

    def work(connection: Connection, members: dict[str, Any], now: int) -> Reply:
        given = messages.known(members, ("since", "until", "state"))
        if "since" not in given:
            raise InputInvalidError(field="since", reason="it is missing")
        wanted = _wanted(given)
        count = resending.replay_span(connection, number, wanted, actor, now)
        return Reply(202, None, responses.to_json(Replayed(count)))

    return await messages.once(request, site, actor, work)


@router.get("/{id}/deliveries", openapi_extra=describe("webhooks.deliveries"))
async def deliveries(id: str, request: Request, site: AtSite, actor: Manager) -> Response:
    """List what a webhook was or is to be told, the newest first, each with its last attempt."""
    number, given = row_id(id, "webhook"), messages.query(request)
    limit, cursor = messages.limit(given), messages.before(given)
    wanted = _wanted(given)._replace(webhook_id=number)

    def read(connection: Connection) -> list[tuple[int, Delivery]]:
        endpoints.seen(connection, number, actor)
        rows = delivery_store.listed(connection, wanted, before=cursor, limit=limit + 1)
        last = delivery_store.last_attempts(connection, [one.id for one in rows])
        return [
            (one.id, Delivery.of(one, [last[one.id][1]] if one.id in last else [])) for one in rows
        ]

    rows = await site.read(read)
    return messages.page(DeliveryPage, rows, limit, lambda row: row[0], lambda row: row[1])


@router.get("/{id}/deliveries/{delivery}", openapi_extra=describe("webhooks.delivery"))
async def delivery(id: str, delivery: str, site: AtSite, actor: Manager) -> Response:
    """Get what a webhook was or is to be told of one event, with the attempts to send it."""
    number, one = row_id(id, "webhook"), row_id(delivery, "delivery")

    def read(connection: Connection) -> Delivery:
        found = resending.check_of(connection, one, number, actor)
        return Delivery.of(found, delivery_store.attempts(connection, found.id))

    return messages.json_response(await site.read(read))


@router.post(
    "/{id}/deliveries/{delivery}/replay",
    status_code=202,
    openapi_extra=describe("webhooks.replay"),
)
async def replay(
    id: str, delivery: str, request: Request, site: AtSite, actor: Manager
) -> Response:
    """Send a delivery again: the same bytes, under the same id.

    What still waits is left as it is.
    """
    number, one = row_id(id, "webhook"), row_id(delivery, "delivery")

    def work(connection: Connection, members: dict[str, Any], now: int) -> Reply:
        messages.known(members, ())
        resending.check_of(connection, one, number, actor)
        resending.replay(connection, one, actor, now)
        return _on_its_way(connection, resending.seen(connection, one, actor))

    return await messages.once(request, site, actor, work)


def _on_its_way(connection: Connection, made: delivery_store.Delivery) -> Reply:
    place = f"{PREFIX}/webhooks/{made.webhook_id}/deliveries/{made.id}"
    told = Delivery.of(made, delivery_store.attempts(connection, made.id))
    return Reply(202, place, responses.to_json(told))


def _wanted(given: dict[str, Any]) -> DeliveryFilter:
    """The deliveries that parameters or members ask for. Raises InputInvalidError.

    An event or a licence that is empty asks for nothing.
    """
    given = {n: value for n, value in given.items() if value != "" or n not in ("event", "license")}
    try:
        texts = {name: claims.text(given, name) for name in ("event", "license", "state")}
        days = {name: claims.text(given, name) or "" for name in ("since", "until")}
    except ClaimError as error:
        raise InputInvalidError(field=error.claim, reason=error.reason) from error
    days = {name: text for name, text in days.items() if text}
    state = texts["state"]
    if state is not None and state not in delivery_store.STATES:
        allowed = ", ".join(delivery_store.STATES)
        raise InputInvalidError(field="state", reason=f"'{state[:64]}' is not one of {allowed}")
    until = messages.day(days, "until")
    return DeliveryFilter(
        event=texts["event"],
        subject=texts["license"],
        state=state,
        since=messages.day(days, "since"),
        until=None if until is None else until + _DAY,
    )


def _integer(members: dict[str, Any], name: str, least: int, most: int) -> int | None:
    try:
        return claims.integer(members, name, least=least, most=most)
    except ClaimError as error:
        raise InputInvalidError(field=error.claim, reason=error.reason) from error


def _sealing(request: Request) -> Sealing:
    state = state_of(request)
    return Sealing(state.seeds.webhooks, state.site.random)


def _standing(connection: Connection, id_: int) -> delivery_store.Standing:
    return delivery_store.standing(connection, [id_])[id_]


def _told(connection: Connection, stored: webhook_store.Webhook) -> Webhook:
    return Webhook.of(stored, _standing(connection, stored.id))
