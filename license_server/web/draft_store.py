"""Drafts, as they are kept. Each belongs to its actor."""

from sqlalchemy import Connection, insert, select

from license_server.db.tables import drafts


def add(connection: Connection, actor: str, id_: str, path: str, fields: str, now: int) -> None:
    """Keep what was typed into the form at *path*: *fields*, as JSON."""
    values = {"actor": actor, "id": id_, "path": path, "fields": fields, "created_at": now}
    connection.execute(insert(drafts), values)


def fields(connection: Connection, actor: str, id_: str, path: str) -> str | None:
    """What *actor* typed into the form at *path*, as JSON."""
    mine = (drafts.c.actor == actor, drafts.c.id == id_, drafts.c.path == path)
    found: str | None = connection.execute(
        select(drafts.c.fields).where(*mine)
    ).scalar_one_or_none()
    return found
