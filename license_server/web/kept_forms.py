"""What somebody typed into a form that came after their session: it waits behind the sign-in.

It is kept as a draft of the person whom the form was made for, whom a seal in it names; nobody else
finds it. What is secret is not kept. Nothing is done by itself: the form is there again, filled in.
"""

from typing import NamedTuple
from urllib.parse import urlencode

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.routing import Match

from license_core import strictjson
from license_core.errors import LicenseError
from license_server.access import access_store
from license_server.access.sealed_cookies import SealedCookies
from license_server.access.sessions import Session
from license_server.http.state import state_of
from license_server.web import draft_store, drafts, forms

TYPED_BY = "typed_by"
"""The field of a form that names, sealed, for whom it was made."""
KEPT = "kept"
"""What the address of a form has where it is filled in with what was kept."""
SECRETS = frozenset({"password", "again", "current", "code", "secret", "sealed"})
"""The fields that are never kept."""
FORMS: dict[str, str | None] = {
    "/customers": "/customers/new",
    "/keys/revocations": "/keys",
    "/licenses": "/licenses/new",
    "/licenses/preview": "/licenses/new",
    "/licenses/reading": None,  # a script asks for it, again and again
    "/people/invitations": "/people/new",
    "/products": "/products/new",
    "/tokens": "/tokens/new",
}
"""The pages of forms that are sent elsewhere; the others are at the address they are sent to, or
above it."""
_SEAL = "form of"
_SECONDS = 7 * 86400
_MOST = 100
_OWN = frozenset({"form_token", TYPED_BY, "once", "step", "archived"})
"""What a form has that nobody types: its seals, and what its button says."""


class Waiting(NamedTuple):
    """Where a form waits, filled in."""

    address: str
    here: bool
    """Whether the person whose form it is has signed in again meanwhile."""


def seal(session: Session, cookies: SealedCookies, now: int) -> str:
    """What a form of *session* carries as TYPED_BY."""
    return cookies.seal(_SEAL, {"user": session.user_id}, now + _SECONDS)


async def keep(request: Request) -> Waiting | None:
    """Keep the form that *request* sends, whose session is over; None: it is no form of anybody.

    A form that another site sends is not kept, nor one of somebody else than who is signed in.
    """
    page = page_of(request)
    if request.method != "POST" or page is None or forms.from_elsewhere(request):
        return None
    try:
        fields = await forms.read(request)
    except LicenseError:
        return None
    state, session = state_of(request), getattr(request.state, "session", None)
    site, now = state.site, state.site.clock()
    try:
        person = state.seeds.cookies.open(_SEAL, fields.get(TYPED_BY, ""), now)["user"]
    except ValueError:
        return None
    if session is not None and session.user_id != person:
        return None
    typed = {n: text for n, text in fields.items() if n not in _OWN and n not in SECRETS}
    query = [one for one in request.query_params.multi_items() if one[0] != KEPT]
    id_ = forms.new_once(site.random)

    def work(connection: Connection) -> str | None:
        user = access_store.user_by_id(connection, person)
        if user is None or user.ended_at is not None:
            return None
        actor = f"user:{user.email}"
        once = fields.get("once", "")
        may_be = forms.may_be_once(once)
        looked_at = draft_store.path_of(connection, actor, once) if may_be else None
        if looked_at is not None:
            return drafts.address(looked_at, once)
        if not typed:
            return f"{page}?{urlencode(query)}" if query else page
        text = strictjson.dumps(typed).decode("utf-8")
        draft_store.add(connection, actor, id_, _path(page), text, now)
        draft_store.forget_but(connection, actor, _MOST)
        return f"{page}?{urlencode([*query, (KEPT, id_)])}"

    address = await site.write(work)
    return None if address is None else Waiting(address, session is not None)


def find(connection: Connection, request: Request, session: Session) -> dict[str, str] | None:
    """What *session* typed into the form on the page that is asked for; None: nothing is kept."""
    id_ = request.query_params.get(KEPT, "")[:64]
    path = _path(request.url.path)
    text = draft_store.fields(connection, session.actor.name, id_, path) if id_ else None
    return None if text is None else strictjson.loads(text.encode("utf-8"))


def of(request: Request) -> dict[str, str]:
    """What was kept for the page that is asked for; nothing where nothing was.

    A page that takes from its address what it is about takes it from here where it is not there.
    """
    kept: dict[str, str] | None = getattr(request.state, "kept", None)
    return kept or {}


def page_of(request: Request) -> str | None:
    """The path of the page that has the form which *request* sends; None: none has."""
    path = request.url.path
    if path in FORMS:
        return FORMS[path]
    while path and (path in FORMS or not _is_page(request, path)):
        path = path.rpartition("/")[0]
    return path or "/"


def _is_page(request: Request, path: str) -> bool:
    asked = {"type": "http", "path": path, "root_path": "", "method": "GET"}
    return any(route.matches(asked)[0] is Match.FULL for route in request.app.routes)


def _path(page: str) -> str:
    """Under which path the drafts of what was kept for *page* stand."""
    return f"{KEPT}:{page}"[:200]
