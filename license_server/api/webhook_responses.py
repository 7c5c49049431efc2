"""What the API replies of webhooks and their deliveries."""

from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import Field

from license_server.api import responses
from license_server.api.responses import Instant
from license_server.deliveries import delivery_store
from license_server.deliveries.delivery_store import STATES, Standing
from license_server.webhooks import webhook_store

State = Annotated[str, Field(json_schema_extra={"enum": list(webhook_store.STATES)})]
Why = Annotated[str, Field(json_schema_extra={"enum": list(webhook_store.WHYS)})]
DeliveryState = Annotated[str, Field(json_schema_extra={"enum": list(STATES)})]


@dataclass(slots=True, kw_only=True)
class Webhook:
    """A webhook, without its secret."""

    id: int
    name: str
    url: str
    events: list[str] | None
    products: list[str] | None
    state: State
    paused_why: Why | None
    created_at: Instant
    paused_at: Instant | None
    removed_at: Instant | None
    former_until: Instant | None
    waiting: int
    failed: int
    delivered_at: Instant | None

    @classmethod
    def of(cls, stored: webhook_store.Webhook, standing: Standing, **shown_once: str) -> Self:
        """The webhook *stored*, and how its deliveries stand."""
        return responses.from_row(
            cls,
            stored,
            events=stored.event_names,
            products=stored.product_names,
            waiting=standing.waiting,
            failed=standing.failed,
            delivered_at=responses.instant(standing.delivered_at),
            **shown_once,
        )


@dataclass(slots=True, kw_only=True)
class NewWebhook(Webhook):
    """A webhook, with its secret, which is shown only once."""

    secret: str


@dataclass(slots=True)
class WebhookPage:
    """A page of the list of webhooks."""

    webhooks: list[Webhook]
    next_cursor: str | None


@dataclass(slots=True, kw_only=True)
class Attempt:
    """What came of sending a delivery once."""

    at: Instant
    milliseconds: int
    status: int | None
    problem: str | None
    detail: str | None
    answer: str | None

    @classmethod
    def of(cls, stored: delivery_store.Attempt) -> Self:
        """The attempt *stored*."""
        answer = None if stored.answer is None else stored.answer.decode("utf-8", "replace")
        return responses.from_row(cls, stored, answer=answer)


@dataclass(slots=True, kw_only=True)
class Delivery:
    """What a webhook is told of one event; the last attempts at it, the newest first."""

    id: int
    message: str
    webhook: int
    event: str
    subject: str
    state: DeliveryState
    created_at: Instant
    due_at: Instant | None
    done_at: Instant | None
    body: str
    attempts: list[Attempt]

    @classmethod
    def of(cls, stored: delivery_store.Delivery, attempts: list[delivery_store.Attempt]) -> Self:
        """The delivery *stored*."""
        waits = stored.done_at is None
        return responses.from_row(
            cls,
            stored,
            webhook=stored.webhook_id,
            due_at=responses.instant(stored.due_at) if waits else None,
            body=stored.body.decode("utf-8"),
            attempts=list(map(Attempt.of, attempts)),
        )


@dataclass(slots=True)
class DeliveryPage:
    """A page of the deliveries of a webhook, each with its last attempt."""

    deliveries: list[Delivery]
    next_cursor: str | None


@dataclass(slots=True)
class Replayed:
    """How many deliveries are sent again."""

    count: int
