"""``/renewals``: what expires, and what was reminded of."""

from collections.abc import Mapping

from fastapi import APIRouter, Request
from starlette.responses import Response

from license_server.api import PREFIX, messages
from license_server.api.auth import Reader
from license_server.api.operations import describe
from license_server.api.renewal_responses import Renewal, RenewalPage
from license_server.db.errors import InputInvalidError
from license_server.http.state import AtSite
from license_server.renewals import listing, span
from license_server.renewals.listing import Wanted

router = APIRouter(prefix=f"{PREFIX}/renewals", tags=["renewals"])


@router.get("", openapi_extra=describe("renewals.list"))
async def due(request: Request, site: AtSite, actor: Reader) -> Response:
    """List licences that expire, the next first, and those of the last 31 days; none that ended."""
    given = messages.query(request)
    limit, after = messages.limit(given), messages.before(given)
    wanted, now = _wanted(given), site.clock()
    rows = await site.read(
        lambda c: listing.due(c, wanted, actor, now, after=after, limit=limit + 1)
    )
    return messages.page(RenewalPage, rows, limit, lambda one: one.stored.id, Renewal.of)


def _wanted(given: Mapping[str, str]) -> Wanted:
    """Which licences the parameters ask for. Raises InputInvalidError."""
    text = given.get("days", str(span.USUAL_DAYS))
    days = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
    if not 1 <= days <= span.MOST_DAYS:
        reason = f"'{text}' is not a number from 1 to {span.MOST_DAYS}"
        raise InputInvalidError(field="days", reason=reason)
    return Wanted(days, given.get("product"), given.get("customer"), given.get("owner"))
