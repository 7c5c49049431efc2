"""Signing in with the vendor's own OpenID Connect provider, which is asked over the network."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
from authlib.common.errors import AuthlibBaseError
from authlib.oauth2.client import OAuth2Client
from fastapi import APIRouter, Request
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from license_core.reason import Reason
from license_server.access import openid
from license_server.access.access_store import StoredUser
from license_server.access.errors import OpenIdRefusedError, OpenIdUnavailableError
from license_server.access.openid import (
    Asked,
    Client,
    Provider,
)
from license_server.db.errors import or_not_found
from license_server.http.state import AtSite, state_of
from license_server.web import sign_in
from license_server.web.session import base_of, cookie, delete_cookie, set_cookie

T = TypeVar("T")
OPENID = "/login/openid"
RETURN = f"{OPENID}/return"
_ASKED = "hostseal_openid"
_TIMEOUT = 10
_LARGEST = 1 << 20
_DISCOVERY = "/.well-known/openid-configuration"

# A provider that does not answer holds up nobody else.
_WORKERS = ThreadPoolExecutor(4, "openid")

anyone = APIRouter()


@anyone.get(OPENID)
async def begin(request: Request, site: AtSite) -> Response:
    """Send somebody to the provider."""
    client = _client(request)
    provider = await _in_turn(_discover, client)
    redirect = f"{base_of(request)}{RETURN}"
    next_ = sign_in.local_path(request.query_params.get("next", ""))
    url, asked = openid.ask(client, provider, redirect, next_, site.random)
    response = RedirectResponse(url, 303)
    kept = openid.keep(asked, sign_in.seeds_of(request).cookies, site.clock())
    set_cookie(response, request, _ASKED, kept, seconds=openid.ASKED_SECONDS)
    return response


@anyone.get(RETURN)
async def come_back(request: Request, site: AtSite) -> Response:
    """Let somebody in whom the provider sends back."""
    client, now, given = _client(request), site.clock(), request.query_params
    kept = cookie(request, _ASKED)
    asked = openid.kept(kept, given.get("state", ""), sign_in.seeds_of(request).cookies, now)
    if given.get("iss", client.issuer) != client.issuer:  # RFC 9207
        raise OpenIdRefusedError(reason="another provider responded")
    if "code" not in given:
        reason = Reason("the provider returned {error!r}", error=given.get("error", "nothing")[:64])
        raise OpenIdRefusedError(reason=reason)
    id_token, keys = await _in_turn(_exchange, client, asked, given["code"])
    claims = openid.read_token(id_token, keys, client, asked, now)

    def find(connection: Connection) -> StoredUser:
        return openid.user_of(connection, claims, client, now)

    user = await site.write(find)
    response = await sign_in.go_on(request, site, asked.next, user)
    delete_cookie(response, request, _ASKED)
    return response


async def _in_turn(work: Callable[..., T], *arguments: Any) -> T:
    """What *work* gives, which speaks to the provider."""
    return await asyncio.get_running_loop().run_in_executor(_WORKERS, work, *arguments)


def _client(request: Request) -> Client:
    """What this server is to its provider. Raises NotFoundError where it has none."""
    return or_not_found(state_of(request).openid, what="page", name=OPENID)


def _discover(client: Client) -> Provider:
    with httpx.Client(timeout=_TIMEOUT) as session:
        address = client.issuer.removesuffix("/") + _DISCOVERY
        return openid.read_provider(client, _get(session, address))


def _exchange(client: Client, asked: Asked, code: str) -> tuple[str, Any]:
    """The ID token that the provider gives for *code*, and its keys.

    Raises OpenIdRefusedError, OpenIdUnavailableError.
    """
    provider = _discover(client)
    with httpx.Client(timeout=_TIMEOUT) as session:
        try:
            given = OAuth2Client(session=session, client_id=client.id).fetch_token(
                provider.token_endpoint,
                code=code,
                code_verifier=asked.verifier,
                redirect_uri=asked.redirect,
                grant_type="authorization_code",
                auth=(client.id, client.secret),
            )
        except httpx.HTTPError as error:
            raise _unavailable(provider.token_endpoint, error) from error
        except (AuthlibBaseError, ValueError) as error:
            reason = Reason(
                "the provider rejected the authorisation code ({error})", error=type(error).__name__
            )
            raise OpenIdRefusedError(reason=reason) from error
        id_token = given.get("id_token")
        if not isinstance(id_token, str) or len(id_token) > _LARGEST:
            raise OpenIdRefusedError(reason="the provider returned no ID token")
        return id_token, _get(session, provider.jwks_uri)


def _get(session: httpx.Client, address: str) -> Any:
    try:
        reply = session.get(address).raise_for_status()
        return reply.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise _unavailable(address, error) from error


def _unavailable(address: str, error: Exception) -> OpenIdUnavailableError:
    host = urlsplit(address).netloc
    reason = Reason("{host} is not responding ({error})", host=host, error=type(error).__name__)
    return OpenIdUnavailableError(reason=reason)
