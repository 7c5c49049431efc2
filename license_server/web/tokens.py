"""The tokens at the desk: what programs call with; each is shown once."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from license_core import clock
from license_server.access import tokens
from license_server.access.access_store import StoredToken
from license_server.access.sessions import Session
from license_server.access.tokens import MOST_DAYS, PROGRAM, Grant
from license_server.catalog import catalog_store, terms, typed
from license_server.db.errors import InputInvalidError, NameTakenError
from license_server.db.reply_store import Reply
from license_server.http.state import AtSite, state_of
from license_server.permissions import PERMISSIONS, WHOLE
from license_server.web import edit_conflicts, forms, list_page, pages, token_list
from license_server.web.edit_conflicts import Faults
from license_server.web.session import Form, May
from license_server.web.token_list import LIST

ROOM = "/tokens"
_DAYS = "365"

router = APIRouter(prefix=ROOM)
Manager = Annotated[Session, Depends(May("tokens:manage"))]


@router.get("")
async def listing(request: Request, site: AtSite, session: Manager) -> Response:
    """The tokens that were not revoked, or with ``?revoked=1`` those that were, by their names."""
    revoked = token_list.of_revoked(request)
    source = token_list.source(site.clock(), revoked=revoked)
    kept = {"revoked": "1" if revoked else ""}
    shown = await LIST.read(request, site, session, source, kept)
    return pages.page(
        request, "tokens", revoked=revoked, done="done" in request.query_params, **shown
    )


@router.get(list_page.SHEET)
async def shown_sheet(request: Request, site: AtSite, _: Manager) -> Response:
    """The list as it is shown, as a sheet."""
    source = token_list.source(site.clock(), revoked=token_list.of_revoked(request))
    return LIST.sheet(request, site, source, "tokens.csv")


@router.get("/new")
async def new(request: Request, session: Manager) -> Response:
    """The form for another token."""
    fields = {"days": _DAYS} | {f"may:{scope}": "yes" for scope in PROGRAM.scopes}
    return _new(request, session, fields, {})


@router.post("")
async def make(request: Request, site: AtSite, session: Manager, fields: Form) -> Response:
    """Make a token. It is on this page and nowhere else; the same form sent twice makes one."""
    shown, key = dict(fields), forms.once(fields, ROOM)
    now, actor, name = site.clock(), session.actor, fields.get("name", "").strip()
    scopes = frozenset(one for one in PERMISSIONS if fields.get(f"may:{one}") == "yes")
    given = typed.words(fields.get("products", ""))
    products = frozenset(given) if given else None
    days = fields.get("days", "").strip()
    found: Faults = {}
    checks: tuple[Callable[[], object], ...] = (
        lambda: tokens.check_name(name),
        lambda: tokens.check_grant(Grant(scopes), actor, now),
        lambda: tokens.check_grant(Grant(scopes or PROGRAM.scopes, products), actor, now),
        lambda: _end(days, now),
    )
    for check in checks:
        try:
            check()
        except InputInvalidError as error:
            found.setdefault(edit_conflicts.field_of(error), error)
    if found:
        return _new(request, session, shown, found)

    made: list[tuple[str, StoredToken, list[str]]] = []

    def work(connection: Connection) -> Reply:
        grant = Grant(scopes, products, _end(days, now))
        secret = tokens.new_token(connection, name, actor, now, site.random, grant)
        known = catalog_store.ids_by_name(connection, "products", given)
        unknown = sorted(set(given) - known.keys())
        id_ = secret.split("_")[1]
        made[:] = [(secret, tokens.token_by_id(connection, id_), unknown)]
        return Reply(303, f"{ROOM}/{id_}?made=1", b"")

    try:
        reply = await site.once(actor, key, now, work)
    except NameTakenError as error:
        return _new(request, session, shown, {"name": error})
    if not made:  # it was made before, and its secret is not kept
        return RedirectResponse(reply.location or ROOM, reply.status)
    secret, token, unknown = made[0]
    return pages.page(request, "token_made", 201, made=token, secret=secret, unknown=unknown)


@router.get("/{id}")
async def one(
    id: str, request: Request, site: AtSite, _: Manager
) -> Response:  # the path's name for it
    """One token, without its secret."""
    held = await site.read(lambda connection: tokens.held_by_id(connection, id))
    state = held.state(site.clock())
    made = "made" in request.query_params
    return pages.page(request, "token", held=held, state=state, allows=PERMISSIONS, made=made)


@router.post("/{id}/revoke")
async def revoke(
    id: str, site: AtSite, session: Manager, _: Form
) -> Response:  # the path's name for it
    """Make a token worthless, once."""
    now = site.clock()

    def work(connection: Connection) -> None:
        found = tokens.token_by_id(connection, id)
        if found.revoked_at is None:
            tokens.revoke_token(connection, found.name, session.actor, now)

    await site.write(work)
    return RedirectResponse(f"{ROOM}?done=revoked", 303)


def _new(request: Request, session: Session, fields: dict[str, str], faults: Faults) -> Response:
    mine = session.actor.permissions
    return pages.form(
        request,
        "token_new",
        fields,
        faults,
        once=forms.new_once(state_of(request).site.random),
        allows={name: does for name, does in PERMISSIONS.items() if name in mine},
        whole=WHOLE,
    )


def _end(days: str, now: int) -> int | None:
    """When a token for so many *days* ends; None: not by itself. Raises InputInvalidError."""
    if not days:
        return None
    return clock.later(now, terms.days_of(days, "days", 1, MOST_DAYS) * terms.DAY)
