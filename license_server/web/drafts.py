"""A form that was looked at: it is kept, so that what it means has an address of its own.

Whoever loads that page again, or comes back to it, finds it, and is told what was done from it.
Drafts stand beside the replies to requests with a key (idempotency.py), and are kept for as long.
"""

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import Connection

from license_core import strictjson
from license_core.errors import NotFoundError
from license_server.actor import Actor
from license_server.db import reply_store
from license_server.db.reply_store import Reply
from license_server.site import Site
from license_server.web import forms

_DRAFT = "draft:"


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
    body = strictjson.dumps({"path": path, "fields": dict(fields)})
    reply = Reply(200, None, body)
    await site.write(
        lambda c: reply_store.keep_reply(c, actor.name, _DRAFT + id_, bytes(32), now, reply)
    )
    return id_


def find(connection: Connection, id_: str, path: str, actor: Actor) -> Draft:
    """What *actor* typed into the form at *path*. Raises NotFoundError."""
    kept = reply_store.kept_reply(connection, actor.name, f"{_DRAFT}{id_[:64]}")
    told = strictjson.loads(kept.reply.body) if kept is not None and kept.reply is not None else {}
    if told.get("path") != path:
        raise NotFoundError(what="form", name=id_[:64])
    done = reply_store.kept_reply(connection, actor.name, forms.key_of(id_))
    return Draft(id_, told["fields"], done.reply.location if done and done.reply else None)
