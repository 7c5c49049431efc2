"""Notes on a licence. A note is an event, so nobody can change it later."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from license_core.claims import ClaimError
from license_server.actor import Actor
from license_server.audit import events
from license_server.catalog import fields
from license_server.db.errors import InputInvalidError
from license_server.licenses.license_store import StoredLicense

_LONGEST = 1000


def add(
    connection: Connection,
    stored: StoredLicense,
    members: Mapping[str, Any],
    actor: Actor,
    now: int,
) -> str:
    """Add the ``note`` in *members* to a licence's history; its text. Raises InputInvalidError."""
    unknown = next((name for name in members if name != "note"), None)
    if unknown is not None:
        raise InputInvalidError(field=unknown[:64], reason="there is no such member; there is note")
    try:
        text = fields.clean_text(
            {name: value for name, value in members.items() if value is not None}, "note", _LONGEST
        )
    except ClaimError as error:
        raise InputInvalidError(field=error.claim, reason=error.reason) from error
    if not text:
        raise InputInvalidError(field="note", reason="it is missing")
    events.record(connection, now, actor, "license.noted", stored.number, reason=text)
    return text
