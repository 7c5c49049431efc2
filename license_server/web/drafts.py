"""A form that was looked at: it is kept, so that what it means has an address of its own.

Whoever loads that page again, or comes back to it, finds it, and is told what was done from it.
"""

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import Connection

from license_core import strictjson
from license_core.errors import NotFoundError
from license_server.actor import Actor
from license_server.db import reply_store
from license_server.site import Site
from license_server.web import draft_store, forms


class Draft(NamedTuple):
    """What somebody typed, and what came of it."""

    id: str
    """Also what its form carries as ``once``: it is done once."""
    fields: dict[str, str]
    done: str | None
    """The address to which it led that it was done."""


async def keep(site: Site, path: str, fields: Mapping[str, str], actor: Actor) -> str:
    """The id of a draft of *fields* for the form at *path*."""
    id_, now = forms.new_once(site.random), site.clock()
    typed = strictjson.dumps(dict(fields)).decode("utf-8")
    await site.write(lambda c: draft_store.add(c, actor.name, id_, path, typed, now))
    return id_


def find(connection: Connection, id_: str, path: str, actor: Actor) -> Draft:
    """What *actor* typed into the form at *path*. Raises NotFoundError."""
    typed = draft_store.fields(connection, actor.name, id_[:64], path)
    if typed is None:
        raise NotFoundError(what="form", name=id_[:64])
    done = reply_store.kept_reply(connection, actor.name, forms.key_of(id_))
    fields = strictjson.loads(typed.encode("utf-8"))
    return Draft(id_, fields, done.reply.location if done and done.reply else None)
