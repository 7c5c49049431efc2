"""The licences at the desk: the list, and the life of each."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from license_server import cursors, issuing
from license_server.auth import Session
from license_server.site import Site
from license_server.store import licenses, record
from license_server.store.licenses import StoredLicense
from license_server.store.search import Filter
from license_server.web import pages, sending, who
from license_server.web.entry import HOME
from license_server.web.who import AtSite, May

MEDIA_TYPE = "application/octet-stream"
_PAGE = 50
_LONGEST_SEARCH = 200

router = APIRouter()
Reader = Annotated[Session, Depends(May("licenses:read"))]


@router.get(HOME)
async def listing(request: Request, site: AtSite, _: Reader) -> Response:
    """What was issued, the newest first."""
    text = who.printable(request.query_params.get("q", "")[:_LONGEST_SEARCH])
    cursor = request.query_params.get("cursor")
    before = cursors.read(cursor) if cursor else None
    wanted, now = Filter(text=text or None), site.clock()
    found = await site.read(
        lambda connection: licenses.filled(connection, wanted, now, before=before, limit=_PAGE)
    )
    older = None
    if found.below is not None:
        last = {"cursor": cursors.write(found.below)}
        older = f"{HOME}?{urlencode(({'q': text} if text else {}) | last)}"
    return pages.page(
        request, "licenses", licenses=found.rows, q=text, older=older, first=before is None
    )


@router.get(HOME + "/{number}")
async def one(request: Request, number: str, site: AtSite, _: Reader) -> Response:
    """One licence."""
    stored = await find(site, number)
    issued = "issued" in request.query_params
    trail = await site.read(lambda connection: record.trail(connection, [number]))
    return pages.page(
        request,
        "license",
        stored=stored,
        license=issuing.claims_of(stored),
        state=issuing.claims_of(stored).state(site.clock()),
        trail=trail,
        sending=await sending.of(site, request, stored) if issued else None,
        text=issuing.file_of(stored).decode("utf-8"),
    )


@router.get(HOME + "/{number}/license.dat")
async def file(number: str, site: AtSite, _: Reader) -> Response:
    """The file to send to the operator."""
    stored = await find(site, number)
    return Response(
        issuing.file_of(stored),
        media_type=MEDIA_TYPE,
        headers={"Content-Disposition": 'attachment; filename="license.dat"'},
    )


async def find(site: Site, number: str) -> StoredLicense:
    """The licence of this number. Raises NotFoundError."""
    return await site.read(lambda connection: issuing.find(connection, number))
