"""Stored keysets; the one with the highest version is in force."""

from sqlalchemy import Connection, func, insert, select

from license_server.db.tables import keysets

_NEWEST_VERSION = select(func.max(keysets.c.version))


def add_keyset(connection: Connection, version: int, token: str, now: int) -> None:
    """Store a keyset."""
    connection.execute(insert(keysets), {"version": version, "token": token, "created_at": now})


def newest_version(connection: Connection) -> int:
    """The version of the keyset that is in force."""
    version: int | None = connection.execute(_NEWEST_VERSION).scalar()
    return version or 0


def newest_keyset(connection: Connection) -> str | None:
    """The token of the keyset with the highest version."""
    token: str | None = connection.execute(
        select(keysets.c.token).order_by(keysets.c.version.desc()).limit(1)
    ).scalar()
    return token
