"""A form that adds or changes a stored row: where it leads once it is saved, or what it shows."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from license_server.actor import Actor
from license_server.db.errors import ChangedMeanwhileError, InputInvalidError, NameTakenError
from license_server.db.reply_store import Reply
from license_server.http.problem_types import status_of
from license_server.site import Site
from license_server.web import edit_conflicts, forms
from license_server.web.edit_conflicts import Faults


class Attempt(NamedTuple):
    """What somebody wanted to save, and why it was not."""

    typed: dict[str, str]
    faults: Faults
    collided: ChangedMeanwhileError | None = None
    """With somebody else's change."""


class Row(Protocol):
    """What is stored, under an id."""

    @property
    def id(self) -> int:
        """Its row."""


async def added(
    site: Site,
    actor: Actor,
    room: str,
    fields: dict[str, str],
    members: dict[str, Any],
    add: Callable[[Connection, dict[str, Any], Actor, int], Row],
    show: Callable[[Faults], Response],
) -> Response:
    """Lead to the row that *add* makes of *members*, once for each form; or *show* what is wrong.

    *fields* is the form that was sent to *room*, with what tells it from others (forms.new_once).
    """
    key, now = forms.once(fields, room), site.clock()

    def work(connection: Connection) -> Reply:
        return Reply(303, f"{room}/{add(connection, members, actor, now).id}?added=1", b"")

    try:
        done = await site.once(actor, key, now, work)
    except (InputInvalidError, NameTakenError) as error:
        return show({edit_conflicts.field_of(error): error})
    return RedirectResponse(done.location or room, done.status)


async def changed(
    site: Site,
    typed: dict[str, str],
    faults: Faults,
    place: str,
    change: Callable[[Connection, int], object],
    show: Callable[[Attempt], Awaitable[Response]],
) -> Response:
    """Lead to *place* once *change* is done now; show the page again where it cannot be.

    *faults* are those that are known already.
    """
    if faults:
        return await show(Attempt(typed, faults))
    now = site.clock()
    try:
        await site.write(lambda connection: change(connection, now))
    except ChangedMeanwhileError as error:
        return await show(Attempt(typed, {}, error))
    except (InputInvalidError, NameTakenError) as error:
        return await show(Attempt(typed, {edit_conflicts.field_of(error): error}))
    return RedirectResponse(f"{place}?saved=1", 303)


def shown(present: dict[str, str], etag: str, attempt: Attempt | None) -> dict[str, Any]:
    """What the page of a stored row shows in its form, and with which ``status``.

    *present* is what is stored, and *etag* its own.
    """
    fields, faults, collided = attempt or Attempt(present | {"etag": etag}, {})
    seen = fields.get("etag", "")  # a mistake keeps what was seen first …
    if collided:  # … but who sees what is stored now and saves again means it
        faults, seen = edit_conflicts.collisions(fields, present), etag
    return {
        "status": status_of(collided) if collided else edit_conflicts.status(faults),
        "fields": fields,
        "faults": faults,
        "collided": collided,
        "etag": seen,
    }
