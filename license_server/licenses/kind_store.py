"""Stored trials and stop-gaps (kinds.py)."""

from sqlalchemy import Connection

from license_server.db.questions import Question, each
from license_server.db.tables import licenses, products
from license_server.db.unindexed import unindexed
from license_server.licenses.license_store import ALL, StoredLicense


def earlier_trials(
    connection: Connection,
    product: str,
    customer_id: int | None,
    host_key: str,
    host_tag: str | None,
    line: str | None = None,
) -> list[StoredLicense]:
    """The first trial of *product* that the customer had, and the first that the host had.

    The host is known by its key, or by the tag that tells it from others. No customer: none of it
    is asked; *line*: those of this one are passed over.
    """
    trials = ALL.where(licenses.c.kind == "trial", unindexed(products.c.name) == product)
    if line is not None:
        trials = trials.where(licenses.c.line != line)
    trials = trials.order_by(licenses.c.id).limit(1)
    ways = [] if customer_id is None else [licenses.c.customer_id == customer_id]
    ways += [licenses.c.host_key == host_key]
    ways += [licenses.c.host_tag == host_tag] if host_tag else []
    found = (connection.execute(trials.where(way)).first() for way in ways)
    return [StoredLicense(*tuple(row)) for row in found if row is not None]


def newest_stop_gap(connection: Connection, customer_id: int, since: int) -> StoredLicense | None:
    """The last stop-gap that a customer was given after the instant *since*."""
    query = ALL.where(licenses.c.customer_id == customer_id, licenses.c.kind == "stop-gap")
    query = query.where(licenses.c.stands_for.is_not(None), licenses.c.replaces.is_(None))
    query = query.where(licenses.c.issued_at > since).order_by(licenses.c.id.desc()).limit(1)
    row = connection.execute(query).first()
    return None if row is None else StoredLicense(*tuple(row))


def stop_gaps_for(number: str) -> Question[list[StoredLicense]]:
    """The stop-gaps that stood in for a licence, the newest first."""
    query = ALL.where(licenses.c.stands_for == number, licenses.c.kind.is_not(None))
    return each(query.order_by(licenses.c.id.desc()), StoredLicense)
