"""The audit trail: who did what to what, in the transaction in which it was done."""

from typing import Any

from sqlalchemy import Connection

from license_core import strictjson
from license_server import store


def record(
    connection: Connection, now: int, actor: str, action: str, subject: str, **details: Any
) -> None:
    """Write an event. *details* are plain values, and never a secret."""
    text = strictjson.dumps(details).decode("utf-8")
    store.add_audit_event(connection, now, actor, action, subject, text)
