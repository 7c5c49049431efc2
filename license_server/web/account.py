"""One's own account at the desk: the password, the codes, and where one is signed in."""

from collections.abc import Callable
from typing import Any, TypeVar

from fastapi import APIRouter, Request
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from license_core import b64url
from license_core.errors import LicenseError, NotAuthenticatedError, NotFoundError
from license_server.access import (
    access_store,
    accounts,
    feed_store,
    login,
    secrets,
    totp,
)
from license_server.access.access_store import StoredUser
from license_server.access.errors import CodesRequiredError
from license_server.access.login import Attempt
from license_server.access.sessions import Session
from license_server.db.errors import InputInvalidError
from license_server.http.problem_types import status_of
from license_server.http.state import AtSite
from license_server.site import Site
from license_server.web import pages, qr_codes, sign_in
from license_server.web.session import Form, SignedIn, address_of

ACCOUNT = "/account"
T = TypeVar("T")
Work = Callable[[Connection, StoredUser, int], T]
_Signed = tuple[Session, StoredUser]
_LONGEST_SEALED = 200
router = APIRouter(prefix=ACCOUNT)


@router.get("")
async def account(request: Request, site: AtSite, session: SignedIn) -> Response:
    """The account of who is signed in."""
    return await _account(request, site, session)


async def _account(
    request: Request, site: Site, session: Session, error: LicenseError | None = None
) -> Response:
    now = site.clock()

    def read(connection: Connection) -> dict[str, Any]:
        user = accounts.by_id(connection, session.user_id)
        return {
            "user": user,
            "codes_left": access_store.recovery_codes_left(connection, user.id),
            "sessions": access_store.sessions_of(connection, user.id, now),
            "calendar": feed_store.of_user(connection, user.id),
        }

    seen = await site.read(read)
    here = secrets.hash_of(session.secret)
    status = status_of(error) if error else 200
    if isinstance(error, NotAuthenticatedError):
        status = 422  # who they are is known; what they typed is wrong
    required = session.role in site.settings.codes_required
    page = pages.page(
        request, "account", status, error=error, here_hash=here, codes_required=required, **seen
    )
    return page if error is None else sign_in.refused(page, error)


@router.post("/password")
async def password(request: Request, site: AtSite, session: SignedIn, fields: Form) -> Response:
    """Choose another password, with a code where codes are on; elsewhere one is signed out."""
    try:
        sign_in.check_new(fields)
        user, proved = await _prove(request, site, session, fields)
        hashed = await sign_in.hash_slowly(fields["password"])

        def change(connection: Connection, user: StoredUser, now: int) -> _Signed:
            changed = accounts.replace_password(connection, user, hashed, session.actor, now)
            return sign_in.open_session(connection, request, site, changed, now), changed

        with_code = user.totp is not None
        done = _once_proved(request, site, session, fields, proved, change, with_code=with_code)
        opened, changed = await done
    except LicenseError as error:
        return await _account(request, site, session, error)
    response = RedirectResponse(ACCOUNT, 303)
    sign_in.let_in(response, request, site, opened, changed)
    return response


@router.post("/codes/new")
async def new_codes(request: Request, site: AtSite, session: SignedIn, fields: Form) -> Response:
    """A secret for an authenticator; nothing is asked for before its code was seen."""
    try:
        user, attempt = await _prove(request, site, session, fields)
    except LicenseError as error:
        return await _account(request, site, session, error)
    await site.write(lambda connection: login.succeeded(connection, attempt))
    if user.totp is not None:
        return RedirectResponse(ACCOUNT, 303)
    seed = totp.new_seed(site.random)
    sealed = sign_in.seeds_of(request).seal(user.id, seed, site.random)
    return _enrol(request, site, session, seed, sealed)


def _enrol(
    request: Request,
    site: Site,
    session: Session,
    seed: bytes,
    sealed: bytes,
    error: LicenseError | None = None,
) -> Response:
    address = totp.address_of(seed, session.email, site.issuer.name)
    return pages.page(
        request,
        "enrol",
        status_of(error) if error else 200,
        fields={},
        faults={"code": error} if error else {},
        sealed=b64url.encode(sealed),
        secret=totp.in_groups(totp.text_of(seed)).replace("-", " "),
        address=address,
        code=qr_codes.drawn(address),
    )


@router.post("/codes/confirm")
async def confirm_codes(
    request: Request, site: AtSite, session: SignedIn, fields: Form
) -> Response:
    """Ask for codes from now on: the authenticator has the secret, as its code shows."""
    seeds, now = sign_in.seeds_of(request), site.clock()
    sealed, seed = _sealed(request, session, fields)

    def work(connection: Connection) -> list[str] | None:
        user = accounts.by_id(connection, session.user_id)
        if user.totp is not None:
            return None
        return totp.set_up(
            connection,
            user,
            sealed,
            fields.get("code", ""),
            seeds,
            session.actor,
            now,
            site.random,
        )

    try:
        codes = await site.write(work)
    except InputInvalidError as error:
        return _enrol(request, site, session, seed, sealed, error)
    if codes is None:
        return RedirectResponse(ACCOUNT, 303)
    return pages.page(request, "recovery", codes=codes)


def _sealed(request: Request, session: Session, fields: dict[str, str]) -> tuple[bytes, bytes]:
    """The seed that the form carries, sealed and open. Raises InputInvalidError."""
    text = fields.get("sealed", "")
    try:
        if len(text) > _LONGEST_SEALED:
            raise ValueError("too long")
        sealed = b64url.decode(text)
        return sealed, sign_in.seeds_of(request).open(session.user_id, sealed)
    except (ValueError, LicenseError) as error:
        reason = "it is not the value that this server put in the form"
        raise InputInvalidError(field="sealed", reason=reason) from error


@router.post("/codes/end")
async def end_codes(request: Request, site: AtSite, session: SignedIn, fields: Form) -> Response:
    """Ask for codes no more. Raises CodesRequiredError."""
    if session.role in site.settings.codes_required:
        raise CodesRequiredError(role=session.role)

    def work(connection: Connection, user: StoredUser, now: int) -> None:
        totp.end(connection, user, session.actor, now)

    done = await _with_code(request, site, session, fields, work)
    return done if isinstance(done, Response) else RedirectResponse(ACCOUNT, 303)


@router.post("/recovery-codes")
async def recovery_codes(
    request: Request, site: AtSite, session: SignedIn, fields: Form
) -> Response:
    """Other recovery codes in place of those that there were."""

    def work(connection: Connection, user: StoredUser, now: int) -> list[str]:
        return totp.new_recovery_codes(connection, user, session.actor, now, site.random)

    done = await _with_code(request, site, session, fields, work)
    return done if isinstance(done, Response) else pages.page(request, "recovery", codes=done)


@router.post("/sessions/end")
async def end_session(site: AtSite, session: SignedIn, fields: Form) -> Response:
    """Sign out somewhere else, or here."""
    id_, now = fields.get("session", ""), site.clock()

    def work(connection: Connection) -> None:
        listed = access_store.sessions_of(connection, session.user_id, now)
        found = next((one for one in listed if one.id == id_), None)
        if found is None:
            raise NotFoundError(what="session", name=id_[:64])
        access_store.end_session(connection, found.id_hash)

    await site.write(work)
    return RedirectResponse(ACCOUNT, 303)


async def _prove(
    request: Request, site: Site, session: Session, fields: dict[str, str]
) -> tuple[StoredUser, Attempt]:
    """Who is signed in, once their present password was given again. Raises as entry.prove."""
    return await sign_in.prove(request, site, session.email, fields.get("current", ""))


async def _with_code(
    request: Request, site: Site, session: Session, fields: dict[str, str], work: Work[T]
) -> T | Response:
    """What *work* gives for who proves both factors again; else the page that tells why not."""
    try:
        _, proved = await _prove(request, site, session, fields)
        return await _once_proved(request, site, session, fields, proved, work, with_code=True)
    except LicenseError as error:
        return await _account(request, site, session, error)


async def _once_proved(
    request: Request,
    site: Site,
    session: Session,
    fields: dict[str, str],
    proved: Attempt,
    work: Work[T],
    *,
    with_code: bool,
) -> T:
    """What *work* gives for who has *proved* the password, and the code too *with_code*.

    Raises NotAuthenticatedError, TooManyAttemptsError, and as *work* does.
    """
    now, seeds = site.clock(), sign_in.seeds_of(request)
    attempt = Attempt.of(session.email, address_of(request), what=login.CODE)
    if with_code:
        guess = attempt
        attempt = await site.write(lambda connection: login.count(connection, guess, now))

    def act(connection: Connection) -> T:
        user = accounts.by_id(connection, session.user_id)
        login.succeeded(connection, proved)
        if with_code or user.totp is not None:  # turned on meanwhile: none was asked for
            code = fields.get("code", "") if with_code else ""
            totp.accept(connection, user, code, seeds, now, session.actor)
            login.succeeded(connection, attempt)
        return work(connection, accounts.by_id(connection, user.id), now)

    return await site.write(act)
