"""A request at the desk: what was sent, whose it is, and the act that answers it."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from license_core.errors import LicenseError
from license_core.reason import say
from license_server.access.sessions import Session
from license_server.actor import Actor
from license_server.catalog import products
from license_server.db.reply_store import Reply
from license_server.http.path_params import row_id
from license_server.http.problem_types import is_of_what_was_asked, status_of
from license_server.http.state import AtSite
from license_server.licenses import acts as license_acts
from license_server.licenses import lookup, planning
from license_server.licenses.acts import OVERRIDE, PLAN, REASON
from license_server.licenses.planning import Plan
from license_server.licenses.term_changes import Difference, Terms, differences
from license_server.mail import outbox, writing
from license_server.requests import answering, filing, finding, handling, outcomes, wishes
from license_server.requests.message_store import Message
from license_server.requests.reading import Reading
from license_server.requests.request_store import StoredRequest
from license_server.site import Site
from license_server.web import acts, forms, kept_forms, order_form, outbox_list, pages
from license_server.web.order_form import TypedOrder
from license_server.web.pinned_form import RULES
from license_server.web.reader import Reader
from license_server.web.request_list import ROOM, SOURCES, WORDS
from license_server.web.session import Form, May

_ORDERED = ("customer", "product", PLAN, "days", "contract")
"""The fields of the form that issues."""
LOOK = "look"
"""The step of that form which only shows what it would issue."""
router = APIRouter(prefix=ROOM)
Viewer = Annotated[Session, Depends(May("requests:read"))]
Clerk = Annotated[Session, Depends(May(filing.PERMISSION))]


class Move(NamedTuple):
    """What a move of the earlier licence would do."""

    plan: Plan | None
    changes: list[Difference]
    error: LicenseError | None
    """Why it is not possible."""


class Seen(NamedTuple):
    """A request, as somebody may see it now."""

    stored: StoredRequest
    texts: list[Message]
    read: Reading


class Refused(NamedTuple):
    """What somebody typed, and why nothing was done."""

    fields: Mapping[str, str]
    error: LicenseError


@router.get("/{id}")
async def one(id: str, request: Request, site: AtSite, session: Viewer) -> Response:
    """One request: what it means, and what would answer it; or what became of it."""
    return await _page(request, site, session, row_id(id, "request"))


def _see(connection: Connection, id_: int, actor: Actor, now: int) -> Seen:
    stored = finding.seen(connection, id_, actor)
    texts = finding.conversation(connection, stored)
    return Seen(stored, texts, finding.read(connection, stored, texts, actor, now))


async def _page(
    request: Request, site: Site, session: Session, id_: int, refused: Refused | None = None
) -> Response:
    now, actor = site.clock(), session.actor
    typed = _typed(request, refused)

    def read(connection: Connection) -> dict[str, Any]:
        seen = _see(connection, id_, actor, now)
        told: dict[str, Any] = {"stored": seen.stored, "texts": seen.texts, "read": seen.read}
        told["wished"] = wishes.of(connection, seen.stored, actor)
        told |= finding.others(connection, seen.stored, actor)._asdict()
        if not seen.stored.is_open:
            return told
        fields = _fields(connection, seen, typed)
        return told | {
            "fields": fields,
            "names": lookup.names(connection),
            **_preview(connection, site, seen, fields, actor, now),
            "move": _move(connection, seen, actor, now),
        }

    error = refused.error if refused else None
    values: dict[str, Any] = {
        "plan": None,
        "obstacle": None,
        "move": None,
        "known": None,
        "fields": {},
    }
    values |= await site.read(read)
    faults = order_form.faults_at(values["fields"], error) if error else {}
    return pages.page(
        request,
        "request",
        status_of(error) if error else 200,
        error=None if faults else error,
        faults=faults,
        words=WORDS,
        mail_states=outbox_list.STATES,
        sources=SOURCES,
        nearly=planning.nearly,
        came=next((name for name in ("filed", "again") if name in request.query_params), ""),
        may_write=filing.PERMISSION in actor.permissions,
        may_mail=site.settings.sends_mail and outbox.SEND in actor.permissions,
        is_mine=values["stored"].owner == actor.name,
        once=forms.new_once(site.random),
        **values,
    )


def _typed(request: Request, refused: Refused | None) -> dict[str, str]:
    """What was typed into the form that issues."""
    given = refused.fields if refused else kept_forms.of(request) or request.query_params
    return {name: given[name] for name in (*_ORDERED, REASON, "text") if name in given}


def _fields(connection: Connection, seen: Seen, typed: Mapping[str, str]) -> dict[str, str]:
    """What the form that issues says: what was typed, else what is known."""
    matched = seen.read.matched
    fields = {
        "customer": matched.customer.value if matched.customer else "",
        "product": matched.product.value if matched.product else "",
    } | dict(typed)
    if PLAN not in fields:
        fields[PLAN] = answering.only_plan(connection, seen.stored, fields["product"]) or ""
    return fields


def _order(stored: StoredRequest, fields: Mapping[str, str], site: Site) -> TypedOrder:
    """The order that the form makes, for the host of the request."""
    named = {name: fields.get(name, "") for name in (*_ORDERED, REASON, OVERRIDE)}
    term = {"term": "days", "time_zone": site.settings.time_zone}
    return order_form.parse(named | term | {"host": stored.host or ""})


def _preview(
    connection: Connection,
    site: Site,
    seen: Seen,
    fields: Mapping[str, str],
    actor: Actor,
    now: int,
) -> dict[str, Any]:
    """What the form would issue; or what is missing."""
    typed = _order(seen.stored, fields, site)
    told: dict[str, Any] = {"known": order_form.read(connection, typed, now)}
    if seen.stored.host is None or "licenses:issue" not in actor.permissions:
        return told
    try:
        answering.check_plan(seen.stored, fields[PLAN].strip())
        plan = order_form.plan(connection, typed, actor, now)
    except LicenseError as error:
        return told | {"obstacle": error}
    filled = plan.members.keys() - typed.members.keys()
    return told | {
        "plan": plan,
        "days": Terms.of_order(plan.order),
        "rules": products.rules(plan.product),
        "filled": filled,
    }


def _move(connection: Connection, seen: Seen, actor: Actor, now: int) -> Move | None:
    """What a move of the earlier licence would do; None: none is offered."""
    if not seen.read.may_move or "licenses:issue" not in actor.permissions:
        return None
    try:
        wanted = answering.moving(seen.stored, seen.read, {})
        plan = planning.plan(connection, wanted, actor, now, with_notices=True)
    except LicenseError as error:
        return Move(None, [], error)
    former = plan.former
    before = (
        [] if former is None else differences(Terms.of_license(former), Terms.of_order(plan.order))
    )
    return Move(plan, before, plan.refusals[0] if plan.refusals else None)


@router.post("/{id}/issue")
async def issue(id: str, request: Request, site: AtSite, session: Clerk, fields: Form) -> Response:
    """Issue what the request asks for, as the page showed it."""
    id_, actor, now = row_id(id, "request"), session.actor, site.clock()
    if fields.pop("step", "") == LOOK:
        shown = {name: fields[name] for name in _ORDERED if name in fields}
        return RedirectResponse(f"{ROOM}/{id_}?{urlencode(shown)}", 303)

    async def work() -> Reply:
        key = forms.once(fields, request.url.path)
        kept = await site.earlier_reply(actor, key)
        if kept is not None:
            return kept

        def read(connection: Connection) -> StoredRequest:
            stored = finding.seen(connection, id_, actor)
            outcomes.check_new(stored)
            answering.check_plan(stored, fields.get(PLAN, "").strip())
            return stored

        stored = await site.read(read)
        wanted = _order(stored, fields, site).act_request(rules=fields.get(RULES) or None)
        follow = outcomes.settling(id_, actor, now)
        return await site.act(wanted, actor, now, partial(acts.redirect, request=id_), key, follow)

    return await _done(request, site, session, id_, fields, work)


@router.post("/{id}/move")
async def move(id: str, request: Request, site: AtSite, session: Clerk, fields: Form) -> Response:
    """Move the earlier licence to where the host is now."""
    id_, actor, now = row_id(id, "request"), session.actor, site.clock()
    tr = Reader.of(request, site.settings.time_zone).catalogue.gettext

    async def work() -> Reply:
        key = forms.once(fields, request.url.path)
        kept = await site.earlier_reply(actor, key)
        if kept is not None:
            return kept

        def read(connection: Connection) -> planning.ActRequest:
            seen = _see(connection, id_, actor, now)
            outcomes.check_new(seen.stored)
            change = seen.read.change
            cause = {REASON: say(change.cause(), tr)} if change else {}
            return answering.moving(seen.stored, seen.read, cause)

        wanted = await site.read(read)
        follow = outcomes.settling(id_, actor, now)
        return await site.act(wanted, actor, now, partial(acts.redirect, request=id_), key, follow)

    return await _done(request, site, session, id_, fields, work)


@router.post("/{id}/answer")
async def answer(id: str, request: Request, site: AtSite, session: Clerk, fields: Form) -> Response:
    """Let the licence that there is answer the request, and lead to its file."""
    id_, number = row_id(id, "request"), fields.get("license", "")[:64]

    def work(connection: Connection, actor: Actor, now: int) -> str:
        other = fields.get("other_host") == "yes"
        outcomes.answer_with(connection, id_, number, actor, now, other_host=other)
        return f"/licenses/{number}?send=1&request={id_}"

    return await _written(request, site, session, id_, fields, work)


@router.post("/{id}/refuse")
async def refuse(id: str, request: Request, site: AtSite, session: Clerk, fields: Form) -> Response:
    """Refuse the request."""
    id_ = row_id(id, "request")

    def work(connection: Connection, actor: Actor, now: int) -> str:
        given = dict[str, Any](forms.reason_of(fields))
        reason = license_acts.read_reason(given, needed=True)
        outcomes.refuse(connection, id_, actor, reason, now)
        return f"{ROOM}/{id_}"

    return await _written(request, site, session, id_, fields, work)


@router.post("/{id}/assign")
async def assign(id: str, request: Request, site: AtSite, session: Clerk, fields: Form) -> Response:
    """Take the request, or hand it back."""
    id_, hands_back = row_id(id, "request"), fields.get("owner") == ""

    def work(connection: Connection, actor: Actor, now: int) -> str:
        owner = None if hands_back else actor.name
        handling.assign(connection, id_, owner, actor, now)
        return f"{ROOM}/{id_}"

    return await _written(request, site, session, id_, fields, work)


@router.post("/{id}/note")
async def note(id: str, request: Request, site: AtSite, session: Clerk, fields: Form) -> Response:
    """Add a note for colleagues, or a reply for the operator, who may get it by mail, too."""
    id_, kind = row_id(id, "request"), fields.get("kind")

    def work(connection: Connection, actor: Actor, now: int) -> str:
        members = {"text": fields.get("text", "")}
        if kind == "mail":
            writing.reply(connection, site.settings, id_, members, actor, now, site.random)
        elif kind == "reply":
            handling.reply(connection, id_, members, actor, now)
        else:
            handling.note(connection, id_, members, actor, now)
        return f"{ROOM}/{id_}#conversation"

    return await _written(request, site, session, id_, fields, work)


async def _written(
    request: Request,
    site: Site,
    session: Session,
    id_: int,
    fields: dict[str, str],
    work: Callable[[Connection, Actor, int], str],
) -> Response:
    """Where *work* leads, once for each form; or the request again, with its refusal."""
    actor, now = session.actor, site.clock()

    async def once() -> Reply:
        key = forms.once(fields, request.url.path)
        return await site.once(actor, key, now, lambda c: Reply(303, work(c, actor, now), b""))

    return await _done(request, site, session, id_, fields, once)


async def _done(
    request: Request,
    site: Site,
    session: Session,
    id_: int,
    fields: dict[str, str],
    work: Callable[[], Awaitable[Reply]],
) -> Response:
    try:
        reply = await work()
    except LicenseError as error:
        if not is_of_what_was_asked(error):
            raise
        return await _page(request, site, session, id_, Refused(fields, error))
    return RedirectResponse(reply.location or ROOM, reply.status)
