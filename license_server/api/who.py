"""Who calls: the bearer token of a request (RFC 6750 section 2.1), and what it must allow."""

from typing import Annotated

from fastapi import Depends, Request

from license_core.errors import NotAuthenticatedError
from license_server import auth
from license_server.actor import Actor
from license_server.auth import TokenCache
from license_server.site import Site


async def site_of(request: Request) -> Site:
    """The parts of this server."""
    site: Site = request.app.state.site
    return site


AtSite = Annotated[Site, Depends(site_of)]


class Needs:
    """A route's demand: the caller must be permitted this."""

    def __init__(self, permission: str) -> None:
        self.permission = permission

    async def __call__(self, request: Request, site: AtSite) -> Actor:
        """Who calls. Raises NotAuthenticatedError, NotPermittedError."""
        actor = await _caller(request, site)
        actor.need(self.permission)
        return actor


async def _caller(request: Request, site: Site) -> Actor:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise NotAuthenticatedError(reason="The request has no token")
    cache: TokenCache = request.app.state.tokens
    now = site.clock()
    actor = cache.find(token, now)
    if actor is None:
        stored = await site.read(lambda connection: auth.find_token(connection, token, now))
        actor = auth.token_actor(stored)
        if cache.to_note(stored, now):
            # Nobody waits for it, and it is in no transaction of what is asked for.
            site.database.writer.submit(
                lambda connection: auth.note_use(connection, stored.id, now)
            )
        cache.keep(token, actor, now)
    return actor._replace(address=request.client.host if request.client else None)


Reader = Annotated[Actor, Depends(Needs("licenses:read"))]
"""A caller who may see licences."""
