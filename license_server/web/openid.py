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
from license_server.access import openid, sign_in_events
from license_server.access.access_store import StoredUser
from license_server.access.errors import OpenIdRefusedError, OpenIdUnavailableError
from license_server.access.openid import (
    Asked,
    Client,
    Provider,
)
from license_server.db.errors import or_not_found
from license_server.http.documents import Documents
from license_server.http.state import AtSite, state_of
from license_server.site import Site
from license_server.web import sign_in
from license_server.web.session import address_of, base_of, cookie, delete_cookie, set_cookie

T = TypeVar("T")
OPENID = "/login/openid"
RETURN = f"{OPENID}/return"
_ASKED = "hostseal_openid"
_JUNK = (AttributeError, KeyError, TypeError, RecursionError)
"""What authlib raises at an answer of another shape."""
_DISCOVERY = "/.well-known/openid-configuration"

# A provider that does not answer holds up nobody else.
_WORKERS = ThreadPoolExecutor(4, "openid")

anyone = APIRouter()


@anyone.get(OPENID)
async def begin(request: Request, site: AtSite) -> Response:
    """Send somebody to the provider."""
    client = _client(request)
    documents = state_of(request).openid_documents
    provider = await _in_turn(_discover, client, documents)
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
    try:
        return await _let_in(request, site, client, asked)
    except OpenIdRefusedError as error:
        address, slug = address_of(request), error.slug
        sign_in.tell_failure(request, site, None, error)
        site.database.writer.submit(
            lambda c: sign_in_events.refused(c, address, slug, now)  # nobody waits for it
        )
        raise


async def _let_in(request: Request, site: Site, client: Client, asked: Asked) -> Response:
    """Let in whom the provider means. Raises OpenIdRefusedError, OpenIdUnavailableError."""
    now, given = site.clock(), request.query_params
    if given.get("iss", client.issuer) != client.issuer:  # RFC 9207
        raise OpenIdRefusedError(reason="another provider responded")
    if "code" not in given:
        reason = Reason("the provider returned {error!r}", error=given.get("error", "nothing")[:64])
        raise OpenIdRefusedError(reason=reason)
    documents = state_of(request).openid_documents
    provider, id_token = await _in_turn(_exchange, client, documents, asked, given["code"])
    claims = await _in_turn(_read, client, documents, provider, id_token, asked, now)

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


def _discover(client: Client, documents: Documents) -> Provider:
    address = client.issuer.removesuffix("/") + _DISCOVERY
    return openid.read_provider(client, _get(documents, address))


def _exchange(
    client: Client, documents: Documents, asked: Asked, code: str
) -> tuple[Provider, str]:
    """The provider, and the ID token that it gives for *code*.

    Raises OpenIdRefusedError, OpenIdUnavailableError.
    """
    provider = _discover(client, documents)
    try:
        given = OAuth2Client(session=documents.client, client_id=client.id).fetch_token(
            provider.token_endpoint,
            code=code,
            code_verifier=asked.verifier,
            redirect_uri=asked.redirect,
            grant_type="authorization_code",
            auth=(client.id, client.secret),
        )
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _unavailable(provider.token_endpoint, error) from error
    except (AuthlibBaseError, ValueError, *_JUNK) as error:
        reason = Reason(
            "the provider rejected the authorisation code ({error})", error=type(error).__name__
        )
        raise OpenIdRefusedError(reason=reason) from error
    id_token = given.get("id_token") if isinstance(given, dict) else None
    if not isinstance(id_token, str):
        raise OpenIdRefusedError(reason="the provider returned no ID token")
    return provider, id_token


def _read(
    client: Client,
    documents: Documents,
    provider: Provider,
    id_token: str,
    asked: Asked,
    now: int,
) -> dict[str, Any]:
    """The claims of an ID token; the provider's keys are read afresh where those kept do not do.

    Raises OpenIdRefusedError, OpenIdUnavailableError.
    """
    try:
        keys = _get(documents, provider.jwks_uri)
        return openid.read_token(id_token, keys, client, asked, now)
    except OpenIdRefusedError:
        keys = _get(documents, provider.jwks_uri, afresh=True)
        return openid.read_token(id_token, keys, client, asked, now)


def _get(documents: Documents, address: str, *, afresh: bool = False) -> Any:
    try:
        return documents.get(address, afresh=afresh)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise _unavailable(address, error) from error


def _unavailable(address: str, error: Exception) -> OpenIdUnavailableError:
    host = urlsplit(address).netloc
    reason = Reason("{host} is not responding ({error})", host=host, error=type(error).__name__)
    return OpenIdUnavailableError(reason=reason)
