"""What PostgreSQL is to take as SQLite does."""

from functools import cache
from typing import Any

NULL_SHOWN = "\N{REPLACEMENT CHARACTER}"
"""Stands for a null character, which no text in PostgreSQL can have."""


def prepare(connection: Any, _: object) -> None:
    """Let a new connection of psycopg send texts with null characters, each replaced.

    So what is looked for by one finds nothing, and what somebody typed is no fault of the database.
    """
    connection.adapters.register_dumper(str, _dumper())


@cache
def _dumper() -> type[Any]:
    from psycopg.types.string import StrDumperUnknown

    class Dumper(StrDumperUnknown):
        def dump(self, obj: str) -> Any:
            return super().dump(obj.replace("\0", NULL_SHOWN))

    return Dumper
