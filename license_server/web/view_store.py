"""Stored views of the lists. Each belongs to a person."""

from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select

from license_server.db.questions import Question, each
from license_server.db.tables import saved_views

MOST = 30
"""So many views of a list a person may keep."""


class View(NamedTuple):
    """A list as somebody wants to see it again."""

    name: str
    query: str
    """Of its address, without the question mark."""


def views(actor: str, room: str) -> Question[list[View]]:
    """The views that *actor* has of the list in a *room*, in the order of their names."""
    table = saved_views.c
    query = select(table.name, table.query).where(table.actor == actor, table.room == room)
    return each(query.order_by(table.name).limit(MOST), View)


def keep(connection: Connection, actor: str, room: str, view: View) -> None:
    """Keep a view, in place of one of the same name."""
    forget(connection, actor, room, view.name)
    connection.execute(insert(saved_views), {"actor": actor, "room": room} | view._asdict())


def forget(connection: Connection, actor: str, room: str, name: str) -> None:
    """Forget the view of this name."""
    table = saved_views.c
    mine = (table.actor == actor, table.room == room, table.name == name)
    connection.execute(delete(saved_views).where(*mine))
