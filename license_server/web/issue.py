"""Issuing at the desk: paste, see what it means, issue."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from license_core.errors import LicenseError
from license_core.reason import Reason
from license_server.access.sessions import Session
from license_server.catalog import plans
from license_server.catalog.faults import Faults
from license_server.catalog.plans import ProductPlan
from license_server.db.errors import ChangedMeanwhileError, InputInvalidError
from license_server.http.path_params import row_id
from license_server.http.problem_types import is_of_what_was_asked, status_of
from license_server.http.state import AtSite
from license_server.licenses import lookup
from license_server.licenses.acts import PLAN
from license_server.licenses.term_changes import Terms
from license_server.requests import answering, filing, finding, incoming, wishes
from license_server.site import Site
from license_server.web import (
    acts,
    drafts,
    edit_conflicts,
    forms,
    licenses,
    order_form,
    pages,
    pinned_form,
    prefill,
    request_list,
)
from license_server.web.drafts import PREVIEW, Draft
from license_server.web.order_form import TypedOrder
from license_server.web.session import Form, May
from license_server.web.sign_in import HOME

_NAMED = ("customer", "product", PLAN)
"""What a link to the form may fill in."""
FILE = "file"
"""The step of the form that files what was pasted, for later."""
FILL = "fill"
"""The step of the form that fills in what its plan says."""

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
    if prefill.REQUEST in given:
        fields |= await _asked(site, session, given[prefill.REQUEST])
    fields |= {name: given[name] for name in _NAMED if name in given}
    like = given.get("like")
    if like:
        stored = await licenses.find(site, like)
        fields |= prefill.fields(stored, site.settings.time_zone, site.clock())
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
    return pages.page(
        request, "reading", reading=known, plan=plan, days=plan and Terms.of_order(plan.order)
    )


@router.post(HOME + "/preview")
async def preview(request: Request, site: AtSite, session: Issuer, fields: Form) -> Response:
    """Lead to what the form would issue; or the form again, with what is wrong."""
    fields.pop("once", None)
    now, fields = site.clock(), pinned_form.unpinned(fields)
    typed = order_form.parse(fields)
    step = fields.pop("step", "")
    if step == FILL:
        return await _filled(site, request, session, fields, typed)
    if step == FILE:
        return await _filed(site, request, session, fields, typed)
    try:
        await site.read(lambda c: order_form.plan(c, typed, session.actor, now))
    except LicenseError as error:
        return await _mend(request, site, fields, typed, error)
    id_ = await drafts.keep(site, PREVIEW, fields, session.actor)
    return RedirectResponse(drafts.address(PREVIEW, id_), 303)


async def _asked(site: Site, session: Session, id_: str) -> dict[str, str]:
    """What the form says for a request. Raises NotFoundError."""
    number = row_id(id_, "request")

    def read(connection: Connection) -> dict[str, str | None]:
        stored = finding.seen(connection, number, session.actor)
        named = {"host": stored.host, "customer": stored.customer, "product": stored.product}
        is_trial = stored.wish == wishes.TRIAL
        plan = answering.only_plan(connection, stored, stored.product) if is_trial else None
        return named | {PLAN: plan}

    named = await site.read(read)
    return {name: text or "" for name, text in named.items()} | {prefill.REQUEST: str(number)}


async def _filed(
    site: Site, request: Request, session: Session, fields: dict[str, str], typed: TypedOrder
) -> Response:
    """Lead to the request that what was pasted makes; or the form again, with what is wrong."""
    now, actor = site.clock(), session.actor
    named = {"text": "host", "customer": "customer", "product": "product"}
    members = {name: fields.get(field, "").strip() or None for name, field in named.items()}
    try:
        came = incoming.read(members, "desk")
        meaning = await site.read(lambda c: filing.read(c, actor, came, now))
        filed = await site.write(lambda c: filing.file(c, actor, came, now, meaning))
    except InputInvalidError as error:
        told = order_form.faults_at(fields, error)
        wrong = {"host" if name == "text" else name: fault for name, fault in told.items()}
        return await _form(request, site, fields, typed, wrong)
    return RedirectResponse(request_list.page_of(filed), 303)


async def _filled(
    site: Site, request: Request, session: Session, fields: dict[str, str], typed: TypedOrder
) -> Response:
    """Lead to the form with what its plan says; or the form again, with what is wrong."""
    known = await site.read(lambda c: order_form.read(c, typed, site.clock()))
    product, faults = known.known.product, Faults()
    plan: ProductPlan | None = None
    if product is None:
        faults.refuse("product", Reason("no product has just this name"))
    elif not fields.get(PLAN, "").strip():
        faults.refuse(PLAN, "it is missing")
    else:
        plan = faults.read(PLAN, plans.chosen, product, fields[PLAN])
    if plan is None:
        wrong = edit_conflicts.of_fields(faults)
        return await _form(request, site, fields, typed, wrong)
    former = plans.named(product, fields.get(prefill.FILLED))
    made = prefill.by_plan(fields, plan, former)
    id_ = await drafts.keep(site, PREVIEW, made, session.actor)
    return RedirectResponse(f"{HOME}/new?draft={id_}", 303)


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
    filled = plan.members.keys() - typed.members.keys()
    chosen = plans.named(plan.product, plan.order.plan)
    return pages.page(
        request,
        "preview",
        status_of(changed) if changed else 200,
        changed=changed,
        preview=plan,
        days=Terms.of_order(plan.order),
        reading=known,
        fields=pinned_form.pin(fields, plan),
        faults={},
        filled=filled,
        of_plan=filled & chosen.terms.keys() if chosen else (),
        once=once,
    )


@router.post(HOME)
async def issue(request: Request, site: AtSite, session: Issuer, fields: Form) -> Response:
    """Issue what the preview showed; the same form sent twice issues one licence."""
    once = fields.get("once", "")
    key, now, typed = forms.once(fields, HOME), site.clock(), order_form.parse(fields)
    wanted = typed.act_request(rules=fields.get(pinned_form.RULES))
    answered = acts.answered(fields)
    follow = acts.following(answered, session.actor, now)
    lead = partial(acts.redirect, request=answered)
    try:
        reply = await site.act(wanted, session.actor, now, lead, key, follow)
    except ChangedMeanwhileError as error:
        return await _preview(request, site, session, fields, once, error)
    except LicenseError as error:
        return await _mend(request, site, pinned_form.unpinned(fields), typed, error)
    return RedirectResponse(reply.location or HOME, reply.status)


async def _mend(
    request: Request, site: Site, fields: dict[str, str], typed: TypedOrder, error: LicenseError
) -> Response:
    """The form with what is wrong: each at its field, above it what is about none.

    Raises *error* where it is not of what was asked.
    """
    if not is_of_what_was_asked(error):
        raise error
    return await _form(
        request, site, fields, typed, order_form.faults_at(fields, error), error=error
    )


async def _form(
    request: Request,
    site: Site,
    fields: dict[str, str],
    typed: TypedOrder | None = None,
    faults: dict[str, LicenseError] | None = None,
    error: LicenseError | None = None,
) -> Response:
    order, now = typed or order_form.parse(fields), site.clock()
    names, known = await site.read(lambda c: (lookup.names(c), order_form.read(c, order, now)))
    return pages.page(
        request,
        "new",
        status_of(error) if error else edit_conflicts.status(faults or {}),
        fields=fields,
        names=names,
        standards=known.standards,
        plans=[one.name for one in known.plans] or names.plans,
        zones=prefill.ZONES,
        faults=faults or {},
        error=None if faults else error,
    )
