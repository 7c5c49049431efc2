"""Addresses of calendars: a secret that a user makes, for programs that read a calendar.

A user has one. It shows what they may see at the desk at that moment; once their account is
disabled, nothing.
"""

from typing import NamedTuple

from sqlalchemy import Connection

from license_core import b64url
from license_core.errors import NotFoundError
from license_server.access import feed_store, standing
from license_server.access.secrets import SECRET_BYTES, Random, hash_of
from license_server.access.sessions import Session
from license_server.actor import Actor
from license_server.audit import events

_LONGEST = 100
_READ = "licenses:read"


class Feed(NamedTuple):
    """Whose calendar it is, and how it is written."""

    actor: Actor
    language: str
    created_at: int


def make(connection: Connection, session: Session, language: str, now: int, random: Random) -> str:
    """A new secret of who is signed in, in place of the one that there was."""
    session.actor.need(_READ)
    secret = b64url.encode(random(SECRET_BYTES))
    feed_store.keep(connection, session.user_id, hash_of(secret), language, now)
    events.record(connection, now, session.actor, "user.calendar-created", session.email)
    return secret


def withdraw(connection: Connection, session: Session, now: int) -> None:
    """Let the calendar of who is signed in be read no more."""
    if feed_store.remove(connection, session.user_id):
        events.record(connection, now, session.actor, "user.calendar-withdrawn", session.email)


def find(connection: Connection, secret: str) -> Feed:
    """The calendar of a *secret*. Raises NotFoundError where nobody has it, or may see it."""
    found = feed_store.by_hash(connection, hash_of(secret)) if len(secret) <= _LONGEST else None
    if found is None:
        raise NotFoundError(what="calendar", name="at this address")
    actor = standing.present(connection, f"{standing.USER}{found.email}")
    if _READ not in actor.permissions:
        raise NotFoundError(what="calendar", name="at this address")
    return Feed(actor, found.language, found.created_at)
