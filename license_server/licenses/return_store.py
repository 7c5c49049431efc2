"""What was revealed to give licences back."""

from sqlalchemy import Connection, select

from license_core import b64url
from license_server.db.tables import audit_events
from license_server.licenses.acts import RETURN


def is_revealed(connection: Connection, secret: bytes) -> bool:
    """Whether a licence was given back with this *secret*: whoever saw that text has it."""
    event = audit_events.c
    named = event.details.contains(f'"{b64url.encode(secret)}"', autoescape=True)
    query = select(event.id).where(event.action == RETURN.event, named).limit(1)
    return connection.execute(query).first() is not None
