"""``/users`` and ``/invitations``: the users of the desk, and those invited."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.responses import Response

from license_core import claims
from license_core.claims import ClaimError
from license_server.access import (
    access_store,
    accounts,
    invitations,
    totp,
)
from license_server.access.access_store import StoredUser
from license_server.actor import Actor
from license_server.api import (
    PREFIX,
    messages,
)
from license_server.api.access_responses import (
    ErasedUser,
    Invitation,
    InvitationList,
    NewInvitation,
    User,
    UserErasure,
    UserPage,
)
from license_server.api.auth import Needs
from license_server.api.operations import describe
from license_server.background import erasing
from license_server.db.errors import InputInvalidError
from license_server.erasure import reasons, user_erasure
from license_server.http.path_params import row_id
from license_server.http.state import AtSite
from license_server.site import Site

router = APIRouter(prefix=PREFIX, tags=["people"])
Manager = Annotated[Actor, Depends(Needs("people:manage"))]
Eraser = Annotated[Actor, Depends(Needs(user_erasure.PERMISSION))]


@router.get("/users", openapi_extra=describe("users.list"))
async def listing(request: Request, site: AtSite, _: Manager) -> Response:
    """List users, newest first, disabled ones included."""
    given = messages.query(request)
    limit, before = messages.limit(given), messages.before(given)
    rows = await site.read(
        lambda connection: access_store.users_before(connection, before, limit + 1)
    )
    return messages.page(UserPage, rows, limit, lambda row: row.id, User.of)


@router.get("/users/{id}", openapi_extra=describe("users.get"))
async def one(id: str, site: AtSite, _: Manager) -> Response:
    """Get a user."""
    number = row_id(id, "account")
    return _told(await site.read(lambda connection: accounts.by_id(connection, number)))


@router.patch("/users/{id}", openapi_extra=describe("users.change"))
async def change(
    id: str,
    request: Request,
    site: AtSite,
    actor: Manager,
) -> Response:
    """Change a user's role; takes effect at once."""
    members, _ = await messages.body_of(request)
    members = messages.known(members, ("role",))
    role, expected, now = members.get("role"), messages.expected(request), site.clock()
    if not isinstance(role, str):
        raise InputInvalidError(field="role", reason="it is not a string")
    return await _with(
        site, id, lambda c, user: accounts.change_role(c, user, role, actor, now, expected)
    )


def _end_sessions(connection: Connection, user: StoredUser, actor: Actor, now: int) -> StoredUser:
    accounts.end_sessions(connection, user, actor, now)
    return user


Act = Callable[[Connection, StoredUser, Actor, int], StoredUser]


def _for_act(act: Act) -> Callable[..., Awaitable[Response]]:
    async def do(id: str, site: AtSite, actor: Manager) -> Response:
        now = site.clock()
        return await _with(site, id, lambda c, user: act(c, user, actor, now))

    return do


_ACTS: tuple[tuple[str, Act, str], ...] = (
    (
        "end",
        accounts.end,
        "Disable a user: they cannot sign in; their sessions and the API tokens they created end.",
    ),
    ("reopen", accounts.reopen, "Enable a user who was disabled, and the API tokens they created."),
    ("end-sessions", _end_sessions, "Sign a user out everywhere."),
    (
        "end-codes",
        totp.end_of_other,
        "Turn off a user's one-time codes, when device and recovery codes are lost.",
    ),
)
for _name, _act, _description in _ACTS:
    router.add_api_route(
        f"/users/{{id}}/{_name}",
        _for_act(_act),
        methods=["POST"],
        name=_name,
        description=_description,
        openapi_extra=describe(f"users.{_name}"),
    )


@router.get("/users/{id}/erasure", openapi_extra=describe("users.erasure"))
async def preview_erasure(id: str, site: AtSite, actor: Eraser) -> Response:
    """Tell what would be erased with a user."""
    number = row_id(id, "account")
    found = await site.read(lambda connection: user_erasure.preview(connection, number, actor))
    return messages.json_response(UserErasure.of(found))


@router.post("/users/{id}/erase", openapi_extra=describe("users.erase"))
async def erase(id: str, request: Request, site: AtSite, actor: Eraser) -> Response:
    """Erase a user who has left, from the audit log too.

    What they did stays, without who they were. This cannot be undone. Sent again, it changes
    nothing.
    """
    number, now = row_id(id, "account"), site.clock()
    members, _ = await messages.body_of(request)
    reason = reasons.read(messages.known(members, ("reason",)))
    await site.write(lambda c: user_erasure.begin(c, number, actor, now, reason))
    waits = await erasing.erase(site, user_erasure.go_on, number, actor)
    user = await site.read(lambda connection: accounts.by_id(connection, number))
    return messages.json_response(ErasedUser.of(user, scrub_waits=waits), accounts.etag(user))


@router.get("/invitations", openapi_extra=describe("invitations.list"))
async def list_invitations(site: AtSite, _: Manager) -> Response:
    """List invitations that were not accepted, expired ones included."""
    now = site.clock()
    found = await site.read(lambda connection: invitations.listed(connection, now))
    listed = [Invitation.of(one, holds=holds) for one, holds in found]
    return messages.json_response(InvitationList(listed))


@router.post("/invitations", status_code=201, openapi_extra=describe("invitations.create"))
async def invite(request: Request, site: AtSite, actor: Manager) -> Response:
    """Invite a user. The secret is in this reply and nowhere else."""
    messages.refuse_key(request)
    members, _ = await messages.body_of(request)
    members = messages.known(members, ("email", "role", "days"))
    email, role = accounts.read_email(members.get("email")), members.get("role")
    try:
        days = claims.integer(members, "days", least=1, most=invitations.MOST_DAYS)
    except ClaimError as error:
        raise InputInvalidError(field=error.claim, reason=error.reason) from error
    if not isinstance(role, str):
        raise InputInvalidError(field="role", reason="it is not a string")
    now = site.clock()
    secret, made = await site.write(
        lambda connection: invitations.invite(
            connection, email, role, actor, now, site.random, days or invitations.DAYS
        )
    )
    shown = NewInvitation.of(made, holds=True, secret=secret, path=invitations.path(secret))
    return messages.json_response(shown, status=201)


@router.post(
    "/invitations/{id}/withdraw",
    status_code=204,
    openapi_extra=describe("invitations.withdraw"),
)
async def withdraw(id: str, site: AtSite, actor: Manager) -> Response:
    """Withdraw an invitation."""
    now = site.clock()
    await site.write(lambda connection: invitations.withdraw(connection, id, actor, now))
    return Response(status_code=204)


async def _with(
    site: Site, id_: str, work: Callable[[Connection, StoredUser], StoredUser]
) -> Response:
    number = row_id(id_, "account")
    return _told(
        await site.write(lambda connection: work(connection, accounts.by_id(connection, number)))
    )


def _told(user: StoredUser) -> Response:
    return messages.json_response(User.of(user), accounts.etag(user))
