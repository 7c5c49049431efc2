"""``/calendar/{secret}.ics``: what expires, for calendar programs; and who has an address."""

import hashlib
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from license_core.wording import printable
from license_server.access import calendar_feeds
from license_server.access.calendar_feeds import Feed
from license_server.access.sessions import Session
from license_server.http.state import AtSite, state_of
from license_server.licenses import term_days
from license_server.licenses.license_store import StoredLicense
from license_server.renewals import calendar, reminder_store
from license_server.renewals.calendar import Event
from license_server.renewals.reminder_store import Bounds
from license_server.site import Site
from license_server.web import pages
from license_server.web.account import ACCOUNT
from license_server.web.reader import Reader, catalogue
from license_server.web.session import Form, May, SignedIn, base_of

_FRESH = 300
"""Seconds for which a program need not ask again."""

anyone = APIRouter()
Viewer = Annotated[Session, Depends(May("licenses:read"))]
router = APIRouter(prefix=f"{ACCOUNT}/calendar")


@anyone.api_route("/calendar/{secret}.ics", methods=["GET", "HEAD"])
async def read(secret: str, request: Request, site: AtSite) -> Response:
    """The calendar of a user; 304 where the caller has it. Raises NotFoundError."""
    now = site.clock()
    feed = await site.read(lambda connection: calendar_feeds.find(connection, secret))
    state_of(request).rates.take(feed.actor.name, now)
    rows = await site.read(lambda connection: _ending(connection, feed, now))
    body = _written(rows, feed, site)
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": f"private, max-age={_FRESH}"}
    if _has_it(request, tag):
        return Response(status_code=304, headers=headers)
    headers["Content-Disposition"] = 'inline; filename="renewals.ics"'
    return Response(body, media_type=calendar.MEDIA_TYPE, headers=headers)


def _ending(connection: Connection, feed: Feed, now: int) -> list[StoredLicense]:
    today = term_days.number_of(term_days.at(now, term_days.known_zone("UTC")).date())
    bounds = Bounds(today - calendar.BACK, today + calendar.AHEAD, products=feed.actor.products)
    return reminder_store.ending(connection, bounds, after=None, limit=calendar.MOST)


def _written(rows: Sequence[StoredLicense], feed: Feed, site: Site) -> bytes:
    tr, vendor = catalogue(feed.language).gettext, site.issuer.name
    base = site.settings.public_url
    events = []
    for one in rows:
        if one.last is None:
            continue
        host = printable(one.host_name or one.host_key[:12])
        named = {"customer": printable(one.customer), "product": one.product, "host": host}
        lines = [f"{tr('Licence')} {one.number}", str(one.last)]
        lines += [printable(one.contract)] if one.contract else []
        events.append(
            Event(
                calendar.uid_of(one, vendor),
                one.issued_at,
                one.last.day,
                tr("%(customer)s: %(product)s on %(host)s expires") % named,
                "\n".join(lines),
                None if base is None else f"{base}/licenses/{one.number}",
            )
        )
    name = tr("Renewals of %(vendor)s") % {"vendor": printable(vendor)}
    return calendar.write(name, events)


def _has_it(request: Request, tag: str) -> bool:
    """Whether the caller's copy is the one with this *tag* (RFC 9110 section 13.1.2)."""
    known = {
        one.strip().removeprefix("W/")
        for one in request.headers.get("if-none-match", "").split(",")
    }
    return bool(known & {tag, "*"})


@router.post("")
async def make(request: Request, site: AtSite, session: Viewer, _: Form) -> Response:
    """Make an address, in place of the one that there was; it is shown once."""
    now, language = site.clock(), Reader.of(request, site.settings.time_zone).language
    secret = await site.write(lambda c: calendar_feeds.make(c, session, language, now, site.random))
    address = f"{base_of(request)}/calendar/{secret}.ics"
    return pages.page(request, "calendar_made", address=address)


@router.post("/end")
async def end(site: AtSite, session: SignedIn, _: Form) -> Response:
    """Let it be read no more."""
    now = site.clock()
    await site.write(lambda c: calendar_feeds.withdraw(c, session, now))
    return RedirectResponse(ACCOUNT, 303)
