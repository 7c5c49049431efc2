"""Issuing at the desk: paste, see what it means, issue."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from license_core.errors import LicenseError
from license_server.access.sessions import Session
from license_server.catalog import products
from license_server.db.errors import ChangedMeanwhileError
from license_server.http.problem_types import status_of
from license_server.licenses import issuing, lookup
from license_server.licenses.acts import ISSUE
from license_server.licenses.planning import ActRequest
from license_server.site import Site
from license_server.web import (
    acts,
    drafts,
    form_meaning,
    forms,
    licenses,
    pages,
    pinned_form,
    prefill,
)
from license_server.web.drafts import Draft
from license_server.web.form_meaning import Look, Reading
from license_server.web.session import (
    AtSite,
    Form,
    May,
)
from license_server.web.sign_in import HOME

# The errors of an order that are shown at the form, beside what was typed.
_AT_THE_FORM = {
    "InputInvalidError",
    "NotFoundError",
    "TermOverError",
    "EvidenceMissingError",
    "TermTooLongError",
    "RehostsUsedUpError",
    "LicenseStateError",
    "RequestUnreadableError",
    "RequestDamagedError",
    "RequestAmbiguousError",
}

PREVIEW = f"{HOME}/preview"
_NAMED = ("customer", "product")
"""What a link to the form may fill in."""

router = APIRouter()
Issuer = Annotated[Session, Depends(May("licenses:issue"))]


@router.get(HOME + "/new")
async def new(request: Request, site: AtSite, session: Issuer) -> Response:
    """The form for a licence: as it was filled in (``?draft=``), or as an earlier one (``?like=``).

    Else with what the address names.
    """
    given = request.query_params
    if "draft" in given:
        draft = await _draft(site, session, given["draft"])
        return await _form(request, site, draft.fields)
    fields = {"term": "days", "time_zone": site.settings.time_zone}
    fields |= {name: given[name] for name in _NAMED if name in given}
    like = given.get("like")
    if like:
        license_ = issuing.claims_of(await licenses.find(site, like))
        fields |= prefill.fields(license_, site.settings.time_zone, site.clock())
        del fields["replaces"]  # another one beside it: what replaces it are the acts of its page
    return await _form(request, site, fields)


@router.post(HOME + "/reading")
async def read(request: Request, site: AtSite, session: Issuer, fields: Form) -> Response:
    """A part of a page: what the form means as it stands, while somebody fills it in."""
    now = site.clock()
    found, plan = await site.read(
        lambda c: (
            form_meaning.of(c, fields, now),
            form_meaning.outlook(c, fields, session.actor, now),
        )
    )
    zone = fields.get("time_zone", "").strip() or "UTC"
    return pages.page(request, "reading", reading=found, plan=plan, zone=zone)


@router.post(HOME + "/preview")
async def preview(request: Request, site: AtSite, session: Issuer, fields: Form) -> Response:
    """Lead to what the form would issue; or the form again, with what is wrong."""
    fields.pop("once", None)
    now, fields = site.clock(), pinned_form.unsettle(fields)
    try:
        await site.read(lambda c: form_meaning.look(c, fields, session.actor, now))
    except LicenseError as error:
        return await _mend(request, site, fields, error, now)
    id_ = await drafts.keep(site, PREVIEW, fields, session.actor)
    return RedirectResponse(f"{PREVIEW}/{id_}", 303)


@router.get(PREVIEW + "/{id}")
async def previewed(
    id: str, request: Request, site: AtSite, session: Issuer
) -> Response:  # the path's name for it
    """What a form would issue; or what came of it."""
    draft = await _draft(site, session, id)
    if draft.done is not None:
        return pages.page(request, "done", done=draft.done, again=f"{HOME}/new?draft={id}")
    return await _preview(request, site, session, draft.fields, draft.id)


async def _draft(site: Site, session: Session, id_: str) -> Draft:
    return await site.read(lambda c: drafts.find(c, id_, PREVIEW, session.actor))


async def _preview(
    request: Request,
    site: Site,
    session: Session,
    fields: dict[str, str],
    once: str,
    changed: ChangedMeanwhileError | None = None,
) -> Response:
    """What the form would issue now; *changed*: what is otherwise than when that was seen."""
    now = site.clock()
    fields = pinned_form.unsettle(fields)

    def look(connection: Connection) -> tuple[Look, Reading]:
        seen = form_meaning.look(connection, fields, session.actor, now)
        return seen, form_meaning.of(connection, fields, now)

    try:
        seen, found = await site.read(look)
    except LicenseError as error:
        return await _mend(request, site, fields, error, now)
    filled = seen.members.keys() - forms.members(fields).keys()
    return pages.page(
        request,
        "preview",
        status_of(changed) if changed else 200,
        changed=changed,
        preview=seen.plan,
        reading=found,
        zone=seen.members["time_zone"],
        fields=pinned_form.settle(fields, seen.members, seen.plan),
        filled=filled,
        once=once,
    )


@router.post(HOME)
async def issue(request: Request, site: AtSite, session: Issuer, fields: Form) -> Response:
    """Issue what the preview showed; the same form sent twice issues one licence."""
    once = fields.get("once", "")
    key, now = forms.once(fields, HOME), site.clock()
    try:
        _, members = await site.read(lambda c: forms.order(fields, now, products.finder(c)))
        act_request = ActRequest(ISSUE, members, rules=fields.get(pinned_form.RULES))
        reply = await site.act(act_request, session.actor, now, acts.redirect, key)
    except ChangedMeanwhileError as error:
        return await _preview(request, site, session, fields, once, error)
    except LicenseError as error:
        return await _mend(request, site, fields, error, now)
    return RedirectResponse(reply.location or HOME, reply.status)


async def _mend(
    request: Request, site: Site, fields: dict[str, str], error: LicenseError, now: int
) -> Response:
    """The form with what is wrong. Raises *error* where it is about no field."""
    if type(error).__name__ not in _AT_THE_FORM:
        raise error
    faults = await site.read(lambda c: forms.faults(fields, error, now, products.finder(c)))
    return await _form(request, site, pinned_form.unsettle(fields), faults)


async def _form(
    request: Request,
    site: Site,
    fields: dict[str, str],
    faults: dict[str, LicenseError] | None = None,
) -> Response:
    now = site.clock()
    names, standards = await site.read(
        lambda c: (lookup.names(c), form_meaning.of(c, fields, now).standards)
    )
    status = status_of(next(iter(faults.values()))) if faults else 200
    return pages.page(
        request,
        "new",
        status,
        fields=fields,
        names=names,
        standards=standards,
        zones=prefill.ZONES,
        faults=faults or {},
    )
