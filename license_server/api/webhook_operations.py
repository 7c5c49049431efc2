"""What the API's description says of the operations on webhooks."""

from license_server.api import schemas
from license_server.api.operation import KEYED, Operation, listing
from license_server.api.webhook_responses import (
    Delivery,
    DeliveryPage,
    NewWebhook,
    Replayed,
    Webhook,
    WebhookPage,
)

WEBHOOKS = {
    "webhooks.list": listing("List webhooks", WebhookPage),
    "webhooks.add": Operation(
        "Add a webhook",
        {201: NewWebhook},
        ("input-invalid", "name-taken", "request-too-large"),
        schemas.NEW_WEBHOOK,
        {
            "name": "CRM",
            "url": "https://crm.invalid/hooks",
            "events": ["license.issued", "license.renewed"],
        },
    ),
    "webhooks.get": Operation("Get a webhook", {200: Webhook}, ("not-found",)),
    "webhooks.change": Operation(
        "Change a webhook",
        {200: Webhook},
        ("input-invalid", "name-taken", "not-found", "changed-meanwhile", "request-too-large"),
        schemas.CHANGED_WEBHOOK,
        {"events": None},
        matches=True,
    ),
    "webhooks.pause": Operation("Pause a webhook", {200: Webhook}, ("not-found",)),
    "webhooks.resume": Operation(
        "Resume a webhook",
        {200: Webhook},
        ("input-invalid", "not-found", *KEYED),
        schemas.RESUMING,
        {"discard": False},
    ),
    "webhooks.rotate": Operation(
        "Rotate the secret of a webhook",
        {201: NewWebhook},
        ("input-invalid", "not-found", "request-too-large"),
        schemas.ROTATING,
        {"hours": 24},
    ),
    "webhooks.remove": Operation("Remove a webhook", {200: Webhook}, ("not-found",)),
    "webhooks.test": Operation(
        "Send a webhook a test event",
        {202: Delivery},
        ("input-invalid", "not-found", *KEYED),
        schemas.NOTHING,
        {},
    ),
    "webhooks.replay-span": Operation(
        "Send a span of deliveries again",
        {202: Replayed},
        ("input-invalid", "not-found", *KEYED),
        schemas.SPAN,
        {"since": "2026-11-29", "state": "failed"},
    ),
    "webhooks.deliveries": listing(
        "List the deliveries of a webhook",
        DeliveryPage,
        event=schemas.PLAIN,
        license=schemas.PLAIN,
        state=schemas.DELIVERY_STATE,
        since=schemas.DAY,
        until=schemas.DAY,
    )._replace(problems=("input-invalid", "not-found")),
    "webhooks.delivery": Operation("Get a delivery", {200: Delivery}, ("not-found",)),
    "webhooks.replay": Operation(
        "Send a delivery again",
        {202: Delivery},
        ("input-invalid", "not-found", *KEYED),
        schemas.NOTHING,
        {},
    ),
}
"""Each operation by its operationId."""
