"""How often licences have moved."""

from sqlalchemy import ColumnElement, Connection, func, select

from license_server.db.tables import audit_events, licenses
from license_server.licenses.acts import REHOST, RETURN

_PROOF = '"evidence":"'
"""How the event of a return that was proven tells of the secret (recording.py)."""


def rehosts(connection: Connection, line: str) -> int:
    """How often a licence has moved to another host.

    Not counted is a move of one that was given back before, if that was proven: then the host
    before has no file any more.
    """
    moved = (licenses.c.line == line, licenses.c.act == REHOST.name)
    query = select(func.count()).where(*moved, ~_is_proven(licenses.c.replaces))
    count: int = connection.execute(query).scalar_one()
    return count


def is_proven(connection: Connection, number: str) -> bool:
    """Whether the licence of this *number* was given back last with a text that proves it."""
    query = select(licenses.c.id).where(licenses.c.number == number, _is_proven(licenses.c.number))
    return connection.execute(query).first() is not None


def _is_proven(number: ColumnElement[str]) -> ColumnElement[bool]:
    event, later = audit_events.c, audit_events.alias("later").c
    last = select(func.max(later.id)).where(later.subject == number, later.action == RETURN.event)
    return (
        select(event.id)
        .where(
            event.subject == number,
            event.action == RETURN.event,
            event.id == last.correlate(licenses).scalar_subquery(),
            event.details.contains(_PROOF, autoescape=True),
        )
        .correlate(licenses)
        .exists()
    )
