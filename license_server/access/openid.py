"""Single sign-on with OpenID Connect (OpenID Connect Core 1.0, section 3.1).

The code flow with PKCE, a state and a nonce. What was asked for stays in the browser, proved by
this server, for a few minutes; the provider's word is held against it. Nothing here speaks to the
network.
"""

import hmac
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from authlib.oauth2.client import OAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from sqlalchemy import Connection

from license_core import b64url
from license_core.reason import Reason
from license_server.access import (
    access_store,
    accounts,
    invitations,
    passwords,
)
from license_server.access.access_store import StoredUser
from license_server.access.errors import OpenIdRefusedError
from license_server.access.sealed_cookies import (
    CookieExpiredError,
    CookieInvalidError,
    SealedCookies,
)
from license_server.actor import Actor
from license_server.db.errors import InputInvalidError
from license_server.permissions import PERMISSIONS, ROLES
from license_server.settings import ServerSettings

ASKED_SECONDS = 600
"""How long somebody may take at the provider."""
_ASKED = "openid"
_LEEWAY = 60
"""Seconds by which the clocks may differ."""
_ALGORITHMS = ("RS256", "PS256", "ES256")
_SCOPE = "openid email profile"


class Client(NamedTuple):
    """What this server is to its provider."""

    issuer: str
    id: str
    secret: str
    role_claim: str
    roles: Mapping[str, str]
    """From a value of that claim to a role; empty: roles are given here."""


class Provider(NamedTuple):
    """Where a provider is asked (OpenID Connect Discovery 1.0, section 3)."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


class Asked(NamedTuple):
    """What somebody was sent to the provider with."""

    state: str
    nonce: str
    verifier: str
    redirect: str
    next: str


def configured(settings: ServerSettings) -> Client | None:
    """What the server is to its OpenID provider, where it has one. Raises InputInvalidError."""
    if settings.openid_issuer is None:
        return None
    wrong = next((role for role in settings.openid_roles.values() if role not in ROLES), None)
    if wrong is not None:
        reason = Reason(
            "{role!r} is not a role; the roles are {roles}",
            role=wrong[:64],
            roles=", ".join(ROLES),
        )
        raise InputInvalidError(field="LICENSE_SERVER_OPENID_ROLES", reason=reason)
    return Client(
        settings.openid_issuer,
        settings.openid_client_id,
        settings.read_openid_secret(),
        settings.openid_role_claim,
        settings.openid_roles,
    )


def read_provider(client: Client, metadata: Any) -> Provider:
    """What the provider says of itself. Raises OpenIdRefusedError."""
    if not isinstance(metadata, dict) or metadata.get("issuer") != client.issuer:
        reason = Reason("the provider's issuer is not {name}", name=client.issuer)
        raise OpenIdRefusedError(reason=reason)
    found = {name: metadata.get(name) for name in Provider._fields}
    for name, address in found.items():
        if not isinstance(address, str) or not address.startswith(("https://", "http://")):
            reason = Reason("the provider's configuration has no {name}", name=name)
            raise OpenIdRefusedError(reason=reason)
    return Provider(*map(str, found.values()))


def ask(
    client: Client,
    provider: Provider,
    redirect: str,
    next_: str,
    random: Callable[[int], bytes],
) -> tuple[str, Asked]:
    """Where to send somebody, and what to remember meanwhile."""
    state, nonce, verifier = (b64url.encode(random(32)) for _ in range(3))
    asked = Asked(state, nonce, verifier, redirect, next_)
    maker = OAuth2Client(
        session=None, client_id=client.id, scope=_SCOPE, code_challenge_method="S256"
    )
    url, _ = maker.create_authorization_url(
        provider.authorization_endpoint,
        state=state,
        code_verifier=verifier,
        nonce=nonce,
        redirect_uri=redirect,
    )
    return str(url), asked


def keep(asked: Asked, cookies: SealedCookies, now: int) -> str:
    """What the browser keeps of *asked*."""
    return cookies.seal(_ASKED, asked._asdict(), now + ASKED_SECONDS)


def kept(text: str, state: str, cookies: SealedCookies, now: int) -> Asked:
    """What somebody was sent away with, who comes back with *state*. Raises OpenIdRefusedError."""
    try:
        asked = Asked(**cookies.open(_ASKED, text, now))
    except CookieExpiredError as error:
        raise OpenIdRefusedError(reason="it took too long to sign in") from error
    except CookieInvalidError as error:
        raise OpenIdRefusedError(reason="the sign-in was not started in this browser") from error
    if not hmac.compare_digest(asked.state.encode(), state.encode("utf-8", "replace")):
        raise OpenIdRefusedError(reason="the state parameter does not match the one that was sent")
    return asked


def read_token(id_token: str, keys: Any, client: Client, asked: Asked, now: int) -> dict[str, Any]:
    """The claims of an ID token (section 3.1.3.7). Raises OpenIdRefusedError."""
    try:
        token = jwt.decode(id_token, _key_set(keys), algorithms=_ALGORITHMS)
        options = {
            "iss": {"essential": True, "value": client.issuer},
            "aud": {"essential": True, "value": client.id},
        }
        params = {"nonce": asked.nonce, "client_id": client.id}
        claims = CodeIDToken(token.claims, token.header, options, params)
        claims.validate(now=now, leeway=_LEEWAY)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
        found = f"{type(error).__name__}: {error}"[:250].rstrip(".")
        reason = Reason("the provider's ID token is not valid ({error})", error=found)
        raise OpenIdRefusedError(reason=reason) from error
    return dict(token.claims)


def _key_set(document: Any) -> KeySet:
    """The keys in *document*. Raises as joserfc does, or TypeError where it is no key set."""
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list) or not all(isinstance(one, dict) for one in keys):
        raise TypeError("its keys are no key set")
    return KeySet.import_key_set({"keys": keys})


def user_of(
    connection: Connection, claims: Mapping[str, Any], client: Client, now: int
) -> StoredUser:
    """Whose word it is: an account, which is made where a role or an invitation provides for it.

    Raises OpenIdRefusedError, InputInvalidError or LastAdministratorError.
    """
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 1 <= len(subject) <= 255:
        raise OpenIdRefusedError(reason="the provider did not say who the user is")
    actor = Actor(f"openid:{client.issuer}"[:200], frozenset(PERMISSIONS))
    role = _role(claims, client)
    user = access_store.user_by_subject(connection, client.issuer, subject)
    if user is None:
        user = _by_address(connection, claims, client, subject, role, actor, now)
    if user.ended_at is not None:
        reason = Reason("{email} can no longer sign in", email=user.email)
        raise OpenIdRefusedError(reason=reason)
    if role is not None and role != user.role:
        user = accounts.change_role(connection, user, role, actor, now)
    return user


def _by_address(
    connection: Connection,
    claims: Mapping[str, Any],
    client: Client,
    subject: str,
    role: str | None,
    actor: Actor,
    now: int,
) -> StoredUser:
    """The account of the address that the provider has verified, from now on this subject's."""
    if claims.get("email_verified") is not True:
        raise OpenIdRefusedError(reason="the provider has not verified the email address")
    try:
        email = accounts.read_email(claims.get("email"))
    except InputInvalidError as error:
        raise OpenIdRefusedError(reason="the provider did not give an email address") from error
    user = access_store.user_by_email(connection, email)
    if user is not None and user.issuer_subject is not None:
        reason = Reason("{email} is already linked to another account at the provider", email=email)
        raise OpenIdRefusedError(reason=reason)
    if user is None:
        invited = access_store.take_invitation_of(connection, email)
        if invited is not None and invitations.holds(connection, invited, now):
            role = role or invited.role
        if role is None:
            raise OpenIdRefusedError(reason=Reason("{email} has not been invited", email=email))
        user = accounts.insert(connection, email, passwords.NONE, role, actor, now)
    changed = access_store.change_user(
        connection, user.id, issuer=client.issuer, issuer_subject=subject
    )
    accounts.record(connection, changed, actor, "user.linked", now, user)
    return changed


def _role(claims: Mapping[str, Any], client: Client) -> str | None:
    """The role that the provider gives, the first of ROLES; None: roles are given here.

    Raises OpenIdRefusedError where roles come from the provider and it gives none.
    """
    if not client.roles:
        return None
    given = claims.get(client.role_claim)
    values = given if isinstance(given, list) else [given]
    found = {client.roles.get(value) for value in values if isinstance(value, str)}
    role = next((role for role in ROLES if role in found), None)
    if role is None:
        reason = Reason(
            "the {claim} claim from the provider maps to no role here", claim=client.role_claim
        )
        raise OpenIdRefusedError(reason=reason)
    return role
