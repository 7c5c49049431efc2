"""``/license.revocations``: the revocation list in force, for everybody and any cache between.

With ``?license=NUMBER`` it is the shard of that licence; with several, those of each.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

import anyio.to_thread
from anyio import CapacityLimiter
from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response

from license_core.errors import NotFoundError
from license_server.http.state import AtSite, state_of
from license_server.licenses import typed_numbers
from license_server.signing.list_file import FILE, Published
from license_server.signing.revocation_shards import Shards

anyone = APIRouter()
_SIGNATURES = CapacityLimiter(1)
_FRESH = 300
"""Seconds for which a cache need not ask again; a day more where this server is gone."""


@anyone.api_route(f"/{FILE}", methods=["GET", "HEAD"])
async def list_(request: Request, site: AtSite) -> Response:
    """The list; 304 where the caller has it.

    Raises NotFoundError, InputInvalidError, RevocationsTooLargeError.
    """
    kept, numbers = state_of(request).revocations, request.query_params.getlist("license")
    shards = await site.read(lambda connection: kept.newest(connection, site.issuer))
    if shards is None:
        raise NotFoundError(what="revocation list at", name=f"/{FILE}")
    more = {}
    if numbers:
        more = {"Content-Disposition": f'attachment; filename="{FILE}"'}
        meant = [typed_numbers.whole(number) for number in numbers]
        found = await file_for(shards, meant, site.clock())
    else:
        found = shards.whole()
    headers = {
        "ETag": found.etag,
        "Last-Modified": format_datetime(_when(found), usegmt=True),
        "Cache-Control": f"public, max-age={_FRESH}, stale-if-error=86400",
        **more,
    }
    if _has_it(request, found):
        return Response(status_code=304, headers=headers)
    return Response(found.body, media_type="text/plain; charset=utf-8", headers=headers)


async def file_for(shards: Shards, numbers: Sequence[str], now: int) -> Published:
    """The file for the licences with these *numbers*. Raises as Shards.of does.

    Shards are signed one at a time: whoever asks for many delays others by one signature, and a
    slow key keeps no thread that other requests need.
    """
    for number in shards.unsigned(numbers):
        await anyio.to_thread.run_sync(shards.tokens, [number], now, limiter=_SIGNATURES)
    return await run_in_threadpool(shards.of, numbers, now)


def _has_it(request: Request, found: Published) -> bool:
    """Whether the caller's copy is this one (RFC 9110 section 13.2.2)."""
    tags = request.headers.get("if-none-match")
    if tags is not None:
        known = {tag.strip().removeprefix("W/") for tag in tags.split(",")}
        return bool(known & {found.etag, "*"})
    try:
        since = parsedate_to_datetime(request.headers.get("if-modified-since", ""))
    except (ValueError, OverflowError):  # OverflowError: a year that no calendar has
        return False
    return since.tzinfo is not None and _when(found) <= since


def _when(found: Published) -> datetime:
    return datetime.fromtimestamp(found.created_at, UTC)
