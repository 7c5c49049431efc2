"""``/tokens``: the API tokens that programs call with."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.responses import Response

from license_core import claims, clock
from license_core.claims import ClaimError
from license_server.access import standing, tokens
from license_server.access.standing import Held
from license_server.access.tokens import MOST_DAYS, Grant
from license_server.actor import Actor
from license_server.api import (
    PREFIX,
    messages,
)
from license_server.api.access_responses import NewToken, Token, TokenList
from license_server.api.auth import Needs
from license_server.api.operations import describe
from license_server.db.errors import InputInvalidError
from license_server.http.state import AtSite

router = APIRouter(prefix=f"{PREFIX}/tokens", tags=["tokens"])
Manager = Annotated[Actor, Depends(Needs("tokens:manage"))]


@router.get("", openapi_extra=describe("tokens.list"))
async def listing(site: AtSite, _: Manager) -> Response:
    """List API tokens by name, without their secrets."""
    found, now = await site.read(standing.listed), site.clock()
    return messages.json_response(TokenList([Token.of(one, now) for one in found]))


@router.post("", status_code=201, openapi_extra=describe("tokens.create"))
async def create(request: Request, site: AtSite, actor: Manager) -> Response:
    """Create an API token. Its secret is in this reply and nowhere else."""
    messages.refuse_key(request)
    members, _ = await messages.body_of(request)
    now = site.clock()
    name, grant = _read(members, now)

    secret = await site.write(
        lambda connection: tokens.new_token(connection, name, actor, now, site.random, grant)
    )
    held = await site.read(lambda connection: tokens.held_by_id(connection, secret.split("_")[1]))
    return messages.json_response(NewToken.of(held, now, token=secret), status=201)


@router.post("/{id}/revoke", openapi_extra=describe("tokens.revoke"))
async def revoke(id: str, site: AtSite, actor: Manager) -> Response:
    """Revoke an API token; takes effect within a second."""
    now = site.clock()

    def work(connection: Connection) -> Held:
        tokens.revoke_token(connection, tokens.token_by_id(connection, id).name, actor, now)
        return tokens.held_by_id(connection, id)

    return messages.json_response(Token.of(await site.write(work), now))


def _read(members: dict[str, Any], now: int) -> tuple[str, Grant]:
    """The name and the grant that a body asks for. Raises InputInvalidError."""
    members = messages.known(members, ("name", "scopes", "products", "days"))
    try:
        name = claims.text(members, "name", longest=100)
        scopes = _names(members, "scopes")
        products = _names(members, "products")
        days = claims.integer(members, "days", least=1, most=MOST_DAYS)
    except ClaimError as error:
        raise InputInvalidError(field=error.claim, reason=error.reason) from error
    if not name:
        raise InputInvalidError(field="name", reason="it is missing")
    expires_at = None if days is None else clock.later(now, days * 86400)
    return name, Grant(tokens.PROGRAM.scopes if scopes is None else scopes, products, expires_at)


def _names(members: dict[str, Any], name: str) -> frozenset[str] | None:
    given = members.get(name)
    if given is None:
        return None
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise ClaimError(name, "it is not an array of strings")
    return frozenset(given)
