"""When this server was restored: what it did since its backup was made, it does not know."""

from sqlalchemy import Connection

from license_server.audit import audit_store
from license_server.audit.audit_store import EventFilter

ACTION = "server.restored"
"""Of the event."""


def last(connection: Connection) -> int | None:
    """The instant of the last restore, in seconds; None: there was none."""
    found = audit_store.events(connection, EventFilter(action=ACTION), before=None, limit=1)
    return found[0].at if found else None
