"""Licences whose host keys are like one that somebody typed."""

from sqlalchemy import Connection, func, or_, select

from license_server.db.among import among
from license_server.db.once import once
from license_server.db.tables import licenses, products
from license_server.licenses.license_store import ALL, StoredLicense

_MOST = 5000


@once
def of_host(
    connection: Connection, ids: tuple[int, ...], key: str, of: frozenset[str] | None, limit: int
) -> list[StoredLicense]:
    """At most *limit* licences of these customers with another host key that has a half of *key*.

    The newest first, of those that none has replaced, among their newest few thousand; *of*: of
    these products. Two digits in the middle belong to neither half.
    """
    half, host = len(key) // 2 - 1, licenses.c.host_key
    newest = select(licenses.c.id).where(among(licenses.c.customer_id, ids))
    newest = newest.order_by(licenses.c.id.desc()).limit(_MOST)
    query = ALL.where(
        licenses.c.id.in_(newest),
        licenses.c.state != "replaced",
        host != key,
        or_(
            func.substr(host, 1, half) == key[:half],
            func.substr(host, len(key) - half + 1) == key[-half:],
        ),
    )
    if of is not None:
        query = query.where(products.c.name.in_(sorted(of)))
    rows = connection.execute(query.order_by(licenses.c.id.desc()).limit(limit))
    return [StoredLicense(*tuple(row)) for row in rows]
