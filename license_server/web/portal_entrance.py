"""``/portal``: the way in by a link, the way to a new one by mail, and the way out."""

import structlog
from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from license_core.errors import LicenseError
from license_server.access.errors import TooManyAttemptsError
from license_server.catalog.catalog_store import Customer
from license_server.db.errors import InputInvalidError
from license_server.http import problem_json
from license_server.http.state import AtSite, state_of
from license_server.mail import addresses
from license_server.mail.errors import MailOffError
from license_server.portal import links, mailing, visits
from license_server.portal.errors import PortalLinkOverError
from license_server.portal.mailing import Letter
from license_server.portal.portal_store import StoredLink
from license_server.portal.visits import Visit
from license_server.site import Site
from license_server.web import pages, portal_home, preferences
from license_server.web.portal_pages import (
    ROOM,
    SESSION,
    Form,
    Visiting,
    count_guess,
    for_stranger,
    found,
    let_in,
    on,
    strangers_fields,
)
from license_server.web.reader import LANGUAGES, Reader, catalogue
from license_server.web.session import address_of, cookie, delete_cookie, is_secure

_log = structlog.get_logger()
router = APIRouter(prefix=ROOM, dependencies=[Depends(on)])


@router.get("")
async def home(request: Request, site: AtSite) -> Response:
    """What the customer has and asked for; for a stranger, the way in."""
    visit = await found(request, site)
    if visit is not None:
        return await portal_home.show(request, site, visit)
    return for_stranger(request, site, "entrance", ended="ended" in request.query_params)


@router.post("/ask")
async def ask(request: Request, site: AtSite) -> Response:
    """Mail a one-time link, if the address is a contact's; the answer does not tell."""
    fields = await strangers_fields(request)
    address, now = fields.get("address", "").strip(), site.clock()
    try:
        if not mailing.is_possible(site.settings):
            raise MailOffError
        if not addresses.is_address(address):
            reason = "it is not the address of a mailbox"
            raise InputInvalidError(field="address", reason=reason)
        await site.write(lambda c: mailing.count(c, address, address_of(request), now))
    except (MailOffError, InputInvalidError, TooManyAttemptsError) as error:
        return _refused(request, site, error, address)
    _send(request, site, address, now)
    return for_stranger(request, site, "asked")


def _refused(request: Request, site: Site, error: LicenseError, address: str) -> Response:
    faults = {"address": error} if isinstance(error, InputInvalidError) else {}
    told = for_stranger(
        request,
        site,
        "entrance",
        error,
        ended=False,
        fields={"address": address},
        faults=faults,
    )
    told.headers.update(problem_json.headers(error))
    return told


def _send(request: Request, site: Site, address: str, now: int) -> None:
    """Queue the mails, once the answer need not wait for it: it takes as long for any address."""
    reader = Reader.of(request, site.settings.time_zone).language
    key, vendor = state_of(request).seeds.portal, site.issuer.name

    def write(customer: Customer) -> Letter:
        return _letter(vendor, customer.language or reader)

    def work(connection: Connection) -> None:
        mailing.send(connection, site.settings, address, write, key, now, site.random)

    site.database.writer.submit(work).add_done_callback(
        lambda done: done.exception() and _log.error("portal link not mailed")
    )


def _letter(vendor: str, language: str) -> Letter:
    """What is written to who asked for a link."""
    tr = catalogue(language).gettext
    subject = tr("Your link to the customer portal of %(vendor)s") % {"vendor": vendor}
    text = tr(
        "Somebody, probably you, asked for a link to the customer portal of %(vendor)s. It is "
        "valid for %(minutes)s minutes and lets one browser in:"
    )
    minutes = links.ONE_TIME_SECONDS // 60
    ignore = tr("If it was not you, you need to do nothing: the link is not used by itself.")
    first = text % {"vendor": vendor, "minutes": minutes}
    return Letter(subject, f"{first}\n\n{mailing.PLACE}\n\n{ignore}\n")


@router.get("/open")
async def opening(request: Request, site: AtSite) -> Response:
    """Where a link leads: a button. To look at it, as mail scanners do, spends nothing."""
    secret, now = request.query_params.get("secret", ""), site.clock()
    link, customer = await _link(request, site, secret, now)
    path = links.path(secret)
    shown = for_stranger(
        request, site, "open", link=link, customer=customer, secret=secret, opening=path
    )
    language = request.query_params.get("language", "")
    if language not in LANGUAGES:
        return shown
    there = RedirectResponse(path, 303)
    preferences.keep(there, "language", language, secure=is_secure(request))
    return there


async def _link(request: Request, site: Site, secret: str, now: int) -> tuple[StoredLink, Customer]:
    """The link of this *secret*, and whose it is. Raises PortalLinkOverError."""

    def read(connection: Connection) -> tuple[StoredLink, Customer]:
        link = links.find(connection, secret, now)
        return link, links.leads_to(connection, link)

    try:
        return await site.read(read)
    except PortalLinkOverError:
        count_guess(request, now)
        raise


@router.post("/open")
async def enter(request: Request, site: AtSite) -> Response:
    """Come in: a one-time link is spent by this."""
    fields = await strangers_fields(request)
    secret, now, former = fields.get("secret", ""), site.clock(), cookie(request, SESSION)
    hours, address = site.settings.session_hours, address_of(request)

    def work(connection: Connection) -> Visit:
        visits.forget(connection, former)
        return visits.enter(connection, secret, now, hours, site.random, address)

    try:
        visit = await site.write(work)
    except PortalLinkOverError:
        count_guess(request, now)
        raise
    response = RedirectResponse(ROOM, 303)
    let_in(response, request, visit)
    return response


@router.post("/leave")
async def leave(request: Request, site: AtSite, visit: Visiting, _: Form) -> Response:
    """Sign out."""
    await site.write(lambda connection: visits.forget(connection, visit.secret))
    response = RedirectResponse(ROOM, 303)
    delete_cookie(response, request, SESSION)
    return response


@router.get("/preferences")
async def choose(request: Request) -> Response:
    """The language and the ground that somebody chooses."""
    return await preferences.choose(request)


@router.get("/static/{name}")
async def static(name: str) -> Response:
    """The style sheet, the script and the picture."""
    return pages.static(name)
