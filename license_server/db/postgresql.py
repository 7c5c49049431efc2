"""What PostgreSQL is to take as SQLite does."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, make_url, text

from license_server.db.errors import InputInvalidError

ARGUMENTS = {"client_encoding": "utf8", "fallback_application_name": "hostseal"}
"""How a connection is made: what texts are does not follow from a variable or the database.

``pg_stat_activity`` shows whose it is; a name in the URL or PGAPPNAME counts more.
"""
NULL_SHOWN = "\N{REPLACEMENT CHARACTER}"
"""Stands for a null character, which no text in PostgreSQL can have."""


def is_meant(url: str) -> bool:
    """Whether *url* is that of a PostgreSQL database. Raises ArgumentError: it is none of any."""
    return make_url(url).get_backend_name() == "postgresql"


def check_encoding(connection: Connection) -> None:
    """Raise InputInvalidError where the database of *connection* cannot keep any text."""
    found = connection.execute(text("show server_encoding")).scalar_one()
    if found != "UTF8":
        reason = (
            f"its encoding is {found}, which cannot keep texts of all languages; "
            "make it with `createdb -T template0 -E UTF8 NAME`"
        )
        raise InputInvalidError(field="LICENSE_SERVER_DATABASE", reason=reason)


def prepare(connection: Any, _: object) -> None:
    """Let a new connection of psycopg send texts with null characters, each replaced.

    So what is looked for by one finds nothing, and what somebody typed is no fault of the database.

    Through a pooler, as PgBouncer, statements are not prepared: the next transaction may be another
    session's, where a statement of that name is missing, or is another one.
    """
    connection.adapters.register_dumper(str, _dumper())
    if _is_pooled(connection):
        connection.prepare_threshold = None


def take_texts_as_they_are(cursor: Any) -> None:
    """Let a *cursor* of psycopg send texts without a look at each: a third of the time of a COPY.

    None may have a null character then.
    """
    from psycopg.types.string import StrDumperUnknown

    cursor.adapters.register_dumper(str, StrDumperUnknown)


def without_nulls(row: Sequence[Any]) -> Sequence[Any]:
    """*row* with NULL_SHOWN for each null character in its texts."""
    for value in row:
        if value.__class__ is str and "\0" in value:
            break
    else:
        return row
    return [one.replace("\0", NULL_SHOWN) if isinstance(one, str) else one for one in row]


def _is_pooled(connection: Any) -> bool:
    """Whether a session is not the one that answered first: what pools has ids of its own."""
    (session,) = connection.execute("select pg_backend_pid()").fetchone()
    connection.rollback()
    return bool(session != connection.info.backend_pid)


@cache
def _dumper() -> type[Any]:
    from psycopg.types.string import StrDumperUnknown

    class Dumper(StrDumperUnknown):
        def dump(self, obj: str) -> Any:
            return super().dump(obj.replace("\0", NULL_SHOWN))

    return Dumper
