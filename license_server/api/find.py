"""``/find``: anything by any part of it."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from license_server import finder
from license_server.api import PREFIX, messages
from license_server.api.auth import Reader
from license_server.api.catalog_responses import Customer, Product
from license_server.api.find_responses import Finding
from license_server.api.license_responses import License, Proposal
from license_server.api.operations import describe
from license_server.api.request_responses import LicenseRequest
from license_server.db.errors import InputInvalidError
from license_server.http.state import AtSite

_LONGEST = 200

router = APIRouter(prefix=PREFIX)


@router.get("/find", tags=["licenses"], openapi_extra=describe("find"))
async def find(request: Request, site: AtSite, actor: Reader) -> Response:
    """Find licences, customers, products, proposals and requests by any part of what is known."""
    typed, now = messages.query(request).get("q", ""), site.clock()
    if len(typed) > _LONGEST:
        raise InputInvalidError(field="q", reason=f"it is longer than {_LONGEST} characters")
    found: Any = await site.read(lambda connection: finder.find(connection, typed, actor, now))
    reply = Finding(
        licenses=[License.of(one, now, actor) for one in found.licenses],
        more=found.more,
        customers=[Customer.of(one) for one in found.customers],
        products=[Product.of(one) for one in found.products],
        proposals=[Proposal.of(one) for one in found.proposals],
        requests=[LicenseRequest.of(one) for one in found.requests],
    )
    return messages.json_response(reply)
