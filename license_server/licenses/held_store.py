"""Stored licences that acts are about to change."""

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Update, bindparam, select

from license_server.db.among import among, pairs
from license_server.db.tables import licenses

# Made once: what is made for each batch keeps its numbers for a while.
_HELD = (
    select(licenses)
    .where(among(licenses.c.number, "numbers"))
    .order_by(licenses.c.id)
    .with_for_update(key_share=True)
)
_LEAVE = (
    licenses.update().where(among(licenses.c.number, "numbers")).values(state=bindparam("left"))
)


def hold(connection: Connection, numbers: Collection[str]) -> dict[str, dict[str, Any]]:
    """All columns of the licences of these *numbers*, by number.

    Nobody else changes them before the commit. They are held in the order of their ids, so that
    two who want the same ones do not wait for one another.
    """
    found = connection.execute(_HELD, {"numbers": sorted(numbers)})
    return {row.number: dict(row._mapping) for row in found}


def leave(connection: Connection, state: str, numbers: Collection[str]) -> None:
    """Leave the licences of these *numbers*, which are held, in this *state*."""
    connection.execute(_LEAVE, {"numbers": sorted(numbers), "left": state})


def replace(connection: Connection, successors: Mapping[str, str]) -> None:
    """Let licences, which are held, be replaced by others: number by number."""
    given = {"successors": sorted(successors.items())}
    connection.execute(_replace(connection.dialect.name), given)


@lru_cache
def _replace(dialect: str) -> Update:
    pair = pairs("successors", dialect)
    query = licenses.update().where(licenses.c.number == pair.c.first)
    return query.values(state="replaced", replaced_by=pair.c.second)
