"""A form that adds or changes a stored row: where it leads once it is saved, or what it shows."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from starlette.responses import RedirectResponse, Response

from license_server.db.errors import ChangedMeanwhileError, InputInvalidError, NameTakenError
from license_server.db.reply_store import Reply
from license_server.http.problem_types import status_of
from license_server.web import edit_conflicts
from license_server.web.edit_conflicts import Faults


class Attempt(NamedTuple):
    """What somebody wanted to save, and why it was not."""

    typed: dict[str, str]
    faults: Faults
    collided: ChangedMeanwhileError | None = None
    """With somebody else's change."""


async def added(
    reply: Awaitable[Reply], show: Callable[[Faults], Response], otherwise: str
) -> Response:
    """Where the *reply* of an addition leads, or *otherwise*; its form where a field is wrong."""
    try:
        done = await reply
    except (InputInvalidError, NameTakenError) as error:
        return show({edit_conflicts.field_of(error): error})
    return RedirectResponse(done.location or otherwise, done.status)


async def changed(
    saved: Awaitable[None],
    typed: dict[str, str],
    show: Callable[[Attempt], Awaitable[Response]],
    then: str,
) -> Response:
    """Lead to *then* once it is *saved*; show the page again where it cannot be."""
    try:
        await saved
    except ChangedMeanwhileError as error:
        return await show(Attempt(typed, {}, error))
    except (InputInvalidError, NameTakenError) as error:
        return await show(Attempt(typed, {edit_conflicts.field_of(error): error}))
    return RedirectResponse(then, 303)


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
