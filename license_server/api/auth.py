"""API authentication: the bearer token (RFC 6750 section 2.1), and the permission a route needs."""

from typing import Annotated

from fastapi import Depends, Request

from license_core.errors import NotAuthenticatedError, RateLimitedError
from license_server.access import login, tokens
from license_server.actor import Actor
from license_server.api import messages
from license_server.api.operations import operation_of
from license_server.http.rate_limit import Rates
from license_server.http.state import AtSite, state_of
from license_server.site import Site


class Needs:
    """A route's demand: the caller must be permitted this, and name parameters that it has."""

    def __init__(self, permission: str) -> None:
        self.permission = permission

    async def __call__(self, request: Request, site: AtSite) -> Actor:
        """Who calls. Raises NotAuthenticatedError, NotPermittedError, InputInvalidError."""
        actor = await _caller(request, site)
        actor.need(self.permission)
        request.state.query = messages.check_query(request, operation_of(request).query)
        return actor


async def _caller(request: Request, site: Site) -> Actor:
    now, address = site.clock(), request.client.host if request.client else ""
    rates = state_of(request).rates
    try:
        actor = await _bearer(request, site, now)
    except NotAuthenticatedError:
        _take(request, rates, f"address:{login.network(address)}", now)
        raise
    _take(request, rates, actor.name, now)
    return actor._replace(address=address or None)


def _take(request: Request, rates: Rates, client: str, now: int) -> None:
    """Count a request of *client*; the reply says what is left. Raises RateLimitedError."""
    try:
        request.state.rate = rates.take(client, now)
    except RateLimitedError:
        request.state.rate = rates.left(client, now)
        raise


async def _bearer(request: Request, site: Site, now: int) -> Actor:
    """Whose token the request has. Raises NotAuthenticatedError."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise NotAuthenticatedError(reason="The request has no API token")
    cache = state_of(request).tokens
    actor = cache.find(token, now)
    if actor is None:
        held = await site.read(lambda connection: tokens.find_token(connection, token, now))
        stored, actor = held.token, held.actor
        if cache.to_note(stored, now):
            # Nobody waits for it, and it is in no transaction of what is asked for.
            site.database.writer.submit(lambda c: tokens.note_use(c, stored.id, now))
        cache.keep(token, actor, now)
    return actor


Reader = Annotated[Actor, Depends(Needs("licenses:read"))]
"""A caller who may see licences."""
