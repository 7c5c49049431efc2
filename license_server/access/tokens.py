"""API tokens: making, checking and revoking them.

A secret is shown once and stored as its SHA-256: it is random and long, so nothing is gained by a
slow hash. Passwords are another matter (passwords.py).
"""

import hmac
from typing import Any, NamedTuple

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from license_core import (
    b64url,
    claims,
    strictjson,
)
from license_core.errors import NotAuthenticatedError, NotFoundError
from license_core.reason import Reason
from license_core.wording import utc
from license_server.access import access_store, standing
from license_server.access.access_store import StoredToken
from license_server.access.secrets import SECRET_BYTES, Random, hash_of
from license_server.access.standing import Held
from license_server.actor import Actor
from license_server.audit import changes, events
from license_server.db.errors import InputInvalidError, NameTakenError, or_not_found
from license_server.permissions import (
    PERMISSIONS,
    WHOLE,
)

_PREFIX = "hst"


# Programs


class Grant(NamedTuple):
    """What a token may do."""

    scopes: frozenset[str]
    products: frozenset[str] | None = None
    """For which products; None: all."""
    expires_at: int | None = None
    """Until when, in seconds; None: until it is revoked."""


PROGRAM = Grant(frozenset({"licenses:read", "licenses:issue"}))
"""What a token may do where nothing else is said."""


def new_token(
    connection: Connection,
    name: str,
    actor: Actor,
    now: int,
    random: Random,
    grant: Grant = PROGRAM,
) -> str:
    """A bearer token called *name*; it is told this once.

    Raises InputInvalidError, or NotPermittedError for more than *actor* may do.
    """
    actor.need("tokens:manage")
    check_name(name)
    check_grant(grant, actor, now)
    id_, secret = random(6).hex(), b64url.encode(random(SECRET_BYTES))
    stored = StoredToken(
        id=id_,
        name=name,
        secret_hash=hash_of(secret),
        created_at=now,
        revoked_at=None,
        scopes=" ".join(sorted(grant.scopes)),
        products=None
        if grant.products is None
        else strictjson.dumps(sorted(grant.products)).decode("utf-8"),
        expires_at=grant.expires_at,
        used_at=None,
    )
    try:
        access_store.add_token(connection, stored)
    except IntegrityError as error:
        raise NameTakenError(what="API token", name=name) from error
    _record_token(connection, stored, actor, "token.created", now)
    return f"{_PREFIX}_{id_}_{secret}"


def check_name(name: str) -> None:
    """Raise InputInvalidError unless a token may be called so."""
    if not 1 <= len(name) <= 100 or not name.isprintable():
        raise InputInvalidError(field="name", reason="it must have 1 to 100 printable characters")


def check_grant(grant: Grant, actor: Actor, now: int) -> None:
    """Raise InputInvalidError, or NotPermittedError for more than *actor* may do."""
    unknown = sorted(grant.scopes - PERMISSIONS.keys())
    if unknown or not grant.scopes:
        allowed = ", ".join(PERMISSIONS)
        reason = Reason("at least one is required, out of {allowed}", allowed=allowed)
        if unknown:
            reason = Reason("{value!r} is not one of {allowed}", value=unknown[0], allowed=allowed)
        raise InputInvalidError(field="scopes", reason=reason)
    if grant.products is not None and not grant.products:
        raise InputInvalidError(field="products", reason="the list is empty")
    whole = sorted(grant.scopes & WHOLE)
    if grant.products is not None and whole:
        reason = Reason(
            "{permission} applies to the whole server, so a token with it cannot be "
            "restricted to products",
            permission=whole[0],
        )
        raise InputInvalidError(field="products", reason=reason)
    for scope in sorted(grant.scopes):
        actor.need(scope)
    for product in grant.products or ():
        if not claims.choice_name(product):
            reason = Reason("{value!r} is not a product name", value=product[:64])
            raise InputInvalidError(field="products", reason=reason)
    if grant.expires_at is not None and grant.expires_at <= now:
        raise InputInvalidError(field="expires_at", reason="it is in the past")


def held_by_id(connection: Connection, id_: str) -> Held:
    """The token whose public part is *id_*, with who is behind it. Raises NotFoundError."""
    return standing.held(connection, [token_by_id(connection, id_)])[0]


def token_by_id(connection: Connection, id_: str) -> StoredToken:
    """The token whose public part is *id_*. Raises NotFoundError."""
    return or_not_found(
        access_store.token_by_id(connection, id_) if id_.isascii() and id_.isalnum() else None,
        what="API token",
        name=id_[:64],
    )


def note_use(connection: Connection, id_: str, now: int) -> None:
    """Remember in which hour a token was used last."""
    access_store.set_token_used(connection, id_, hour(now))


def hour(now: int) -> int:
    """The beginning of the hour of an instant."""
    return now - now % 3600


def revoke_token(connection: Connection, name: str, actor: Actor, now: int) -> None:
    """Make the token *name* worthless. Raises NotFoundError, NotPermittedError."""
    actor.need("tokens:manage")
    stored = access_store.revoke_token(connection, name, now)
    if stored is None:
        raise NotFoundError(what="valid API token called", name=name)
    _record_token(connection, stored, actor, "token.revoked", now)


def _record_token(
    connection: Connection, stored: StoredToken, actor: Actor, action: str, now: int
) -> None:
    row = ("tokens", stored._asdict())
    changed = _changed(stored)
    events.record(
        connection,
        now,
        actor,
        action,
        stored.name,
        rows=[row],
        scopes=stored.scopes,
        changed=changed,
    )


def _changed(stored: StoredToken) -> dict[str, Any]:
    """What was changed by an act on a token, which is created, and revoked once."""
    if stored.revoked_at is not None:
        return changes.between({"revoked": False}, {"revoked": True})
    products = None if stored.products is None else strictjson.loads(stored.products.encode())
    given = {"scopes": stored.scopes, "products": products, "expires_at": stored.expires_at}
    return changes.between({}, given)


def find_token(connection: Connection, token: str, now: int) -> Held:
    """The token that somebody sends, which holds at *now*. Raises NotAuthenticatedError."""
    prefix, _, rest = token.partition("_")
    id_, _, secret = rest.partition("_")
    stored = None
    if prefix == _PREFIX and len(id_) <= 16 and id_.isascii() and id_.isalnum():
        stored = access_store.token_by_id(connection, id_)
    # Compared in any case, and in constant time.
    expected = stored.secret_hash if stored else bytes(32)
    if not hmac.compare_digest(hash_of(secret), expected) or stored is None:
        raise NotAuthenticatedError(reason="The token is not valid")
    (held,) = standing.held(connection, [stored])
    state = held.state(now)
    if state == standing.REVOKED:
        raise NotAuthenticatedError(reason="The token has been revoked")
    if state == standing.EXPIRED:
        reason = Reason("The token expired at {ended}", ended=utc(stored.expires_at or now))
        raise NotAuthenticatedError(reason=reason)
    if state == standing.ENDED and held.person is not None:
        reason = Reason("The token ended with the account of {email}", email=held.person.email)
        raise NotAuthenticatedError(reason=reason)
    return held


# People


class TokenCache:
    """Tokens that were found valid within the present second, so that a burst asks once."""

    def __init__(self) -> None:
        self._second = 0
        self._actors: dict[bytes, Actor] = {}
        self._noted: dict[str, int] = {}

    def find(self, token: str, now: int) -> Actor | None:
        """Who sends *token*, if that is known already."""
        if now != self._second:
            self._second, self._actors = now, {}
        return self._actors.get(hash_of(token))

    def keep(self, token: str, actor: Actor, now: int) -> None:
        """Remember for the rest of the second *now* who sends *token*."""
        if now == self._second:
            self._actors[hash_of(token)] = actor

    def to_note(self, stored: StoredToken, now: int) -> bool:
        """Whether it is to be written down that *stored* is used: once an hour."""
        last = max(stored.used_at or 0, self._noted.get(stored.id, 0))
        if last == hour(now):
            return False
        self._noted[stored.id] = hour(now)
        return True


MOST_DAYS = 3660
