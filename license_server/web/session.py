"""Who is at the desk: the session of a request, what it may do, and the forms that it sends."""

from typing import Annotated

from fastapi import Depends, Request
from starlette.responses import Response

from license_server.access import sessions
from license_server.access.errors import CodesRequiredError
from license_server.access.sessions import Session
from license_server.http.state import AtSite, state_of
from license_server.web import forms, kept_forms

SESSION = "hostseal_session"
"""The cookie of somebody who is signed in."""


async def session_of(request: Request, site: AtSite) -> Session:
    """Who is signed in. Raises NotAuthenticatedError, RateLimitedError."""
    secret, now = cookie(request, SESSION), site.clock()
    session = await site.read(
        lambda connection: sessions.find_session(connection, secret, now, address_of(request))
    )
    request.state.session = session
    if request.method == "GET" and kept_forms.KEPT in request.query_params:
        find = kept_forms.find
        request.state.kept = await site.read(lambda c: find(c, request, session))
    state_of(request).rates.take(session.actor.name, now)
    return session


SignedIn = Annotated[Session, Depends(session_of)]


class May:
    """A page's demand: who is signed in must be permitted this."""

    def __init__(self, permission: str) -> None:
        self.permission = permission

    async def __call__(self, session: SignedIn, site: AtSite) -> Session:
        """Who is signed in. Raises NotAuthenticatedError, CodesRequiredError, NotPermittedError."""
        if session.by_password_alone and session.role in site.settings.codes_required:
            raise CodesRequiredError(role=session.role)
        session.actor.need(self.permission)
        return session


async def _fields(request: Request, session: SignedIn) -> dict[str, str]:
    """The fields of a form of this session. Raises FormExpiredError, InputInvalidError."""
    fields = await forms.read(request)
    fields.pop(kept_forms.TYPED_BY, None)
    sessions.check_form(session.secret, fields.pop("form_token", ""))
    return fields


Form = Annotated[dict[str, str], Depends(_fields)]


def address_of(request: Request) -> str:
    """Where a request comes from."""
    return request.client.host if request.client else ""


def base_of(request: Request) -> str:
    """How this server's addresses begin: as its settings say, else as the browser calls it."""
    told = state_of(request).site.settings.public_url
    return told or f"{request.url.scheme}://{request.url.netloc}"


def on_one_line(text: str) -> str:
    """*text* on one line, without control characters, which PostgreSQL would not take."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def cookie(request: Request, name: str) -> str:
    """The secret that the browser keeps in the cookie *name*; blank where it keeps none."""
    return request.cookies.get(_prefixed(request, name), "")


def set_cookie(
    response: Response, request: Request, name: str, secret: str, seconds: int | None = None
) -> None:
    """Give the browser a secret that only this server reads; *seconds*: how long it keeps it."""
    response.set_cookie(
        _prefixed(request, name),
        secret,
        seconds,
        httponly=True,
        samesite="lax",
        secure=is_secure(request),
    )


def delete_cookie(response: Response, request: Request, name: str) -> None:
    """Have the browser forget a secret."""
    response.delete_cookie(_prefixed(request, name), secure=is_secure(request))


def is_secure(request: Request) -> bool:
    """Whether the browser speaks HTTPS."""
    return request.url.scheme == "https"


def _prefixed(request: Request, name: str) -> str:
    # What begins so, no other host of the domain can set (RFC 6265bis section 4.1.3.2).
    return f"__Host-{name}" if is_secure(request) else name
