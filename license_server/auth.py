"""Who asks: bearer tokens of programs, and the sessions of people at the desk.

A secret is shown once and stored as its SHA-256: it is random and long, so nothing is gained by a
slow hash. Passwords are another matter (passwords.py).
"""

import hashlib
import hmac
from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from license_core import b64url
from license_core.errors import (
    FormExpiredError,
    InputInvalidError,
    NotAuthenticatedError,
    NotFoundError,
)
from license_server import audit, store

Random = Callable[[int], bytes]
_PREFIX = "hst"
_SECRET_BYTES = 32


class Session(NamedTuple):
    """Somebody who is signed in at the desk."""

    secret: str
    """What the cookie holds."""
    email: str

    @property
    def actor(self) -> str:
        """The name in the audit trail."""
        return f"user:{self.email}"

    @property
    def form_token(self) -> str:
        """What a form of this session carries."""
        return form_token(self.secret)


# Programs


def new_token(connection: Connection, name: str, actor: str, now: int, random: Random) -> str:
    """A bearer token called *name*; it is told this once. Raises InputInvalidError."""
    if not 1 <= len(name) <= 100 or not name.isprintable():
        raise InputInvalidError(field="name", reason="it must have 1 to 100 printable characters")
    id_, secret = random(6).hex(), b64url.encode(random(_SECRET_BYTES))
    try:
        store.add_token(connection, id_, name, _hash(secret), now)
    except IntegrityError as error:
        reason = f"there is a token called {name!r} already"
        raise InputInvalidError(field="name", reason=reason) from error
    audit.record(connection, now, actor, "token.created", name)
    return f"{_PREFIX}_{id_}_{secret}"


def revoke_token(connection: Connection, name: str, actor: str, now: int) -> None:
    """Make the token *name* worthless. Raises NotFoundError."""
    if not store.revoke_token(connection, name, now):
        raise NotFoundError(what="token that still holds, called", name=name)
    audit.record(connection, now, actor, "token.revoked", name)


def token_actor(connection: Connection, token: str) -> str:
    """Who sends *token*. Raises NotAuthenticatedError."""
    prefix, _, rest = token.partition("_")
    id_, _, secret = rest.partition("_")
    stored = None
    if prefix == _PREFIX and len(id_) <= 16 and id_.isascii() and id_.isalnum():
        stored = store.token_by_id(connection, id_)
    # Compared in any case, and in constant time.
    expected = stored.secret_hash if stored else bytes(32)
    if not hmac.compare_digest(_hash(secret), expected) or stored is None:
        raise NotAuthenticatedError(reason="The token is not valid")
    if stored.revoked_at is not None:
        raise NotAuthenticatedError(reason="The token has been revoked")
    return f"token:{stored.name}"


# People


def open_session(
    connection: Connection, user_id: int, email: str, now: int, hours: int, random: Random
) -> Session:
    """A new session for somebody who has proved to be that user."""
    secret = b64url.encode(random(_SECRET_BYTES))
    store.add_session(connection, _hash(secret), user_id, now, now + hours * 3600)
    session = Session(secret, email)
    audit.record(connection, now, session.actor, "session.opened", email)
    return session


def find_session(connection: Connection, secret: str, now: int) -> Session:
    """The session of a cookie. Raises NotAuthenticatedError."""
    email = store.session_user(connection, _hash(secret), now)
    if email is None:
        raise NotAuthenticatedError(reason="Nobody is signed in, or the session has ended")
    return Session(secret, email)


def close_session(connection: Connection, session: Session) -> None:
    """Forget a session."""
    store.end_session(connection, _hash(session.secret))


def form_token(secret: str) -> str:
    """The token of a form that belongs to the cookie *secret*; it does not tell the cookie."""
    digest = hmac.digest(secret.encode("utf-8", "replace"), b"hostseal form", "sha256")
    return b64url.encode(digest)


def check_form(secret: str, given: str) -> None:
    """Raise FormExpiredError unless *given* is the form token of the cookie *secret*."""
    wanted, sent = form_token(secret).encode(), given.encode("utf-8", "replace")
    if not secret or not hmac.compare_digest(wanted, sent):
        raise FormExpiredError


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()


class TokenCache:
    """Tokens that were found valid within the present second, so that a burst asks once."""

    def __init__(self) -> None:
        self._second = 0
        self._actors: dict[bytes, str] = {}

    def find(self, token: str, now: int) -> str | None:
        """Who sends *token*, if that is known already."""
        if now != self._second:
            self._second, self._actors = now, {}
        return self._actors.get(_hash(token))

    def keep(self, token: str, actor: str, now: int) -> None:
        """Remember for the rest of the second *now* who sends *token*."""
        if now == self._second:
            self._actors[_hash(token)] = actor
