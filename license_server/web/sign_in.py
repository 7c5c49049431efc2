"""How somebody comes in: the password and the code, the invitation; and how they leave."""

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import structlog
from fastapi import APIRouter, Request
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from license_core import b64url
from license_core.errors import LicenseError, NotAuthenticatedError
from license_server.access import (
    access_store,
    invitations,
    login,
    passwords,
    sessions,
    sign_in_events,
    totp,
)
from license_server.access.access_store import StoredUser
from license_server.access.errors import TooManyAttemptsError
from license_server.access.login import Attempt
from license_server.access.sessions import Session
from license_server.access.totp_seeds import Seeds
from license_server.actor import Actor
from license_server.db.errors import InputInvalidError
from license_server.http.problem_types import status_of
from license_server.http.state import AtSite, state_of
from license_server.site import Site
from license_server.web import forms, kept_forms, pages
from license_server.web.session import (
    SESSION,
    Form,
    SignedIn,
    address_of,
    cookie,
    delete_cookie,
    on_one_line,
    set_cookie,
)

LOGIN = "/login"
HOME = "/licenses"
INVITATION = "/invitation"
CODE = "/login/code"
_FORM, _BROWSER, _HALF = "hostseal_form", "hostseal_browser", "hostseal_half"
_BROWSER_SECONDS = 90 * 86400
_log = structlog.get_logger()

anyone = APIRouter()
router = APIRouter()


@anyone.get(LOGIN)
async def login_page(request: Request, site: AtSite) -> Response:
    """The form to sign in with."""
    return _login_page(request, site, request.query_params.get("next", ""))


def _login_page(
    request: Request, site: Site, next_: str, error: LicenseError | None = None, email: str = ""
) -> Response:
    with_openid = state_of(request).openid is not None
    return _page(
        request, site, "login", error, next=local_path(next_), email=email, openid=with_openid
    )


def _page(
    request: Request, site: Site, name: str, error: LicenseError | None = None, **values: Any
) -> Response:
    """A page with a form, for somebody who is not signed in."""
    secret = cookie(request, _FORM) or b64url.encode(site.random(32))
    response = pages.page(
        request,
        name,
        status_of(error) if error else 200,
        form_token=sessions.form_token(secret),
        error=error,
        **values,
    )
    set_cookie(response, request, _FORM, secret)
    return response


@anyone.post(LOGIN)
async def sign_in(request: Request, site: AtSite) -> Response:
    """Sign in, or the form again; where the account has codes, the code is asked for next."""
    fields = await forms.read(request)
    email = on_one_line(fields.get("email", "")).lower()[:200]
    next_ = local_path(fields.get("next", ""))
    try:
        sessions.check_form(cookie(request, _FORM), fields.get("form_token", ""))
        user, attempt = await prove(request, site, email, fields.get("password", ""))
    except LicenseError as error:
        return refused(_login_page(request, site, next_, error, email), error)
    return await go_on(request, site, next_, user, attempt)


async def go_on(
    request: Request, site: Site, next_: str, user: StoredUser, attempt: Attempt | None = None
) -> Response:
    """Let *user* in, who has proved the first factor; or ask for the code, if they have codes.

    *attempt* has succeeded: its failures are forgotten.
    """
    if user.totp is None:
        return await _enter(request, site, next_, lambda _: (user, attempt))
    if attempt is not None:
        await site.write(lambda connection: login.succeeded(connection, attempt))
    query = f"?{urlencode({'next': next_})}" if next_ else ""
    response = RedirectResponse(CODE + query, 303)
    kept = login.half(user, seeds_of(request).cookies, site.clock())
    set_cookie(response, request, _HALF, kept, seconds=login.HALF_SECONDS)
    return response


@anyone.get(CODE)
async def code_page(request: Request, site: AtSite) -> Response:
    """The form for the code, once the password was right."""
    next_ = local_path(request.query_params.get("next", ""))
    return _page(request, site, "code", next=next_)


@anyone.post(CODE)
async def code(request: Request, site: AtSite) -> Response:
    """The second half of signing in."""
    fields = await forms.read(request)
    next_, now = local_path(fields.get("next", "")), site.clock()
    kept, seeds = cookie(request, _HALF), seeds_of(request)
    try:
        user = await site.read(
            lambda connection: login.whose_half(connection, kept, seeds.cookies, now)
        )
    except NotAuthenticatedError:
        return to_login(request)
    browser = login.recognise(user, cookie(request, _BROWSER))
    guess = Attempt.of(user.email, address_of(request), browser, login.CODE)

    def check(connection: Connection) -> tuple[StoredUser, Attempt | None]:
        known = login.whose_half(connection, kept, seeds.cookies, now)
        actor = Actor(f"user:{known.email}", frozenset(), address=address_of(request) or None)
        totp.accept(connection, known, fields.get("code", ""), seeds, now, actor)
        return known, attempt

    attempt: Attempt | None = None
    try:
        sessions.check_form(cookie(request, _FORM), fields.get("form_token", ""))
        attempt = await site.write(lambda connection: login.count(connection, guess, now))
        return await _enter(request, site, next_, check)
    except LicenseError as error:
        tell_failure(request, site, user, error, attempt)
        return refused(_page(request, site, "code", error, next=next_), error)


def tell_failure(
    request: Request,
    site: Site,
    user: StoredUser | None,
    error: LicenseError,
    attempt: Attempt | None = None,
) -> None:
    """Write down that somebody could not sign in as *user*, of whom nothing is known without one.

    In the audit log, where *attempt* was counted; nobody waits for that.
    """
    now, address = site.clock(), address_of(request)
    locked = [] if attempt is None else [what for what, _ in sign_in_events.locks(attempt)]
    _log.warning(
        "sign-in failed",
        account=None if user is None else user.email,
        address=address,
        slug=error.slug,
        **({"locked": locked} if locked else {}),
    )
    state_of(request).metrics.sign_in_refused(error.slug)
    if attempt is not None and status_of(error) < 500:
        site.database.writer.submit(
            lambda c: sign_in_events.failed(c, attempt, user, address, error.slug, now)
        )


async def prove(
    request: Request, site: Site, email: str, password: str
) -> tuple[StoredUser, Attempt]:
    """Whose password this is, and the attempt that is counted until something comes of it.

    Raises NotAuthenticatedError, TooManyAttemptsError.
    """
    now = site.clock()
    user = await site.read(lambda connection: access_store.user_by_email(connection, email))
    browser = login.recognise(user, cookie(request, _BROWSER))
    guess = Attempt.of(email, address_of(request), browser)
    attempt: Attempt | None = None
    try:
        attempt = await site.write(lambda connection: login.count(connection, guess, now))
        known = await asyncio.get_running_loop().run_in_executor(
            passwords.WORKERS, login.judge, user, password
        )
    except LicenseError as error:
        tell_failure(request, site, user, error, attempt)
        raise
    return known, attempt


async def _enter(
    request: Request,
    site: Site,
    next_: str,
    check: Callable[[Connection], tuple[StoredUser, Attempt | None]],
) -> Response:
    """Open a session for whom *check* finds, and let their browser be known."""
    now = site.clock()

    def open_(connection: Connection) -> tuple[Session, StoredUser]:
        user, attempt = check(connection)
        if attempt is not None:
            login.succeeded(connection, attempt)
        failures = 0 if attempt is None else attempt.failures - 1
        return open_session(connection, request, site, user, now, failures), user

    session, user = await site.write(open_)
    _log.info("signed in", account=user.email, address=session.address)
    response = RedirectResponse(next_ or "/", 303)
    let_in(response, request, site, session, user)
    return response


def open_session(
    connection: Connection,
    request: Request,
    site: Site,
    user: StoredUser,
    now: int,
    failures: int = 0,
) -> Session:
    """A new session for the browser of *request*; the one that it had ends.

    *failures*: how often they had failed to sign in just before.
    """
    return sessions.open_session(
        connection,
        user,
        now,
        site.settings.session_hours,
        site.random,
        address_of(request),
        agent=on_one_line(request.headers.get("user-agent", "")),
        former=cookie(request, SESSION),
        failures=failures,
    )


def let_in(
    response: Response, request: Request, site: Site, session: Session, user: StoredUser
) -> None:
    """Give the browser the cookies of somebody who is signed in."""
    set_cookie(response, request, SESSION, session.secret)
    introduced = login.introduce(user, site.random)
    set_cookie(response, request, _BROWSER, introduced, seconds=_BROWSER_SECONDS)
    delete_cookie(response, request, _FORM)
    delete_cookie(response, request, _HALF)


def refused(page: Response, error: LicenseError) -> Response:
    """*page*, which tells of *error*; what is no fault of theirs is raised."""
    if status_of(error) >= 500:
        raise error
    if isinstance(error, TooManyAttemptsError):
        page.headers["Retry-After"] = str(error.seconds)
    return page


def seeds_of(request: Request) -> Seeds:
    """What opens the seeds of one-time codes."""
    return state_of(request).seeds


@router.post("/logout")
async def logout(request: Request, site: AtSite, session: SignedIn, _: Form) -> Response:
    """Sign out."""
    await site.write(lambda connection: sessions.close_session(connection, session))
    response = RedirectResponse(LOGIN, 303)
    delete_cookie(response, request, SESSION)
    return response


@anyone.get(INVITATION)
async def invitation_page(request: Request, site: AtSite) -> Response:
    """Where somebody who was invited sets a password."""
    return await _invitation_page(request, site, request.query_params.get("secret", ""))


async def _invitation_page(
    request: Request, site: Site, secret: str, error: LicenseError | None = None
) -> Response:
    now = site.clock()
    found = await site.read(lambda connection: invitations.find(connection, secret, now))
    return _page(request, site, "invitation", error, invitation=found, secret=secret)


@anyone.post(INVITATION)
async def accept(request: Request, site: AtSite) -> Response:
    """Set the password of somebody who was invited; then they sign in with it."""
    fields = await forms.read(request)
    secret, password = fields.get("secret", ""), fields.get("password", "")
    sessions.check_form(cookie(request, _FORM), fields.get("form_token", ""))
    now, address = site.clock(), address_of(request)
    await site.read(lambda connection: invitations.find(connection, secret, now))
    try:
        check_new(fields)
    except InputInvalidError as error:
        return await _invitation_page(request, site, secret, error)
    hashed = await hash_slowly(password)
    await site.write(
        lambda connection: invitations.accept(connection, secret, hashed, address or None, now)
    )
    return RedirectResponse(LOGIN, 303)


def check_new(fields: dict[str, str]) -> None:
    """Raise InputInvalidError unless a new password was typed twice, and is one."""
    password = fields.get("password", "")
    passwords.check(password)
    if fields.get("again", "") != password:
        raise InputInvalidError(field="again", reason="it does not match the password")


async def hash_slowly(password: str) -> str:
    """The hash of *password*, made where passwords wait for one another."""
    return await asyncio.get_running_loop().run_in_executor(
        passwords.WORKERS, passwords.hash_, password
    )


async def resume(request: Request) -> Response | None:
    """Where somebody goes who sent a form after their session: behind the sign-in it is kept.

    None: it was no such form.
    """
    waiting = await kept_forms.keep(request)
    if waiting is None:
        return None
    behind = f"{LOGIN}?{urlencode({'next': waiting.address})}"
    return RedirectResponse(waiting.address if waiting.here else behind, 303)


def to_login(request: Request) -> Response:
    """Where somebody goes who must sign in first."""
    query = f"?{request.url.query}" if request.url.query else ""
    next_ = f"{request.url.path}{query}" if request.method == "GET" else ""
    return RedirectResponse(f"{LOGIN}?{urlencode({'next': next_})}" if next_ else LOGIN, 303)


def local_path(next_: str) -> str:
    """*next_*, if it is a path of this server; else nothing."""
    plain = next_.isascii() and next_.isprintable() and "\\" not in next_
    return next_ if plain and next_.startswith("/") and not next_.startswith("//") else ""
