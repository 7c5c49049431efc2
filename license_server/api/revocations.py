"""``/revocations``: the revocation list in force, and publishing the next one."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.responses import Response

from license_core import claims
from license_core.claims import ClaimError
from license_core.errors import NotFoundError
from license_core.reason import Reason
from license_server.actor import Actor
from license_server.api import PREFIX, messages, responses
from license_server.api.auth import Needs
from license_server.api.operations import describe
from license_server.api.revocation_responses import ListInForce, PublishedList
from license_server.db.errors import InputInvalidError
from license_server.db.reply_store import Reply
from license_server.http.state import AtSite
from license_server.signing import revocation_store
from license_server.signing.list_days import LISTED_DAYS, MOST_DAYS
from license_server.signing.revocation_store import StoredList

router = APIRouter(prefix=f"{PREFIX}/revocations", tags=["revocations"])
Publisher = Annotated[Actor, Depends(Needs("revocations:publish"))]


@router.get("", openapi_extra=describe("revocations.get"))
async def newest(site: AtSite, _: Publisher) -> Response:
    """Get the number and dates of the revocation list in force, and what waits for the next."""

    def read(connection: Connection) -> ListInForce:
        found = revocation_store.standing(connection)
        if found is None:
            raise NotFoundError(what="revocation list", name=Reason("yet"))
        whole = revocation_store.is_whole(connection, found.number)
        waiting = revocation_store.count_waiting(connection, found.created_at)
        return ListInForce.of(found, whole=whole, waiting=waiting)

    return messages.json_response(await site.read(read))


@router.post("", status_code=201, openapi_extra=describe("revocations.publish"))
async def publish(request: Request, site: AtSite, actor: Publisher) -> Response:
    """Publish the list of all licences now revoked, suspended or rehosted."""
    members, body = await messages.body_of(request)
    days, key = _days(members), messages.idempotency(request, body)

    def render_reply(new: StoredList, count: int) -> Reply:
        told = PublishedList.of(new, whole=new.is_whole, licenses=count)
        return Reply(201, None, responses.to_json(told))

    reply = await site.publish_revocations(actor, site.clock(), days, render_reply, key)
    return messages.respond(reply)


def _days(members: dict[str, Any]) -> int:
    """For how many days the list that a body asks for is fresh. Raises InputInvalidError."""
    members = messages.known(members, ("days",))
    try:
        days = claims.integer(members, "days", least=1, most=MOST_DAYS)
    except ClaimError as error:
        raise InputInvalidError(field=error.claim, reason=error.reason) from error
    return LISTED_DAYS if days is None else days
