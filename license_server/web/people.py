"""The people at the desk: who may sign in, as what, and who is invited."""

from collections.abc import Callable
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from license_core.errors import LicenseError, NotFoundError, NotPermittedError
from license_core.reason import Reason
from license_server.access import (
    access_store,
    accounts,
    invitations,
    standing,
    totp,
)
from license_server.access.access_store import (
    Invitation,
    StoredSession,
    StoredUser,
)
from license_server.access.errors import LastAdministratorError
from license_server.access.sessions import Session
from license_server.access.standing import Held
from license_server.actor import Actor
from license_server.background import erasing
from license_server.catalog import terms
from license_server.db.errors import ChangedMeanwhileError, InputInvalidError, NameTakenError
from license_server.db.reply_store import Reply
from license_server.erasure import reasons, user_erasure
from license_server.http.path_params import row_id
from license_server.http.problem_types import status_of
from license_server.http.state import AtSite, state_of
from license_server.permissions import PERMISSIONS, ROLES
from license_server.site import Site
from license_server.web import (
    edit_conflicts,
    forms,
    kept_forms,
    list_page,
    pages,
    people_list,
)
from license_server.web.edit_conflicts import Faults
from license_server.web.people_list import LIST
from license_server.web.session import Form, May, base_of

ROOM = "/people"
_MOST_INVITED = 100
ACTS: dict[str, Callable[[Connection, StoredUser, Actor, int], object]] = {
    "end": accounts.end,
    "reopen": accounts.reopen,
    "end-sessions": accounts.end_sessions,
    "end-codes": totp.end_of_other,
}
"""What can be done to an account, as its address has it."""
# What a rule of accounts refuses; it is told on the page of whom it is about.
_REFUSED = (InputInvalidError, LastAdministratorError, NotPermittedError)

router = APIRouter(prefix=ROOM)
Manager = Annotated[Session, Depends(May("people:manage"))]
Eraser = Annotated[Session, Depends(May(user_erasure.PERMISSION))]
Act = Callable[[Connection, StoredUser, int], object]


@router.get("")
async def listing(request: Request, site: AtSite, session: Manager) -> Response:
    """Who may or might sign in, the newest first, and who is invited."""
    now, given = site.clock(), request.query_params
    shown = await LIST.read(request, site, session, people_list.source(now), {})
    invited: list[tuple[Invitation, bool]] = []
    if shown["to_first"] is None:
        invited = await site.read(lambda connection: invitations.listed(connection, now))
    return pages.page(
        request,
        "people",
        invited=invited[:_MOST_INVITED],
        all_invited=len(invited),
        withdrawn="withdrawn" in given,
        already=given.get("invited", "")[:200],
        **shown,
    )


@router.get(list_page.SHEET)
async def shown_sheet(request: Request, site: AtSite, _: Manager) -> Response:
    """The list as it is shown, as a sheet."""
    return LIST.sheet(request, site, people_list.source(site.clock()), "users.csv")


@router.get("/new")
async def new(request: Request, session: Manager) -> Response:
    """The form for an invitation."""
    fields = {"role": "issuer", "days": str(invitations.DAYS)}
    return _new(request, session, fields, {})


@router.post("/invitations")
async def invite(request: Request, site: AtSite, session: Manager, fields: Form) -> Response:
    """Invite somebody. The address that lets them in is on this page and nowhere else.

    The same form sent twice makes one invitation.
    """
    shown, key = dict(fields), forms.once(fields, f"{ROOM}/invitations")
    now, actor = site.clock(), session.actor
    role, days = fields.get("role", ""), fields.get("days", "").strip()
    found: Faults = {}
    for check in (
        lambda: accounts.read_email(fields.get("email", "")),
        lambda: accounts.check_gift(role, actor),
        lambda: _days(days),
    ):
        try:
            check()
        except InputInvalidError as error:
            found[edit_conflicts.field_of(error)] = error
    if found:
        return _new(request, session, shown, found)
    email = accounts.read_email(fields["email"])
    done: list[tuple[str, Invitation]] = []

    def work(connection: Connection) -> Reply:
        done[:] = [
            invitations.invite(connection, email, role, actor, now, site.random, _days(days))
        ]
        return Reply(303, f"{ROOM}?{urlencode({'invited': email})}", b"")

    try:
        reply = await site.once(actor, key, now, work)
    except NameTakenError as error:
        return _new(request, session, shown, {"email": error})
    if not done:  # it was made before, and its link is not kept
        return RedirectResponse(reply.location or ROOM, reply.status)
    secret, made = done[0]
    base, told = base_of(request), site.settings.public_url
    return pages.page(
        request,
        "invited",
        201,
        invitation=made,
        address=f"{base}{invitations.path(secret)}",
        called=None if told else base,
    )


@router.post("/invitations/{id}/withdraw")
async def withdraw(
    id: str, site: AtSite, session: Manager, _: Form
) -> Response:  # the path's name for it
    """Let an invitation hold no more."""
    now = site.clock()
    await site.write(lambda connection: invitations.withdraw(connection, id, session.actor, now))
    return RedirectResponse(f"{ROOM}?withdrawn=1", 303)


def _days(text: str) -> int:
    """For how many days an invitation holds. Raises InputInvalidError."""
    return terms.days_of(text, "days", 1, invitations.MOST_DAYS)


def _new(request: Request, session: Session, fields: dict[str, str], faults: Faults) -> Response:
    return pages.form(
        request,
        "invite",
        fields,
        faults,
        once=forms.new_once(state_of(request).site.random),
        roles=_gifts(session),
        allows=PERMISSIONS,
    )


def _gifts(session: Session) -> dict[str, frozenset[str]]:
    """The roles that who is signed in may give to somebody, and what each may do."""
    mine = session.actor.permissions
    return {role: permissions for role, permissions in ROLES.items() if permissions <= mine}


@router.get("/{id}")
async def one(id: str, request: Request, site: AtSite, session: Manager) -> Response:
    """Somebody, and what can be done about their account."""
    return await _one(request, site, session, row_id(id, "account"))


@router.get("/{id}/erase")
async def erase_form(id: str, request: Request, site: AtSite, session: Eraser) -> Response:
    """What would be erased with somebody."""
    return await _erase(request, site, session, row_id(id, "account"))


@router.post("/{id}/erase")
async def erase(id: str, request: Request, site: AtSite, session: Eraser, fields: Form) -> Response:
    """Erase somebody, as they were shown."""
    number, now, actor = row_id(id, "account"), site.clock(), session.actor
    try:
        reason = reasons.read({"reason": fields.get("reason", "")})
        await site.write(lambda c: user_erasure.begin(c, number, actor, now, reason))
    except InputInvalidError as error:
        return await _erase(request, site, session, number, fields, {error.field: error})
    except (LastAdministratorError, NotPermittedError) as error:
        return await _erase(request, site, session, number, fields, error=error)
    waits = await erasing.erase(site, user_erasure.go_on, number, actor)
    return RedirectResponse(f"{ROOM}/{number}?done={'waits' if waits else 'erase'}", 303)


async def _erase(
    request: Request,
    site: Site,
    session: Session,
    number: int,
    fields: dict[str, str] | None = None,
    faults: Faults | None = None,
    error: LicenseError | None = None,
) -> Response:
    """The page for erasing somebody, with what was typed."""
    given = fields or kept_forms.of(request) or {}
    found = await site.read(lambda c: user_erasure.preview(c, number, session.actor))
    return pages.page(
        request,
        "person_erase",
        status_of(error) if error else edit_conflicts.status(faults or {}),
        user=found.user,
        found=found,
        fields={"reason": given.get("reason", "")},
        faults=faults or {},
        error=error,
    )


@router.post("/{id}/role")
async def change_role(
    id: str,
    request: Request,
    site: AtSite,
    session: Manager,
    fields: Form,
) -> Response:
    """Give somebody another role; it holds at once."""
    role, expected = fields.get("role", ""), fields.get("etag", "")
    return await _act(
        request,
        site,
        session,
        id,
        "role",
        lambda c, user, now: accounts.change_role(c, user, role, session.actor, now, expected),
        {"role": role},
    )


@router.post("/{id}/{act}")
async def do(
    id: str,
    act: str,
    request: Request,
    site: AtSite,
    session: Manager,
    _: Form,
) -> Response:
    """Do one of ACTS to somebody's account. Raises NotFoundError for another."""
    if act not in ACTS:
        raise NotFoundError(what="page", name=request.url.path)
    done = ACTS[act]
    return await _act(
        request, site, session, id, act, lambda c, user, now: done(c, user, session.actor, now)
    )


async def _act(
    request: Request,
    site: Site,
    session: Session,
    id_: str,
    done: str,
    act: Act,
    typed: dict[str, str] | None = None,
) -> Response:
    """Do *act* to an account, and lead to its page; or show there why not."""
    number, now = row_id(id_, "account"), site.clock()
    try:
        await site.write(lambda connection: act(connection, _of(connection, number), now))
    except ChangedMeanwhileError as error:
        return await _one(request, site, session, number, typed, collided=error)
    except _REFUSED as error:
        return await _one(request, site, session, number, typed, error)
    return RedirectResponse(f"{ROOM}/{number}?done={done}", 303)


def _of(connection: Connection, number: int) -> StoredUser:
    return accounts.by_id(connection, number)


async def _one(
    request: Request,
    site: Site,
    session: Session,
    number: int,
    typed: dict[str, str] | None = None,
    error: LicenseError | None = None,
    collided: ChangedMeanwhileError | None = None,
) -> Response:
    """The page of somebody; with *error*, why nothing was done."""
    now = site.clock()

    def read(connection: Connection) -> tuple[StoredUser, list[StoredSession], list[Held]]:
        user = accounts.by_id(connection, number)
        open_ = access_store.sessions_of(connection, number, now)
        return user, open_, standing.tokens_of(connection, user.email, now)

    user, sessions, held = await site.read(read)
    faults: Faults = {}
    if collided and typed is not None:
        faults = edit_conflicts.collisions(typed, {"role": Reason(user.role)})
    elif isinstance(error, InputInvalidError):
        faults = {edit_conflicts.field_of(error): error}
    refusal = error or collided
    done = request.query_params.get("done", "")
    return pages.page(
        request,
        "person",
        status_of(refusal) if refusal else 200,
        user=user,
        sessions=sessions,
        tokens=[(one, one.state(now)) for one in held],
        is_self=user.id == session.user_id,
        within=ROLES.get(user.role, frozenset()) <= session.actor.permissions,
        roles=_gifts(session),
        allows=PERMISSIONS,
        fields={"role": user.role} if typed is None else typed,
        faults=faults,
        error=None if faults else error,
        collided=collided,
        etag=accounts.etag(user),
        is_erased=accounts.is_erased(user),
        done=done if done in (*ACTS, "role", "erase", "waits") else "",
    )
