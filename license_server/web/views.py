"""``/views``: a list of the desk as somebody wants to see it again, under a name."""

from collections.abc import Mapping

from fastapi import APIRouter, Request
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from license_core.errors import NotFoundError
from license_core.reason import Reason
from license_server.access.sessions import Session
from license_server.db.errors import InputInvalidError, or_not_found
from license_server.db.questions import ask
from license_server.http.state import AtSite
from license_server.site import Site
from license_server.web import (
    customer_list,
    edit_conflicts,
    kept_forms,
    list_shape,
    menu,
    pages,
    people_list,
    products,
    proposal_list,
    record_list,
    request_list,
    shown_licenses,
    token_list,
    view_store,
)
from license_server.web.edit_conflicts import Faults
from license_server.web.session import Form, May, SignedIn, on_one_line
from license_server.web.sign_in import HOME
from license_server.web.view_store import MOST, View

ROOM = "/views"
_LISTS = (
    customer_list.LIST,
    products.LIST,
    proposal_list.LIST,
    request_list.LIST,
    record_list.LIST,
    people_list.LIST,
    token_list.LIST,
)
FILTERS: Mapping[str, tuple[str, ...]] = {
    HOME: shown_licenses.FILTERS,
    **{one.room: one.filters for one in _LISTS},
}
"""The lists, each by the path of its page, and the filters of its address that a view keeps."""
_ROOMS = {one.path: one for one in menu.ROOMS if one.path in FILTERS}
_LONGEST_NAME = 60

router = APIRouter(prefix=ROOM)


@router.get("")
async def show(request: Request, site: AtSite, session: SignedIn) -> Response:
    """The form for a view of a list, and for those that there are. Raises NotFoundError."""
    given = kept_forms.of(request) or request.query_params
    return await _show(request, site, session, given, {})


@router.post("")
async def change(request: Request, site: AtSite, session: SignedIn, fields: Form) -> Response:
    """Keep a list as it is shown under a name; rename the view of a name, or forget it.

    Raises NotFoundError for a view or list that there is not.
    """
    room, query = await _list(site, session, fields)
    actor, old, step = session.actor.name, fields.get("view", ""), fields.get("step")

    def change(connection: Connection) -> View:
        known = {view.name: view for view in ask(connection, view_store.views(actor, room))}
        if step == "forget":
            view_store.forget(connection, actor, room, old)
            return View("", query)
        if step == "rename":
            view = or_not_found(known.get(old), what="view", name=old[:_LONGEST_NAME])
            name = _name(fields, "new_name")
            if name != old and name in known:
                reason = Reason("there is a view of this name already")
                raise InputInvalidError(field="new_name", reason=reason)
            view_store.forget(connection, actor, room, old)
            view_store.keep(connection, actor, room, view._replace(name=name))
            return View(name, query)
        view = View(_name(fields, "name"), query)
        if view.name not in known and len(known) >= MOST:
            reason = Reason("you have {most} views, which is the most: delete one first", most=MOST)
            raise InputInvalidError(field="name", reason=reason)
        view_store.keep(connection, actor, room, view)
        return view

    try:
        view = await site.write(change)
    except InputInvalidError as error:
        wrong: Faults = {edit_conflicts.field_of(error): error}
        return await _show(request, site, session, fields, wrong)
    return RedirectResponse(f"{room}?{view.query}" if view.query else room, 303)


async def _show(
    request: Request, site: Site, session: Session, fields: Mapping[str, str], wrong: Faults
) -> Response:
    room, query = await _list(site, session, fields)
    views = await site.read(lambda c: ask(c, view_store.views(session.actor.name, room)))
    return pages.form(
        request,
        "views_form",
        {name: fields.get(name, "") for name in ("name", "view", "new_name")},
        wrong,
        room=_ROOMS[room],
        query=query,
        names=[(view.name, view.name) for view in views],
    )


async def _list(site: Site, session: Session, fields: Mapping[str, str]) -> tuple[str, str]:
    """Of which list the view is, and what of its address it keeps. Raises NotFoundError."""
    room = fields.get("room", "")
    if room not in FILTERS:
        raise NotFoundError(what="page", name=on_one_line(room)[:64])
    await May(_ROOMS[room].permission)(session, site)
    return room, list_shape.kept(fields.get("query", ""), FILTERS[room])


def _name(fields: Mapping[str, str], field: str) -> str:
    """The name that was typed into a *field*. Raises InputInvalidError."""
    name = on_one_line(fields.get(field, "")).strip()
    if not name:
        raise InputInvalidError(field=field, reason=Reason("it is missing"))
    if len(name) > _LONGEST_NAME:
        reason = Reason("it is longer than {most} characters", most=_LONGEST_NAME)
        raise InputInvalidError(field=field, reason=reason)
    return name
