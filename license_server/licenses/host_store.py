"""Licences of many hosts, by their keys and their names."""

from collections.abc import Collection
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, Connection, Select, bindparam, or_, select, union

from license_server.db import among
from license_server.db.tables import customers, licenses
from license_server.db.unindexed import unindexed
from license_server.licenses.license_store import ALL, END, StoredLicense

_MOST = 2000


def on_hosts(
    connection: Connection,
    keys: Collection[str],
    named: Collection[tuple[str, str]],
    now: int,
) -> list[StoredLicense]:
    """The licences that hold at *now* on hosts of these keys, or of these names.

    *named* are names of customers, each with that of a host. The newest first, and of very many
    only those.
    """
    if not keys:
        return []
    given = {"keys": sorted(keys), "named": sorted(named), "now": now}
    rows = connection.execute(_on_hosts(connection.dialect.name), given)
    return [StoredLicense(*tuple(row)) for row in rows]


@lru_cache
def _on_hosts(dialect: str) -> Select[Any]:
    """The query of ``on_hosts``: made once, it keeps no keys of those who asked before."""
    pair = among.pairs("named", dialect)
    of_names = (
        select(licenses.c.id)
        .select_from(pair)
        .join(customers, customers.c.name == pair.c.first)
        .join(licenses, licenses.c.customer_id == customers.c.id)
        .where(licenses.c.host_name == pair.c.second)
    )
    of_keys = select(licenses.c.id).where(among.among(licenses.c.host_key, "keys"))
    found = union(of_keys, of_names).subquery()
    is_active = unindexed(licenses.c.state) == "active"
    query = ALL.where(licenses.c.id.in_(select(found.c.id)), is_active)
    query = query.where(or_(END.is_(None), bindparam("now", type_=BigInteger) < END))
    return query.order_by(licenses.c.id.desc()).limit(_MOST)
