"""How far an erasure has come; it is done a batch at a time, each in a transaction of its own."""

from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import Connection

from license_server.actor import Actor


class Place(NamedTuple):
    """How far an erasure has come."""

    stage: int
    after: int
    """Of this stage the rows up to this id are done."""


START = Place(0, 0)
PATIENCE = 600
"""Seconds for which an erasure is left to whoever began it."""
GoOn = Callable[[Connection, int, Actor, int, Place], Place | None]
"""Erases some more of what is in a row, for an actor at an instant; where to go on. None: done."""
Write = Callable[[Callable[[Connection], Place | None]], Place | None]


def erase(write: Write, go_on: GoOn, id_: int, actor: Actor, now: int) -> None:
    """Do all that is left of an erasure that was begun, each batch by *write*."""
    place: Place | None = START
    while place is not None:
        place = write(batch(go_on, id_, actor, now, place))


def batch(
    go_on: GoOn, id_: int, actor: Actor, now: int, place: Place
) -> Callable[[Connection], Place | None]:
    """A batch, for a transaction."""
    return lambda connection: go_on(connection, id_, actor, now, place)
