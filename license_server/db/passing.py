"""Short-lived rows: kept for a week, then deleted; they are not part of the ledger.

A backup takes them along, but for drafts, so that a restored server still knows what it answered;
no event binds them, and nothing in the ledger refers to them.
"""

from sqlalchemy import Column, Connection, delete

from license_server.db import deferred
from license_server.db.tables import (
    drafts,
    idempotency_keys,
    import_batches,
    import_jobs,
    import_sheets,
)

KEPT_SECONDS = 7 * 86400
"""How long such a row is kept."""

AGES: tuple[Column[int], ...] = (
    idempotency_keys.c.created_at,
    drafts.c.created_at,
    import_sheets.c.created_at,
    import_jobs.c.heartbeat_at,
    import_batches.c.created_at,
)
"""The column of each of these tables from which a row's week counts."""


def forget(connection: Connection, now: int) -> None:
    """Forget the rows whose week is over at *now*, in seconds."""
    deferred.write(connection)
    for age in AGES:
        connection.execute(delete(age.table).where(age < now - KEPT_SECONDS))
