"""The tokens at the desk: what programs call with; each is shown once."""

import re
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from license_core import clock
from license_core.reason import Reason
from license_server.access import access_store, standing, tokens
from license_server.access.access_store import StoredToken
from license_server.access.sessions import Session
from license_server.access.standing import Held
from license_server.access.tokens import MOST_DAYS, PROGRAM, Grant
from license_server.catalog import catalog_store
from license_server.db.errors import InputInvalidError, NameTakenError
from license_server.http.state import AtSite
from license_server.permissions import PERMISSIONS, WHOLE
from license_server.web import edit_conflicts, pages
from license_server.web.edit_conflicts import Faults
from license_server.web.session import Form, May

ROOM = "/tokens"
_SEPARATORS = re.compile(r"[\s,;，、；]+")
_DAYS = "365"
_PAGE = 50

router = APIRouter(prefix=ROOM)
Manager = Annotated[Session, Depends(May("tokens:manage"))]


@router.get("")
async def listing(request: Request, site: AtSite, _: Manager) -> Response:
    """The tokens that were not revoked, or with ``?revoked=1`` those that were, by their names."""
    given = request.query_params
    revoked, after = given.get("revoked") == "1", given.get("after")

    def read(connection: Connection) -> list[Held]:
        last = tokens.token_by_id(connection, after).name if after else None
        found = access_store.tokens_after(connection, last, _PAGE + 1, revoked=revoked)
        return standing.held(connection, found)

    found, now = await site.read(read), site.clock()
    return pages.page(
        request,
        "tokens",
        tokens=[(one, one.state(now)) for one in found[:_PAGE]],
        revoked=revoked,
        more=found[_PAGE - 1].token.id if len(found) > _PAGE else None,
        first=after is None,
        done="done" in given,
    )


@router.get("/new")
async def new(request: Request, session: Manager) -> Response:
    """The form for another token."""
    fields = {"days": _DAYS} | {f"may:{scope}": "yes" for scope in PROGRAM.scopes}
    return _new(request, session, fields, {})


@router.post("")
async def make(request: Request, site: AtSite, session: Manager, fields: Form) -> Response:
    """Make a token. It is on this page and nowhere else."""
    now, actor, name = site.clock(), session.actor, fields.get("name", "").strip()
    scopes = frozenset(one for one in PERMISSIONS if fields.get(f"may:{one}") == "yes")
    given = [one for one in _SEPARATORS.split(fields.get("products", "")) if one]
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
        return _new(request, session, fields, found)

    def work(connection: Connection) -> tuple[str, StoredToken, list[str]]:
        grant = Grant(scopes, products, _end(days, now))
        secret = tokens.new_token(connection, name, actor, now, site.random, grant)
        known = catalog_store.ids_by_name(connection, "products", given)
        unknown = sorted(set(given) - known.keys())
        return secret, tokens.token_by_id(connection, secret.split("_")[1]), unknown

    try:
        secret, made, unknown = await site.write(work)
    except NameTakenError as error:
        return _new(request, session, fields, {"name": error})
    return pages.page(request, "token_made", 201, made=made, secret=secret, unknown=unknown)


@router.get("/{id}")
async def one(
    id: str, request: Request, site: AtSite, _: Manager
) -> Response:  # the path's name for it
    """One token, without its secret."""
    held = await site.read(lambda connection: tokens.held_by_id(connection, id))
    state = held.state(site.clock())
    return pages.page(request, "token", held=held, state=state, allows=PERMISSIONS)


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
        allows={name: does for name, does in PERMISSIONS.items() if name in mine},
        whole=WHOLE,
    )


def _end(days: str, now: int) -> int | None:
    """When a token for so many *days* ends; None: not by itself. Raises InputInvalidError."""
    if not days:
        return None
    number = int(days) if days.isascii() and days.isdigit() and len(days) < 6 else 0
    if not 1 <= number <= MOST_DAYS:
        reason = Reason(
            "{value!r} is not a whole number from 1 to {most}", value=days, most=MOST_DAYS
        )
        raise InputInvalidError(field="days", reason=reason)
    return clock.later(now, number * 86400)
