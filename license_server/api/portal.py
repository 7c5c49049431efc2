"""``/portal/api``: the customer portal for programs, such as ``license-cli`` at a customer's.

They send the secret of an invitation as a bearer token. What is wrong is a problem document.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.responses import Response

from license_core.errors import NotAuthenticatedError, NotFoundError
from license_server.access import login
from license_server.api import messages
from license_server.api.portal_responses import (
    ROOM,
    FiledPortalRequest,
    PortalLicense,
    PortalLicensePage,
    PortalRequest,
)
from license_server.db.errors import InputInvalidError
from license_server.http import cursors, ranges
from license_server.http.path_params import row_id
from license_server.http.state import AtSite, state_of
from license_server.licenses import issuing
from license_server.licenses.license_store import StoredLicense
from license_server.portal import asking, replying, viewing, visits
from license_server.portal.asking import Done
from license_server.portal.errors import PortalLinkOverError
from license_server.portal.visits import Visit

_PLAIN = "text/plain"
router = APIRouter(prefix=ROOM, include_in_schema=False)


async def _caller(request: Request, site: AtSite) -> Visit:
    """Whose program calls. Raises NotAuthenticatedError, PortalLinkOverError, RateLimitedError."""
    if not site.settings.portal:
        raise NotFoundError(what="page", name=request.url.path)
    now, rates = site.clock(), state_of(request).rates
    address = request.client.host if request.client else ""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    try:
        if scheme.lower() != "bearer" or not token.strip():
            raise NotAuthenticatedError(reason="The request has no token")
        visit = await site.read(lambda c: visits.by_token(c, token.strip(), now, address))
    except (NotAuthenticatedError, PortalLinkOverError):
        rates.take(f"address:{login.network(address)}", now)
        raise
    rates.take(visit.actor.name, now)
    return visit


Caller = Annotated[Visit, Depends(_caller)]


@router.post("/requests", status_code=201)
async def file(request: Request, site: AtSite, visit: Caller) -> Response:
    """File a request; the same again is the same request (200)."""
    wanted = asking.read(await _members(request))
    now = site.clock()
    ready = await site.read(lambda c: asking.prepare(c, visit, wanted, now))
    done: Done = await site.write(lambda c: asking.submit(c, visit, ready, now))
    told = FiledPortalRequest.of(done, now)
    reply = messages.json_response(told, status=201 if done.is_new else 200)
    reply.headers["Location"] = told.request.url
    return reply


async def _members(request: Request) -> dict[str, object]:
    """The members of a JSON body; a plain text is what was asked, as a client prints it."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _PLAIN:
        members, _ = await messages.body_of(request)
        return members
    try:
        return {"text": (await request.body()).decode("utf-8")}
    except ValueError as error:
        raise InputInvalidError(field="body", reason="it is not UTF-8") from error


@router.post("/requests/{id}/reply", status_code=201)
async def reply(id: str, request: Request, site: AtSite, visit: Caller) -> Response:
    """Write something more about a request that waits; the same again is the same text (200)."""
    number, text, now = row_id(id, "request"), replying.read(await _members(request)), site.clock()
    ready = await site.read(lambda c: replying.prepare(c, visit, number, text, now))
    done: Done = await site.write(lambda c: replying.submit(c, visit, ready, now))
    return messages.json_response(
        FiledPortalRequest.of(done, now), status=201 if done.is_new else 200
    )


@router.get("/requests/{id}")
async def one(id: str, site: AtSite, visit: Caller) -> Response:
    """What became of a request."""
    number, now = row_id(id, "request"), site.clock()
    seen = await site.read(lambda c: viewing.request_of(c, visit, number))
    return messages.json_response(PortalRequest.of(seen, now))


@router.get("/licenses")
async def listing(request: Request, site: AtSite, visit: Caller) -> Response:
    """The licences that none has replaced, the newest first; ``host_key``: those of a host."""
    given = messages.check_query(request, ("cursor", "host_key"))
    before, now = messages.before(given), site.clock()
    host_key = given.get("host_key")
    page = await site.read(lambda c: viewing.licenses_of(c, visit, before, host_key))
    after = None if page.below is None else cursors.write(page.below)
    told = [PortalLicense.of(one, now) for one in page.rows]
    return messages.json_response(PortalLicensePage(told, after))


@router.get("/licenses/{number}/license.dat")
async def license_file(number: str, request: Request, site: AtSite, visit: Caller) -> Response:
    """The licence file; a download that broke off is resumed with ``Range``."""

    def read(connection: Connection) -> StoredLicense:
        return viewing.for_use(connection, visit, number)

    stored = await site.read(read)
    answer = ranges.answer(request, issuing.file_of(stored), issuing.FILE_TYPE, "license.dat")
    if answer.status_code in (200, 206):
        now = site.clock()
        await site.write(lambda c: visits.tell_download(c, visit, stored.number, now))
    return answer
