"""``/webhooks``: who is told of events; each secret is shown once."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from license_core.reason import Reason
from license_server.access.sessions import Session
from license_server.actor import Actor
from license_server.catalog import terms
from license_server.db.errors import InputInvalidError, NameTakenError
from license_server.db.reply_store import Reply
from license_server.deliveries import delivery_store
from license_server.deliveries.delivery_store import DeliveryFilter, Standing
from license_server.deliveries.payload import EVENTS
from license_server.http.path_params import row_id
from license_server.http.state import AtSite, state_of
from license_server.site import Site
from license_server.web import edit_conflicts, forms, list_page, pages, saving, webhook_list
from license_server.web.edit_conflicts import Faults
from license_server.web.reader import Reader
from license_server.web.saving import Attempt
from license_server.web.session import Form, May
from license_server.web.webhook_list import LIST
from license_server.webhooks import endpoints, resending
from license_server.webhooks.endpoints import HOURS, MOST_HOURS, Sealing
from license_server.webhooks.webhook_store import Webhook

ROOM = "/webhooks"
_EVENT = "event:"

router = APIRouter(prefix=ROOM)
Manager = Annotated[Session, Depends(May("webhooks:manage"))]


@router.get("")
async def listing(request: Request, site: AtSite, session: Manager) -> Response:
    """The webhooks, and how their deliveries stand."""
    shown = await LIST.read(request, site, session, webhook_list.source(), {})
    return pages.page(request, "webhooks", removed="removed" in request.query_params, **shown)


@router.get(list_page.SHEET)
async def shown_sheet(request: Request, site: AtSite, _: Manager) -> Response:
    """The list as it is shown, as a sheet."""
    return LIST.sheet(request, site, webhook_list.source(), "webhooks.csv")


@router.get("/new")
async def new(request: Request, _: Manager) -> Response:
    """The form for another webhook."""
    return _new(request, {}, {})


@router.post("")
async def add(request: Request, site: AtSite, session: Manager, fields: Form) -> Response:
    """Add a webhook. Its secret is on this page and nowhere else; sent twice, it is added once."""
    typed, key = dict(fields), forms.once(fields, ROOM)
    members, allowed = _members(fields), site.settings.webhook_networks
    faults = edit_conflicts.faults(lambda given: endpoints.read(given, allowed), members)
    if faults:
        return _new(request, typed, faults)
    now, actor, sealing = site.clock(), session.actor, _sealing(request)
    made: list[tuple[Webhook, str]] = []

    def work(connection: Connection) -> Reply:
        made[:] = [endpoints.add(connection, members, allowed, actor, now, sealing)]
        return Reply(303, f"{ROOM}/{made[0][0].id}?done=added", b"")

    try:
        reply = await site.once(actor, key, now, work)
    except NameTakenError as error:
        return _new(request, typed, {"name": error})
    if not made:  # it was added before, and its secret is not shown again
        return RedirectResponse(reply.location or ROOM, reply.status)
    webhook, secret = made[0]
    return pages.page(request, "webhook_secret", 201, webhook=webhook, secret=secret)


@router.get("/{id}")
async def one(id: str, request: Request, site: AtSite, session: Manager) -> Response:
    """A webhook, how it stands, and what can be done with it."""
    return await _one(request, site, session.actor, row_id(id, "webhook"))


@router.post("/{id}")
async def change(
    id: str, request: Request, site: AtSite, session: Manager, fields: Form
) -> Response:
    """Change a webhook."""
    number, actor = row_id(id, "webhook"), session.actor
    members, allowed = _members(fields), site.settings.webhook_networks
    found = edit_conflicts.faults(lambda given: endpoints.read(given, allowed), members)
    expected = fields.get("etag") or None

    async def show(attempt: Attempt) -> Response:
        return await _one(request, site, actor, number, attempt)

    return await saving.changed(
        site,
        fields,
        found,
        f"{ROOM}/{number}",
        lambda c, now: endpoints.change(c, number, members, allowed, actor, now, expected),
        show,
    )


@router.post("/{id}/pause")
async def pause(id: str, site: AtSite, session: Manager, _: Form) -> Response:
    """Send it nothing for a while."""
    number, now = row_id(id, "webhook"), site.clock()
    await site.write(lambda c: endpoints.pause(c, number, session.actor, now))
    return _done(number, "paused")


@router.post("/{id}/resume")
async def resume(id: str, site: AtSite, session: Manager, fields: Form) -> Response:
    """Send it what waits and what comes; with ``discard``, only what comes."""
    number, now, discard = row_id(id, "webhook"), site.clock(), "discard" in fields
    await site.write(lambda c: endpoints.resume(c, number, session.actor, now, discard=discard))
    return _done(number, "resumed")


@router.post("/{id}/remove")
async def remove(id: str, site: AtSite, session: Manager, _: Form) -> Response:
    """Tell it nothing more."""
    number, now = row_id(id, "webhook"), site.clock()
    await site.write(lambda c: endpoints.remove(c, number, session.actor, now))
    return RedirectResponse(f"{ROOM}?removed=1", 303)


@router.post("/{id}/test")
async def test(id: str, site: AtSite, session: Manager, fields: Form) -> Response:
    """Send it a test event; lead to that delivery, which is made once for each form."""
    number, now = row_id(id, "webhook"), site.clock()
    key = forms.once(fields, f"{ROOM}/{number}/test")

    def work(connection: Connection) -> Reply:
        made = resending.send_test(connection, number, session.actor, now)
        return Reply(303, f"/deliveries/{made.id}", b"")

    reply = await site.once(session.actor, key, now, work)
    return RedirectResponse(reply.location or ROOM, reply.status)


@router.post("/{id}/rotate")
async def rotate(
    id: str, request: Request, site: AtSite, session: Manager, fields: Form
) -> Response:
    """Give it a new secret, which is on this page and nowhere else."""
    number, now, sealing = row_id(id, "webhook"), site.clock(), _sealing(request)
    key = forms.once(dict(fields), f"{ROOM}/{number}/rotate")
    made: list[tuple[Webhook, str]] = []
    try:
        hours = terms.days_of(fields.get("hours", ""), "hours", 0, MOST_HOURS)
    except InputInvalidError as error:
        return await _one(request, site, session.actor, number, faults={"hours": error})

    def work(connection: Connection) -> Reply:
        made[:] = [endpoints.rotate(connection, number, hours, session.actor, now, sealing)]
        return Reply(303, f"{ROOM}/{number}?done=rotated", b"")

    reply = await site.once(session.actor, key, now, work)
    if not made:
        return RedirectResponse(reply.location or ROOM, reply.status)
    webhook, secret = made[0]
    return pages.page(request, "webhook_secret", webhook=webhook, secret=secret)


@router.post("/{id}/replay")
async def replay(
    id: str, request: Request, site: AtSite, session: Manager, fields: Form
) -> Response:
    """Send it again what it was sent in a span of days, or what was given up then."""
    number, actor, now = row_id(id, "webhook"), session.actor, site.clock()
    reader = Reader.of(request, site.settings.time_zone)
    faults: Faults = {}
    since = _midnight(fields, "since", reader, 0, faults)
    until = _midnight(fields, "until", reader, 1, faults)
    if since is None and not faults:
        faults["since"] = InputInvalidError(field="since", reason="it is missing")
    state = "failed" if "failed" in fields else None
    wanted = DeliveryFilter(since=since, until=until, state=state)
    try:
        if not faults:
            await site.write(lambda c: resending.replay_span(c, number, wanted, actor, now))
    except InputInvalidError as error:
        faults["since"] = error
    if faults:
        typed = {name: fields.get(name, "") for name in ("since", "until")}
        return await _one(request, site, actor, number, faults=faults, more=typed)
    return _done(number, "replayed")


async def _one(
    request: Request,
    site: Site,
    actor: Actor,
    number: int,
    attempt: Attempt | None = None,
    faults: Faults | None = None,
    more: dict[str, str] | None = None,
) -> Response:
    def read(connection: Connection) -> tuple[Webhook, Standing]:
        found = endpoints.seen(connection, number, actor)
        return found, delivery_store.standing(connection, [number])[number]

    webhook, standing = await site.read(read)
    reader = Reader.of(request, site.settings.time_zone)
    shown = saving.shown(_typed(webhook), endpoints.etag(webhook), attempt)
    typed = {"hours": str(HOURS), "since": "", "until": ""} | (more or {})
    if faults:
        shown |= {"status": edit_conflicts.status(faults), "faults": faults}
    fields = typed | {name: text for name, text in shown["fields"].items() if name not in typed}
    shown |= {"fields": fields}
    return pages.page(
        request,
        "webhook",
        webhook=webhook,
        standing=standing,
        events=EVENTS,
        why=webhook_list.why(webhook, reader),
        once=forms.new_once(site.random),
        done=request.query_params.get("done", ""),
        saved="saved" in request.query_params,
        **shown,
    )


def _done(number: int, what: str) -> Response:
    return RedirectResponse(f"{ROOM}/{number}?done={what}", 303)


def _new(request: Request, fields: dict[str, str], faults: Faults) -> Response:
    once = forms.new_once(state_of(request).site.random)
    return pages.form(request, "webhook_new", fields, faults, once=once, events=EVENTS)


def _members(fields: dict[str, str]) -> dict[str, Any]:
    """The members that a form names: no event that is ticked, and no product, means all."""
    events = [name for name in EVENTS if fields.get(f"{_EVENT}{name}") == "yes"]
    return {
        "name": fields.get("name", "").strip(),
        "url": fields.get("url", "").strip(),
        "events": events or None,
        "products": forms.names_in(fields.get("products", "")) or None,
    }


def _typed(webhook: Webhook) -> dict[str, str]:
    """A webhook as it is typed into the form."""
    return {
        "name": webhook.name,
        "url": webhook.url,
        "products": ", ".join(webhook.product_names or ()),
    } | {f"{_EVENT}{name}": "yes" for name in webhook.event_names or ()}


def _midnight(
    fields: dict[str, str], name: str, reader: Reader, later: int, faults: Faults
) -> int | None:
    """The instant at which a day of the reader begins, so many days *later*."""
    text = fields.get(name, "").strip()
    try:
        return reader.midnight(text, later) if text else None
    except (ValueError, OverflowError):
        reason = Reason("{given!r} is not a date such as 2026-11-30", given=text[:64])
        faults[name] = InputInvalidError(field=name, reason=reason)
        return None


def _sealing(request: Request) -> Sealing:
    state = state_of(request)
    return Sealing(state.seeds.webhooks, state.site.random)
