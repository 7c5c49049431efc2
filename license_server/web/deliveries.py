"""``/deliveries``: what webhooks were told, when, how often, and what was answered."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from license_core import strictjson
from license_server.access.sessions import Session
from license_server.deliveries import delivery_store
from license_server.deliveries.delivery_store import Attempt, Delivery, DeliveryFilter
from license_server.deliveries.payload import EVENTS, TEST
from license_server.http.path_params import row_id
from license_server.http.state import AtSite
from license_server.web import list_page, pages, webhook_list
from license_server.web.reader import Reader
from license_server.web.session import Form, May
from license_server.web.webhook_list import DELIVERIES, MARKS, STATES
from license_server.webhooks import endpoints, resending, webhook_store
from license_server.webhooks.webhook_store import Webhook

ROOM = "/deliveries"
_LONGEST = 200

router = APIRouter(prefix=ROOM)
Manager = Annotated[Session, Depends(May("webhooks:manage"))]


@router.get("")
async def listing(request: Request, site: AtSite, session: Manager) -> Response:
    """What webhooks were or are to be told, the newest first."""
    fields = _fields(request)
    source = webhook_list.deliveries(_wanted(fields))
    beside = {"webhooks": webhook_store.names()}
    shown = await DELIVERIES.read(request, site, session, source, fields, beside=beside)
    return pages.page(
        request,
        "deliveries",
        fields=fields,
        faults={},
        events=(*EVENTS, TEST),
        states=STATES,
        **shown,
    )


@router.get(list_page.SHEET)
async def shown_sheet(request: Request, site: AtSite, _: Manager) -> Response:
    """The list as it is shown, as a sheet."""
    source = webhook_list.deliveries(_wanted(_fields(request)))
    return DELIVERIES.sheet(request, site, source, "deliveries.csv")


@router.get("/{id}")
async def one(id: str, request: Request, site: AtSite, session: Manager) -> Response:
    """A delivery: its bytes, and what came of each attempt."""
    number = row_id(id, "delivery")

    def read(connection: Connection) -> tuple[Delivery, Webhook, list[Attempt]]:
        found = resending.seen(connection, number, session.actor)
        webhook = endpoints.seen(connection, found.webhook_id, session.actor)
        return found, webhook, delivery_store.attempts(connection, number)

    delivery, webhook, attempts = await site.read(read)
    reader = Reader.of(request, site.settings.time_zone)
    return pages.page(
        request,
        "delivery",
        delivery=delivery,
        webhook=webhook,
        attempts=[(attempt, webhook_list.answered(attempt, reader)) for attempt in attempts],
        body=strictjson.shown(strictjson.loads(delivery.body)),
        state=STATES[delivery.state],
        kind=MARKS[delivery.state],
        replayed="replayed" in request.query_params,
    )


@router.post("/{id}/replay")
async def replay(id: str, site: AtSite, session: Manager, _: Form) -> Response:
    """Send it again: the same bytes, under the same id."""
    number, now = row_id(id, "delivery"), site.clock()
    await site.write(lambda c: resending.replay(c, number, session.actor, now))
    return RedirectResponse(f"{ROOM}/{number}?replayed=1", 303)


def _fields(request: Request) -> dict[str, str]:
    given = request.query_params
    return {name: given.get(name, "")[:_LONGEST].strip() for name in DELIVERIES.filters}


def _wanted(fields: dict[str, str]) -> DeliveryFilter:
    webhook, number = fields["webhook"], fields["license"].replace("\0", "")
    named = webhook.isascii() and webhook.isdigit() and len(webhook) < 18
    return DeliveryFilter(
        webhook_id=int(webhook) if named else None,
        event=fields["event"].replace("\0", "") or None,
        subject=number or None,
        state=fields["state"] if fields["state"] in STATES else None,
    )
