"""How often licences have moved."""

from sqlalchemy import Connection, func, select

from license_server.db.tables import audit_events, licenses
from license_server.licenses.acts import REHOST, RETURN


def rehosts(connection: Connection, line: str) -> int:
    """How often a licence has moved to another host; where it was given back first, it is none."""
    event = audit_events.c
    given_back = (
        select(event.id)
        .where(event.subject == licenses.c.replaces, event.action == RETURN.event)
        .exists()
    )
    moved = (licenses.c.line == line, licenses.c.act == REHOST.name)
    query = select(func.count()).where(*moved, ~given_back)
    count: int = connection.execute(query).scalar_one()
    return count
