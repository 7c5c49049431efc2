"""The desk's pages: sign in, paste, see what it means, issue, list, fetch."""

import asyncio
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from license_core import b64url
from license_core import request as requests
from license_core.errors import (
    FormExpiredError,
    LicenseError,
    NotFoundError,
    TooManyAttemptsError,
)
from license_core.problems import PROBLEMS
from license_server import acts, auth, cursors, desk, issuing, passwords, signing_in
from license_server.acts import Wanted
from license_server.auth import Session
from license_server.idempotency import Idempotency
from license_server.signing_in import Attempt
from license_server.site import Site
from license_server.store import licenses, people, record
from license_server.store.licenses import StoredLicense
from license_server.store.people import StoredUser
from license_server.store.proposals import Proposal
from license_server.store.record import Reply
from license_server.store.search import Filter
from license_server.web import forms, pages

LOGIN = "/login"
HOME = "/licenses"
MEDIA_TYPE = "application/octet-stream"
_SESSION, _FORM, _BROWSER = "hostseal_session", "hostseal_form", "hostseal_browser"
_BROWSER_SECONDS = 90 * 86400
_PAGE = 50
_LONGEST_SEARCH = 200
_BLANK = {"term": "days", "days": "365", "match": "exact"}
# The errors of an order that are shown at the form, beside what was typed.
_AT_THE_FORM = {
    "InputInvalidError",
    "RequestUnreadableError",
    "RequestDamagedError",
    "RequestAmbiguousError",
}


async def _site(request: Request) -> Site:
    site: Site = request.app.state.site
    return site


AtSite = Annotated[Site, Depends(_site)]


async def _session(request: Request, site: AtSite) -> Session:
    """Who is signed in. Raises NotAuthenticatedError."""
    secret, now = request.cookies.get(_SESSION, ""), site.clock()
    address = request.client.host if request.client else ""
    session = await site.read(
        lambda connection: auth.find_session(connection, secret, now, address)
    )
    request.state.session = session
    return session


SignedIn = Annotated[Session, Depends(_session)]

anyone = APIRouter()
router = APIRouter(dependencies=[Depends(_session)])
"""For those who are signed in."""


async def _fields(request: Request, session: SignedIn) -> dict[str, str]:
    """The fields of a form of this session. Raises FormExpiredError, InputInvalidError."""
    fields = await forms.read(request)
    auth.check_form(session.secret, fields.pop("form_token", ""))
    return fields


Form = Annotated[dict[str, str], Depends(_fields)]


# Signing in


@anyone.get(LOGIN)
async def login_page(request: Request, site: AtSite) -> Response:
    """The form to sign in with."""
    return _login_page(request, site, request.query_params.get("next", ""))


def _login_page(
    request: Request, site: Site, next_: str, error: LicenseError | None = None, email: str = ""
) -> Response:
    secret = request.cookies.get(_FORM) or b64url.encode(site.random(32))
    response = pages.page(
        request,
        "login",
        error.row.status if error else 200,
        form_token=auth.form_token(secret),
        next=_local_path(next_),
        error=error,
        email=email,
    )
    _set_cookie(response, request, _FORM, secret)
    return response


@anyone.post(LOGIN)
async def login(request: Request, site: AtSite) -> Response:
    """Sign in."""
    fields = await forms.read(request)
    email = _printable(fields.get("email", "")).lower()[:200]
    next_ = _local_path(fields.get("next", ""))
    try:
        auth.check_form(request.cookies.get(_FORM, ""), fields.get("form_token", ""))
        session, user = await _sign_in(request, site, email, fields.get("password", ""))
    except LicenseError as error:
        if error.row.status >= 500:
            raise
        refused = _login_page(request, site, next_, error, email)
        if isinstance(error, TooManyAttemptsError):
            refused.headers["Retry-After"] = str(error.seconds)
        return refused
    response = RedirectResponse(next_ or HOME, 303)
    _set_cookie(response, request, _SESSION, session.secret)
    introduced = signing_in.introduce(user, site.random)
    _set_cookie(response, request, _BROWSER, introduced, seconds=_BROWSER_SECONDS)
    response.delete_cookie(_FORM)
    return response


async def _sign_in(
    request: Request, site: Site, email: str, password: str
) -> tuple[Session, StoredUser]:
    now, hours = site.clock(), site.settings.session_hours
    user = await site.read(lambda connection: people.user_by_email(connection, email))
    browser = signing_in.recognise(user, request.cookies.get(_BROWSER, ""))
    address = request.client.host if request.client else ""
    attempt = Attempt.of(email, address, browser)
    await site.write(lambda connection: signing_in.count(connection, attempt, now))
    known = await asyncio.get_running_loop().run_in_executor(
        passwords.WORKERS, signing_in.judge, user, password
    )

    def open_(connection: Any) -> Session:
        signing_in.succeeded(connection, attempt)
        return auth.open_session(connection, known, now, hours, site.random, address)

    return await site.write(open_), known


@router.post("/logout")
async def logout(site: AtSite, session: SignedIn, _: Form) -> Response:
    """Sign out."""
    await site.write(lambda connection: auth.close_session(connection, session))
    response = RedirectResponse(LOGIN, 303)
    response.delete_cookie(_SESSION)
    return response


# Licences


@router.get("/")
async def home() -> Response:
    """The first page."""
    return RedirectResponse(HOME, 303)


@router.get(HOME)
async def listing(request: Request, site: AtSite) -> Response:
    """What was issued, the newest first."""
    text = _printable(request.query_params.get("q", "")[:_LONGEST_SEARCH])
    cursor = request.query_params.get("cursor")
    before = cursors.read(cursor) if cursor else None
    wanted, now = Filter(text=text or None), site.clock()
    found = await site.read(
        lambda connection: licenses.filled(connection, wanted, now, before=before, limit=_PAGE)
    )
    older = None
    if found.below is not None:
        last = {"cursor": cursors.write(found.below)}
        older = f"{HOME}?{urlencode(({'q': text} if text else {}) | last)}"
    return pages.page(
        request, "licenses", licenses=found.rows, q=text, older=older, first=before is None
    )


@router.get(HOME + "/new")
async def new(request: Request, site: AtSite) -> Response:
    """The form for a licence, filled from an earlier one where ``?like=`` names it."""
    fields = dict(_BLANK, time_zone=site.settings.time_zone)
    like = request.query_params.get("like")
    if like:
        fields |= _like(await _find(site, like))
    return await _form(request, site, fields)


@router.post(HOME + "/new")
async def change(request: Request, site: AtSite, fields: Form) -> Response:
    """The form again, as it was filled in."""
    return await _form(request, site, fields)


@router.post(HOME + "/preview")
async def preview(request: Request, site: AtSite, session: SignedIn, fields: Form) -> Response:
    """What the form would issue."""
    now = site.clock()
    try:
        members = forms.members(fields)
        if members.get("host"):
            members = desk.completed(members, requests.parse(members["host"]))
        wanted = Wanted("issue", members)
        seen = await site.read(
            lambda connection: acts.plan(connection, wanted, session.actor, now, look=True)
        )
    except LicenseError as error:
        if type(error).__name__ not in _AT_THE_FORM:
            raise
        return await _form(request, site, fields, error)
    fields |= {"customer": seen.order.customer, "product": seen.order.product}
    return pages.page(
        request,
        "preview",
        preview=seen,
        order=seen.order,
        zone=members["time_zone"],
        fields=fields,
        once=b64url.encode(site.random(12)),
    )


@router.post(HOME)
async def issue(request: Request, site: AtSite, session: SignedIn, fields: Form) -> Response:
    """Issue what the preview showed; the same form sent twice issues one licence."""
    once = fields.pop("once", "")
    if not once or len(once) > 64 or not (once.isascii() and once.isprintable()):
        raise FormExpiredError
    content = urlencode(sorted(fields.items())).encode("ascii")
    key = Idempotency.of(f"form:{once}", "POST", HOME, content)
    now = site.clock()
    try:
        wanted = Wanted("issue", forms.members(fields))
        reply = await site.act(wanted, session.actor, now, _told, key)
    except LicenseError as error:
        if type(error).__name__ not in _AT_THE_FORM:
            raise
        return await _form(request, site, fields, error)
    return RedirectResponse(reply.location or HOME, reply.status)


def _told(done: StoredLicense | Proposal) -> Reply:
    """Where somebody is led who did something."""
    if isinstance(done, Proposal):
        return Reply(303, f"{HOME}?proposed={done.id}", b"")
    return Reply(303, f"{HOME}/{done.number}?issued=1", b"")


@router.get(HOME + "/{number}")
async def one(request: Request, number: str, site: AtSite) -> Response:
    """One licence."""
    stored = await _find(site, number)
    trail = await site.read(lambda connection: record.trail(connection, [number]))
    return pages.page(
        request,
        "license",
        stored=stored,
        license=issuing.claims_of(stored),
        state=issuing.claims_of(stored).state(site.clock()),
        trail=trail,
        issued="issued" in request.query_params,
        text=issuing.file_of(stored).decode("utf-8"),
    )


@router.get(HOME + "/{number}/license.dat")
async def file(number: str, site: AtSite) -> Response:
    """The file to send to the operator."""
    stored = await _find(site, number)
    return Response(
        issuing.file_of(stored),
        media_type=MEDIA_TYPE,
        headers={"Content-Disposition": 'attachment; filename="license.dat"'},
    )


# What needs nobody


@anyone.get("/problems/{slug}")
async def problem(request: Request, slug: str) -> Response:
    """What a problem document's ``type`` leads to."""
    row = next((row for row in PROBLEMS.values() if row.slug == slug), None)
    if row is None:
        raise NotFoundError(what="problem", name=slug[:64])
    return pages.page(request, "problem_type", row=row)


@anyone.get("/static/{name}")
async def static(name: str) -> Response:
    """The style sheet and the picture."""
    return pages.static(name)


def to_login(request: Request) -> Response:
    """Where somebody goes who must sign in first."""
    query = f"?{request.url.query}" if request.url.query else ""
    next_ = f"{request.url.path}{query}" if request.method == "GET" else ""
    return RedirectResponse(f"{LOGIN}?{urlencode({'next': next_})}" if next_ else LOGIN, 303)


async def _form(
    request: Request, site: Site, fields: dict[str, str], error: LicenseError | None = None
) -> Response:
    names = await site.read(desk.names)
    at = None
    if error is not None:
        at = str(error.facts.get("field", "host")).partition(".")[0]
    return pages.page(
        request,
        "new",
        error.row.status if error else 200,
        fields=fields,
        names=names,
        error=error,
        at=at,
    )


async def _find(site: Site, number: str) -> StoredLicense:
    return await site.read(lambda connection: issuing.find(connection, number))


def _like(stored: StoredLicense) -> dict[str, str]:
    license_ = issuing.claims_of(stored)
    return {
        "customer": stored.customer,
        "product": stored.product,
        "edition": license_.edition or "",
        "features": ", ".join(license_.features),
        "limits": ", ".join(f"{name}={n}" for name, n in (license_.limits or {}).items()),
        "match": license_.host.match,
        "replaces": stored.number,
    }


def _printable(text: str) -> str:
    """*text* on one line, without control characters, which PostgreSQL would not take."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _local_path(next_: str) -> str:
    """*next_*, if it is a path of this server; else nothing."""
    plain = next_.isascii() and next_.isprintable() and "\\" not in next_
    return next_ if plain and next_.startswith("/") and not next_.startswith("//") else ""


def _set_cookie(
    response: Response, request: Request, name: str, secret: str, seconds: int | None = None
) -> None:
    secure = request.url.scheme == "https"
    response.set_cookie(name, secret, seconds, httponly=True, samesite="lax", secure=secure)
