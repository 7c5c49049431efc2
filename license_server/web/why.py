"""Why did it stop? What a client printed is pasted; the licence, and the act that mends it, shown.

Nothing of it is kept: the buttons carry the host that was pasted on.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from license_server.access.sessions import Session
from license_server.http.state import AtSite
from license_server.licenses import diagnosing, states
from license_server.licenses.diagnosing import Diagnosis
from license_server.web import forms, pages
from license_server.web.session import Form, May

PATH = "/why"
router = APIRouter()
Viewer = Annotated[Session, Depends(May("licenses:read"))]


@router.get(PATH)
async def show(request: Request, _: Viewer) -> Response:
    """The field for what a client printed."""
    return pages.page(request, "why", fields={}, faults={}, found=None, possible=())


@router.post(PATH)
async def look(request: Request, site: AtSite, session: Viewer, fields: Form) -> Response:
    """What it says, and what to do."""
    text, number, now = fields.get("text", ""), fields.get("number"), site.clock()
    if not text.strip():
        return await show(request, session)
    found = await site.read(lambda c: diagnosing.diagnose(c, text, session.actor, now, number))
    return pages.page(
        request,
        "why",
        fields={"text": text},
        faults={},
        found=found,
        possible=_possible(found, session),
        once=forms.new_once(site.random),
    )


def _possible(found: Diagnosis, session: Session) -> tuple[str, ...]:
    """The names of the acts that are open to who is signed in."""
    if found.newest is None:
        return ()
    may_issue = ("issue",) if "licenses:issue" in session.actor.permissions else ()
    acts = (act.name for act in states.possible(found.newest, session.actor))
    return (*acts, *may_issue, diagnosing.SEND)
