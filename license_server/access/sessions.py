"""Desk sessions, and the tokens that protect their forms."""

import hmac
from typing import Any, NamedTuple

from sqlalchemy import Connection

from license_core import b64url, clock
from license_core.errors import NotAuthenticatedError
from license_server.access import access_store
from license_server.access.access_store import StoredUser
from license_server.access.errors import FormExpiredError
from license_server.access.secrets import SECRET_BYTES, Random, hash_of
from license_server.actor import Actor
from license_server.audit import events
from license_server.permissions import ROLES


class Session(NamedTuple):
    """Somebody who is signed in at the desk."""

    secret: str
    """What the cookie holds."""
    user_id: int
    email: str
    role: str
    by_password_alone: bool = False
    """Whether they have a password, and no one-time codes beside it."""
    address: str | None = None
    """Where they sign from now."""

    @property
    def actor(self) -> Actor:
        """Who acts, in the audit log."""
        return Actor(f"user:{self.email}", ROLES.get(self.role, frozenset()), address=self.address)

    @property
    def form_token(self) -> str:
        """What a form of this session carries."""
        return form_token(self.secret)


def open_session(
    connection: Connection,
    user: StoredUser,
    now: int,
    hours: int,
    random: Random,
    address: str,
    *,
    agent: str = "",
    former: str = "",
    failures: int = 0,
) -> Session:
    """A new session for somebody who has proved to be that user; a *former* one of theirs ends.

    *failures*: how often they had failed before, from this address or browser.
    """
    if former:
        access_store.end_session(connection, hash_of(former))
    secret = b64url.encode(random(SECRET_BYTES))
    expires_at = clock.later(now, hours * 3600)
    access_store.add_session(
        connection,
        hash_of(secret),
        user.id,
        now,
        expires_at,
        address[:64] or None,
        agent[:200] or None,
    )
    session = Session(secret, user.id, user.email, user.role, address=address[:64] or None)
    more: dict[str, Any] = {"failures": failures} if failures else {}
    events.record(connection, now, session.actor, "session.opened", user.email, **more)
    return session


def find_session(connection: Connection, secret: str, now: int, address: str) -> Session:
    """The session of a cookie. Raises NotAuthenticatedError."""
    user = access_store.session_user(connection, hash_of(secret), now)
    if user is None:
        raise NotAuthenticatedError(reason="You are not signed in, or your session has ended")
    return Session(secret, *user, address=address[:64] or None)


def close_session(connection: Connection, session: Session) -> None:
    """Forget a session."""
    access_store.end_session(connection, hash_of(session.secret))


def form_token(secret: str) -> str:
    """The token of a form that belongs to the cookie *secret*; it does not tell the cookie."""
    digest = hmac.digest(secret.encode("utf-8", "replace"), b"hostseal form", "sha256")
    return b64url.encode(digest)


def check_form(secret: str, given: str) -> None:
    """Raise FormExpiredError unless *given* is the form token of the cookie *secret*."""
    wanted, sent = form_token(secret).encode(), given.encode("utf-8", "replace")
    if not secret or not hmac.compare_digest(wanted, sent):
        raise FormExpiredError
