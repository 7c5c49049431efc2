"""``/api/v1``: issue, list and fetch licences, with a bearer token."""

import hashlib
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse, Response

from license_core.errors import InputInvalidError, NotAuthenticatedError
from license_server import auth, cursors, issuing, orders, store
from license_server.api.shapes import license_json
from license_server.issuing import Idempotency
from license_server.site import Site
from license_server.store import Filter, StoredLicense

PREFIX = "/api/v1"
MEDIA_TYPE = "application/octet-stream"
_LONGEST_KEY = 200
_PAGE, _LARGEST_PAGE = 50, 200
_FILTERS = ("customer", "product", "host_key", "limit", "cursor")

router = APIRouter(prefix=PREFIX)


async def _site(request: Request) -> Site:
    site: Site = request.app.state.site
    return site


async def _actor(request: Request, site: Annotated[Site, Depends(_site)]) -> str:
    """Who sends the bearer token (RFC 6750 section 2.1)."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise NotAuthenticatedError(reason="The request has no token")
    cache: auth.TokenCache = request.app.state.tokens
    actor = cache.find(token.strip(), site.clock())
    if actor is None:
        actor = await site.read(lambda connection: auth.token_actor(connection, token.strip()))
        cache.keep(token.strip(), actor, site.clock())
    return actor


AtSite = Annotated[Site, Depends(_site)]
By = Annotated[str, Depends(_actor)]


@router.post("/licenses")
async def issue(request: Request, site: AtSite, actor: By) -> Response:
    """Issue a licence. With ``Idempotency-Key`` the same request gets the same licence."""
    now = site.clock()
    body = await request.body()
    idempotency = _idempotency(request, body)
    order = orders.from_json(body, now)
    shape = license_json(await site.issue(order, actor, now, idempotency), PREFIX)
    return JSONResponse(shape, status_code=201, headers={"Location": shape["links"]["self"]})


@router.get("/licenses", dependencies=[Depends(_actor)])
async def listing(request: Request, site: AtSite) -> Response:
    """The licences, the newest first, a page at a time."""
    given = _single(request)
    before = cursors.read(given["cursor"]) if "cursor" in given else None
    limit = _limit(given)
    wanted = Filter(given.get("customer"), given.get("product"), given.get("host_key"))
    page = await site.read(
        lambda connection: store.list_licenses(connection, wanted, before=before, limit=limit + 1)
    )
    shown = page[:limit]
    cursor = cursors.write(shown[-1].id) if len(page) > limit else None
    shapes = [license_json(stored, PREFIX) for stored in shown]
    return JSONResponse({"licenses": shapes, "next_cursor": cursor})


@router.get("/licenses/{number}", dependencies=[Depends(_actor)])
async def one(number: str, site: AtSite) -> Response:
    """One licence."""
    return JSONResponse(license_json(await _find(site, number), PREFIX))


@router.get("/licenses/{number}/license.dat", dependencies=[Depends(_actor)])
async def file(number: str, site: AtSite) -> Response:
    """The file to install."""
    stored = await _find(site, number)
    return Response(
        issuing.file_of(stored),
        media_type=MEDIA_TYPE,
        headers={"Content-Disposition": 'attachment; filename="license.dat"'},
    )


async def _find(site: Site, number: str) -> StoredLicense:
    return await site.read(lambda connection: issuing.find(connection, number))


def _idempotency(request: Request, body: bytes) -> Idempotency | None:
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not 1 <= len(key) <= _LONGEST_KEY or not (key.isascii() and key.isprintable()):
        reason = f"it must have 1 to {_LONGEST_KEY} printable ASCII characters"
        raise InputInvalidError(field="Idempotency-Key", reason=reason)
    return Idempotency(key, hashlib.sha256(body).digest())


def _single(request: Request) -> dict[str, str]:
    """The parameters of the query, each known and given once."""
    given: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in _FILTERS:
            reason = f"there is no such parameter; there are {', '.join(_FILTERS)}"
            raise InputInvalidError(field=name[:64], reason=reason)
        if name in given:
            raise InputInvalidError(field=name, reason="it is given twice")
        if not value.isprintable():
            raise InputInvalidError(field=name, reason="it has control characters")
        given[name] = value
    return given


def _limit(given: dict[str, Any]) -> int:
    text = given.get("limit", str(_PAGE))
    limit = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
    if not 1 <= limit <= _LARGEST_PAGE:
        reason = f"{text!r} is not a number from 1 to {_LARGEST_PAGE}"
        raise InputInvalidError(field="limit", reason=reason)
    return limit
