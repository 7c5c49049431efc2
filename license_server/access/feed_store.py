"""Stored addresses of calendars."""

from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select

from license_server.db.renewal_tables import calendar_feeds
from license_server.db.tables import users

_OF = calendar_feeds.c


class StoredFeed(NamedTuple):
    """An address of a calendar, and whose it is."""

    email: str
    language: str
    created_at: int


_FEED = select(users.c.email, _OF.language, _OF.created_at).join(users, users.c.id == _OF.user_id)


def keep(connection: Connection, user_id: int, secret_hash: bytes, language: str, now: int) -> None:
    """Store the one of a user, in place of the former one."""
    remove(connection, user_id)
    values = {"user_id": user_id, "secret_hash": secret_hash}
    connection.execute(insert(calendar_feeds), values | {"language": language, "created_at": now})


def remove(connection: Connection, user_id: int) -> bool:
    """Forget the one of a user; whether there was one."""
    done = connection.execute(delete(calendar_feeds).where(_OF.user_id == user_id))
    return done.rowcount > 0


def by_hash(connection: Connection, secret_hash: bytes) -> StoredFeed | None:
    """The one of the secret with this hash."""
    row = connection.execute(_FEED.where(_OF.secret_hash == secret_hash)).first()
    return None if row is None else StoredFeed(*row)


def of_user(connection: Connection, user_id: int) -> StoredFeed | None:
    """The one of a user."""
    row = connection.execute(_FEED.where(_OF.user_id == user_id)).first()
    return None if row is None else StoredFeed(*row)


def listed(connection: Connection) -> list[StoredFeed]:
    """All of them."""
    return [StoredFeed(*row) for row in connection.execute(_FEED.order_by(users.c.email))]
