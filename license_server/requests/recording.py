"""Records what was done with a request in the audit log.

An event names customer, product, host and licence, and who it was; not the sender, and no word of
what was written: that is about people, and is forgotten one day.
"""

from typing import Any

from sqlalchemy import Connection

from license_server.actor import Actor
from license_server.audit import events
from license_server.requests.request_store import StoredRequest


def record(
    connection: Connection,
    stored: StoredRequest,
    actor: Actor,
    action: str,
    now: int,
    *,
    reason: str | None = None,
    **more: Any,
) -> None:
    """Record what left a request as it is *stored*; *action*: what was done."""
    named = {
        "customer": stored.customer,
        "product": stored.product,
        "host": stored.host_key,
        "license": stored.license,
        "proposal": stored.proposal,
    }
    events.record(
        connection,
        now,
        actor,
        action,
        subject(stored.id),
        rows=[("requests", stored.row)],
        reason=reason,
        **{name: value for name, value in named.items() if value is not None},
        **more,
    )


def subject(id_: int) -> str:
    """What the audit log calls a request."""
    return f"request/{id_}"
