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
from license_server.licenses.acts import ACTS, REASON
from license_server.site import Site
from license_server.web import draft_store, forms
from license_server.web.prefill import FILLED, REQUEST

PREVIEW = "/licenses/preview"
"""The path of the form for a first licence, and of what it means."""
MOST = 100
"""So many drafts of one user are kept, for a week."""
_FIELDS = {name for act in ACTS.values() for name in act.may_change} | {
    REASON,
    "term",
    "seen",
    FILLED,
    REQUEST,
}


def address(path: str, id_: str) -> str:
    """The address of what the draft *id_* of the form at *path* means."""
    return f"{path}/{id_}" if path == PREVIEW else f"{path}?draft={id_}"


class Draft(NamedTuple):
    """What somebody typed, and what came of it."""

    id: str
    """Also what its form carries as ``once``: it is done once."""
    fields: dict[str, str]
    done: str | None
    """The address to which it led that it was done."""


async def keep(site: Site, path: str, fields: Mapping[str, str], actor: Actor) -> str:
    """The id of a draft of *fields* for the form at *path*.

    What is no field of such a form is not kept, nor is more than the newest drafts of *actor*.
    """
    id_, now = forms.new_once(site.random), site.clock()
    known = {name: text for name, text in fields.items() if name in _FIELDS}
    typed = strictjson.dumps(known).decode("utf-8")

    def work(connection: Connection) -> None:
        draft_store.add(connection, actor.name, id_, path, typed, now)
        draft_store.forget_but(connection, actor.name, MOST)

    await site.write(work)
    return id_


def find(connection: Connection, id_: str, path: str, actor: Actor) -> Draft:
    """What *actor* typed into the form at *path*. Raises NotFoundError."""
    typed = draft_store.fields(connection, actor.name, id_[:64], path)
    if typed is None:
        raise NotFoundError(what="form", name=id_[:64])
    done = reply_store.kept_reply(connection, actor.name, forms.key_of(id_))
    fields = strictjson.loads(typed.encode("utf-8"))
    return Draft(id_, fields, done.reply.location if done and done.reply else None)
