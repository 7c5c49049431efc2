"""Drafts, as they are kept. Each belongs to its actor."""

from sqlalchemy import Connection, delete, insert, select

from license_server.db.tables import drafts


def add(connection: Connection, actor: str, id_: str, path: str, fields: str, now: int) -> None:
    """Keep what was typed into the form at *path*: *fields*, as JSON."""
    values = {"actor": actor, "id": id_, "path": path, "fields": fields, "created_at": now}
    connection.execute(insert(drafts), values)


def path_of(connection: Connection, actor: str, id_: str) -> str | None:
    """The path of the form that a draft of *actor* was typed into; None: there is none."""
    mine = (drafts.c.actor == actor, drafts.c.id == id_)
    found: str | None = connection.execute(select(drafts.c.path).where(*mine)).scalar_one_or_none()
    return found


def forget_but(connection: Connection, actor: str, newest: int) -> None:
    """Forget all drafts of *actor* but the *newest*."""
    order = (drafts.c.created_at.desc(), drafts.c.id)
    mine = select(drafts.c.id).where(drafts.c.actor == actor).order_by(*order)
    older = list(connection.execute(mine.offset(newest)).scalars())
    if older:
        connection.execute(delete(drafts).where(drafts.c.actor == actor, drafts.c.id.in_(older)))


def fields(connection: Connection, actor: str, id_: str, path: str) -> str | None:
    """What *actor* typed into the form at *path*, as JSON."""
    mine = (drafts.c.actor == actor, drafts.c.id == id_, drafts.c.path == path)
    found: str | None = connection.execute(
        select(drafts.c.fields).where(*mine)
    ).scalar_one_or_none()
    return found
