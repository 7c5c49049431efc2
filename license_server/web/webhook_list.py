"""The lists of webhooks and of deliveries: their columns, and where their rows come from."""

from typing import NamedTuple
from urllib.parse import urlsplit

from sqlalchemy import Connection

from license_server.db.questions import ask
from license_server.deliveries import delivery_store
from license_server.deliveries.delivery_store import Attempt, Delivery, DeliveryFilter, Standing
from license_server.web import list_page
from license_server.web.list_page import Column, DeskList
from license_server.web.list_shape import Source, after_id
from license_server.web.reader import Reader
from license_server.webhooks import webhook_store
from license_server.webhooks.webhook_store import SORTS, Webhook

WHYS = {
    "asked": "by an administrator",
    "gone": "it answered 410: it wants no more",
    "failing": "nothing reached it for days",
    "restored": "the server was restored from a backup",
}
"""Why a webhook is paused, in words; English here, translated where they are shown."""
PROBLEMS = {
    "refused": "not sent: the address is not allowed",
    "unreachable": "not reached",
    "timeout": "no answer in time",
    "redirect": "redirected; redirects are not followed",
    "gone": "answered that it wants no more",
    "status": "not accepted",
}
"""Why an attempt counts as failed, in words."""
STATES = {
    "waiting": "on its way",
    "delivered": "accepted",
    "failed": "given up",
    "discarded": "not sent",
}
"""What became of a delivery, in words."""
_STATE_MARKS = {"active": "good", "paused": "warn", "removed": "plain"}
MARKS = {"waiting": "warn", "delivered": "good", "failed": "bad", "discarded": "plain"}


class Listed(NamedTuple):
    """A webhook, and how its deliveries stand."""

    webhook: Webhook
    standing: Standing


class Sent(NamedTuple):
    """A delivery, to whom it goes, how often it was tried, and what came of it last."""

    delivery: Delivery
    webhook: str
    times: int
    last: Attempt | None


def _all(names: list[str] | None, to: Reader) -> str:
    return to.catalogue.gettext("all") if names is None else ", ".join(names)


def _number(value: int) -> str:
    return f"{value:,}"


def why(webhook: Webhook, to: Reader) -> str | None:
    """Why a webhook is paused."""
    return webhook.paused_why and to.catalogue.gettext(WHYS[webhook.paused_why])


def answered(attempt: Attempt, to: Reader) -> str:
    """What came of an attempt."""
    tr = to.catalogue.gettext
    words = tr(PROBLEMS[attempt.problem]) if attempt.problem else tr("accepted")
    return words if attempt.status is None else f"{attempt.status} · {words}"


LIST = DeskList[Listed](
    "/webhooks",
    {
        "name": Column(
            "Name", lambda one, _: one.webhook.name, lambda one: f"/webhooks/{one.webhook.id}"
        ),
        "url": Column("Leads to", lambda one, _: urlsplit(one.webhook.url).netloc),
        "events": Column("Events", lambda one, to: _all(one.webhook.event_names, to)),
        "products": Column("Products", lambda one, to: _all(one.webhook.product_names, to)),
        "created_at": list_page.at(lambda one: one.webhook.created_at, "Created"),
        "waiting": Column(
            "On their way", lambda one, _: _number(one.standing.waiting), look="number"
        ),
        "failed": Column("Given up", lambda one, _: _number(one.standing.failed), look="number"),
        "delivered_at": list_page.at(lambda one: one.standing.delivered_at, "Last accepted"),
        "state": Column(
            "State",
            lambda one, to: to.catalogue.gettext(one.webhook.state),
            look="text",
            mark=lambda one: _STATE_MARKS[one.webhook.state],
            aside=lambda one, to: why(one.webhook, to),
        ),
    },
    ("url", "events", "waiting", "failed", "delivered_at", "state"),
    frozenset(SORTS),
)

DELIVERIES = DeskList[Sent](
    "/deliveries",
    {
        "subject": Column(
            "Subject",
            lambda one, _: one.delivery.subject,
            lambda one: f"/deliveries/{one.delivery.id}",
            look="text",
        ),
        "id": Column("Delivery", lambda one, _: str(one.delivery.id), look="number"),
        "created_at": list_page.at(lambda one: one.delivery.created_at, "Time"),
        "webhook": Column(
            "Webhook",
            lambda one, _: one.webhook,
            lambda one: f"/webhooks/{one.delivery.webhook_id}",
        ),
        "event": Column("Event", lambda one, _: one.delivery.event),
        "times": Column("Attempts", lambda one, _: _number(one.times), look="number"),
        "answer": Column(
            "Last answer", lambda one, to: one.last and answered(one.last, to), look="text"
        ),
        "state": Column(
            "State",
            lambda one, to: to.catalogue.gettext(STATES[one.delivery.state]),
            look="text",
            mark=lambda one: MARKS[one.delivery.state],
        ),
    },
    ("created_at", "webhook", "event", "answer", "state"),
    frozenset(),
    filters=("webhook", "event", "license", "state"),
)


def source() -> Source[Listed]:
    """The webhooks that were not removed."""

    def listed(connection: Connection, rows: list[Webhook]) -> list[Listed]:
        stands = delivery_store.standing(connection, [one.id for one in rows])
        return [Listed(one, stands[one.id]) for one in rows]

    return Source(
        webhook_store.count,
        lambda connection, count, order, offset, limit: webhook_store.in_order(
            connection, count, order, offset=offset, limit=limit
        ),
        after_id(webhook_store.after),
    ).told(listed)


def deliveries(wanted: DeliveryFilter) -> Source[Sent]:
    """The deliveries that are *wanted*, the newest first."""

    def sent(connection: Connection, rows: list[Delivery]) -> list[Sent]:
        names = {one.id: one.name for one in ask(connection, webhook_store.names())}
        last = delivery_store.last_attempts(connection, [one.id for one in rows])
        return [Sent(one, names[one.webhook_id], *last.get(one.id, (0, None))) for one in rows]

    return Source[Delivery](
        lambda connection: delivery_store.count(connection, wanted),
        lambda *_: [],  # it is in the order of time alone
        after_id(
            lambda connection, before, limit: delivery_store.listed(
                connection, wanted, before=before, limit=limit
            )
        ),
    ).told(sent)
