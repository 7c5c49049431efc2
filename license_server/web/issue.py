"""Issuing at the desk: paste, see what it means, issue."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from license_core.errors import LicenseError
from license_server.access.sessions import Session
from license_server.db.errors import ChangedMeanwhileError
from license_server.http.problem_types import status_of
from license_server.http.state import AtSite
from license_server.licenses import issuing, lookup
from license_server.site import Site
from license_server.web import (
    acts,
    drafts,
    forms,
    licenses,
    order_form,
    pages,
    pinned_form,
    prefill,
)
from license_server.web.drafts import Draft
from license_server.web.order_form import TypedOrder
from license_server.web.session import Form, May
from license_server.web.sign_in import HOME

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
async def reading(request: Request, site: AtSite, session: Issuer, fields: Form) -> Response:
    """A part of a page: what the form means as it stands, while somebody fills it in."""
    typed, now = order_form.parse(fields), site.clock()
    known, plan = await site.read(
        lambda c: (
            order_form.read(c, typed, now),
            order_form.plan_if_right(c, typed, session.actor, now),
        )
    )
    zone = typed.members["time_zone"]
    return pages.page(request, "reading", reading=known, plan=plan, zone=zone)


@router.post(HOME + "/preview")
async def preview(request: Request, site: AtSite, session: Issuer, fields: Form) -> Response:
    """Lead to what the form would issue; or the form again, with what is wrong."""
    fields.pop("once", None)
    now, fields = site.clock(), pinned_form.unpinned(fields)
    typed = order_form.parse(fields)
    try:
        await site.read(lambda c: order_form.plan(c, typed, session.actor, now))
    except LicenseError as error:
        return await _mend(request, site, fields, typed, error)
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
    now, fields = site.clock(), pinned_form.unpinned(fields)
    typed = order_form.parse(fields)
    try:
        plan, known = await site.read(
            lambda c: (
                order_form.plan(c, typed, session.actor, now),
                order_form.read(c, typed, now),
            )
        )
    except LicenseError as error:
        return await _mend(request, site, fields, typed, error)
    return pages.page(
        request,
        "preview",
        status_of(changed) if changed else 200,
        changed=changed,
        preview=plan,
        reading=known,
        zone=typed.members["time_zone"],
        fields=pinned_form.pin(fields, plan),
        filled=plan.members.keys() - typed.members.keys(),
        once=once,
    )


@router.post(HOME)
async def issue(request: Request, site: AtSite, session: Issuer, fields: Form) -> Response:
    """Issue what the preview showed; the same form sent twice issues one licence."""
    once = fields.get("once", "")
    key, now, typed = forms.once(fields, HOME), site.clock(), order_form.parse(fields)
    wanted = typed.act_request(rules=fields.get(pinned_form.RULES))
    try:
        reply = await site.act(wanted, session.actor, now, acts.redirect, key)
    except ChangedMeanwhileError as error:
        return await _preview(request, site, session, fields, once, error)
    except LicenseError as error:
        return await _mend(request, site, pinned_form.unpinned(fields), typed, error)
    return RedirectResponse(reply.location or HOME, reply.status)


async def _mend(
    request: Request, site: Site, fields: dict[str, str], typed: TypedOrder, error: LicenseError
) -> Response:
    """The form with what is wrong, each at its field. Raises *error* where it is about none."""
    faults = order_form.faults_at(fields, error)
    if not faults:
        raise error
    return await _form(request, site, fields, typed, faults, status_of(error))


async def _form(
    request: Request,
    site: Site,
    fields: dict[str, str],
    typed: TypedOrder | None = None,
    faults: dict[str, LicenseError] | None = None,
    status: int = 200,
) -> Response:
    order, now = typed or order_form.parse(fields), site.clock()
    names, known = await site.read(lambda c: (lookup.names(c), order_form.read(c, order, now)))
    return pages.page(
        request,
        "new",
        status,
        fields=fields,
        names=names,
        standards=known.standards,
        zones=prefill.ZONES,
        faults=faults or {},
    )
