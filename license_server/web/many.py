"""Acts on many licences at once: which were chosen, and what is to be done to each.

The list leads here with the rows that were chosen, or with its filters. The form is kept as a job
of these licences (sheets/chosen.py), whose page says line by line what would be done.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from license_core.errors import LicenseError, NotFoundError
from license_server.access.sessions import Session
from license_server.catalog.faults import Faults, faults_of
from license_server.catalog.terms import WARNINGS
from license_server.db.errors import InputInvalidError
from license_server.http.problem_types import status_of
from license_server.http.state import AtSite
from license_server.licenses import acts, lookup
from license_server.licenses.acts import Act
from license_server.sheets import chosen, threads, uploads
from license_server.site import Site
from license_server.web import choosing, forms, kept_forms, order_form, pages, prefill
from license_server.web.session import Form, May, on_one_line
from license_server.web.sheets import JOBS
from license_server.web.sign_in import HOME

MANY = f"{HOME}/many"
_ACTS = {act.name: act for act in acts.MANY}
_DAYS = "365"
_NAMED = ("continue_from", "contract", acts.PLAN)

router = APIRouter(prefix=MANY)
Issuer = Annotated[Session, Depends(May("licenses:issue"))]


@router.get("")
async def form(request: Request, site: AtSite, session: Issuer) -> Response:
    """The form of an act on the licences that the address chooses."""
    query, kept = request.query_params, kept_forms.of(request)
    if kept:
        act = _act(kept)
        return await _form(request, site, session, act, _choice(kept), kept)
    act, again = _act(query), query.get("from", "")
    fields = {"act": act.name} | choosing.fields_of(query)
    typed: dict[str, str] = {}
    if again:
        made = await site.read(lambda c: uploads.chosen_of(c, again, session.actor))
        typed = _typed(made.members)
    return await _form(request, site, session, act, fields, typed)


@router.post("")
async def look(request: Request, site: AtSite, session: Issuer, fields: Form) -> Response:
    """Keep what is to be done to which licences, and lead to what would come of it."""
    act, faults = _act(fields), Faults()
    members = _members(act, fields, faults)
    here = _choice(fields)
    now, mark = site.clock(), forms.new_once(site.random)

    def freeze() -> bytes:
        with site.database.reading() as connection:
            numbers = choosing.numbers(connection, here, session, now)
            if not numbers:
                raise InputInvalidError(field="licenses", reason="none was chosen")
            faults.check()
            made = chosen.freeze(connection, act, members, numbers, session.actor, now, mark)
            return made.content()

    try:
        content = await threads.one_at_a_time(freeze)
    except InputInvalidError as error:
        return await _form(request, site, session, act, here, fields, error)

    def keep(connection: Connection) -> str:
        return uploads.keep(connection, content, session.actor, now, act.name)

    return RedirectResponse(f"{JOBS}/{await site.write(keep)}", 303)


def _choice(fields: Mapping[str, str]) -> dict[str, str]:
    """What a form says of which licences it is about."""
    return {name: fields[name] for name in ("act", *choosing.FIELDS) if fields.get(name)}


def _act(given: Mapping[str, str]) -> Act:
    """The act that is asked for. Raises NotFoundError."""
    name = given.get("act", "")
    if name not in _ACTS:
        raise NotFoundError(what="page", name=on_one_line(name)[:64])
    return _ACTS[name]


async def _form(
    request: Request,
    site: Site,
    session: Session,
    act: Act,
    chosen_by: Mapping[str, str],
    typed: Mapping[str, str],
    error: LicenseError | None = None,
) -> Response:
    now = site.clock()
    session.actor.need(act.permission)
    at = {fault.member: fault.error for fault in faults_of(error)} if error else {}
    shown = {name: at[name] for name in (*act.may_change, acts.REASON) if name in at}
    count = 0
    names = await site.read(lookup.names)
    try:
        numbers = await site.read(lambda c: choosing.numbers(c, chosen_by, session, now))
        count = len(numbers)
    except InputInvalidError as wrong:
        error, shown = wrong, {}
    if not count and error is None:
        return pages.page(request, "nothing_chosen", 422)
    blank = {"term": "days", "days": _DAYS} if act.sets_term else {}
    return pages.page(
        request,
        "many",
        status_of(error) if error else 200,
        act=act,
        choosing=dict(chosen_by),
        count=count,
        error=None if shown else error,
        faults=shown,
        fields=blank | dict(typed),
        zones=prefill.ZONES,
        plans=names.plans,
    )


def _members(act: Act, fields: Mapping[str, str], faults: Faults) -> dict[str, Any]:
    """The members of the order for each licence that the form makes."""
    made: dict[str, Any] = {}
    if act.sets_term:
        made |= order_form.term(fields, faults, _DAYS)
        if not fields.get("time_zone", "").strip():  # of each, that in which it was ordered
            del made["time_zone"]
        said = {name: fields.get(name, "").strip() for name in _NAMED}
        made |= {name: text for name, text in said.items() if text}
        if acts.PLAN in made and fields.get("days", "").strip() == _DAYS:
            made.pop("days", None)  # as the plan has it
        made |= order_form.numbers(fields, WARNINGS, faults)
    return made | forms.reason_of(fields)


def _typed(members: Mapping[str, Any]) -> dict[str, str]:
    """The form that makes *members*."""
    typed = {name: forms.typed(value) for name, value in members.items()}
    term = next((name for name in ("days", "expires", "perpetual") if name in members), "days")
    return typed | {"term": term}
