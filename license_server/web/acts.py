"""The acts on a licence at the desk: a form of what is to be different, what it means, and then.

Every act has an address of its own. Its form is sent there with the button that was used as
``step``: ``look`` leads to what would be done, ``do`` does it; ``instead``, in another form with a
host, leads to what a move to that host would be, ``fill`` to this form with what that one has.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from license_core import received
from license_core.errors import LicenseError
from license_core.reason import Reason, say
from license_server.access.sessions import Session
from license_server.actor import Actor
from license_server.audit import audit_store
from license_server.audit.audit_store import Event
from license_server.catalog import catalog_store, plans, products, terms, typed
from license_server.catalog.catalog_store import Product
from license_server.catalog.faults import Faults, faults_of
from license_server.db.errors import ChangedMeanwhileError, InputInvalidError
from license_server.db.reply_store import Reply
from license_server.http.path_params import row_id
from license_server.http.problem_types import is_of_what_was_asked, status_of
from license_server.http.state import AtSite
from license_server.licenses import (
    acts,
    issuing,
    move_store,
    moves,
    planning,
    recording,
    states,
)
from license_server.licenses.acts import Act
from license_server.licenses.errors import LicenseStateError
from license_server.licenses.license_store import StoredLicense
from license_server.licenses.planning import ActRequest, Plan
from license_server.licenses.proposal_store import Proposal
from license_server.licenses.term_changes import Terms, differences
from license_server.requests import outcomes
from license_server.site import Follow, Site
from license_server.web import (
    drafts,
    forms,
    order_form,
    pages,
    pinned_form,
    prefill,
)
from license_server.web.reader import Reader
from license_server.web.session import Form, May
from license_server.web.sign_in import HOME

_DAYS = 365
FILL = "fill"
"""The ``step`` of a button in another form, which leads to the form with what that one has."""
REQUESTS = "/requests"
INSTEAD = "instead"
"""The ``step`` of a button in another form, which leads to a move of its host."""

router = APIRouter()


class Sent(NamedTuple):
    """Who wants to do what to which licence, and what they typed into the form so far."""

    request: Request
    site: Site
    actor: Actor
    act: Act
    number: str
    fields: dict[str, str]

    @property
    def path(self) -> str:
        """The address of the act."""
        return f"{HOME}/{self.number}/{self.act.name}"

    def act_request(self, seen: "Seen") -> ActRequest:
        """What the fields ask for."""
        faults = Faults()
        made = members(self.act, self.fields, blank(self.act, seen, self.zone), faults)
        seen_at, rules = self.fields.get("seen") or None, self.fields.get(pinned_form.RULES)
        return ActRequest(self.act, made, self.number, seen_at, rules, faults=tuple(faults))

    def as_typed(self) -> "Sent":
        """It as it was before its defaults were filled in. Raises InputInvalidError."""
        return self._replace(fields=pinned_form.unpinned(self.fields))

    @property
    def zone(self) -> str:
        """The time zone of the vendor."""
        return self.site.settings.time_zone


class Seen(NamedTuple):
    """A licence as somebody sees it who is about to act on it."""

    stored: StoredLicense
    etag: str
    product: Product | None
    moves: int
    """How often it has moved to another host."""
    last: Event | None
    """What was done to it last."""


def _see(connection: Connection, number: str) -> Seen:
    stored = issuing.find(connection, number)
    subjects = [stored.number, *([stored.replaced_by] if stored.replaced_by else [])]
    about = audit_store.EventFilter(subjects=subjects)
    return Seen(
        stored=stored,
        etag=recording.etag(connection, number),
        product=catalog_store.product_by_name(connection, stored.product),
        moves=move_store.rehosts(connection, stored.line),
        last=next(iter(audit_store.events(connection, about, before=None, limit=1)), None),
    )


def fields_of(act: Act) -> tuple[str, ...]:
    """What the form of *act* asks for."""
    return (*act.may_change, acts.REASON)


def blank(act: Act, seen: Seen, zone: str) -> dict[str, str]:
    """What the form of *act* says at first."""
    stored = seen.stored
    was = prefill.fields(stored, zone, stored.issued_at)
    kept = {"contract": stored.contract or "", acts.PLAN: stored.plan or ""}
    if act.sets_term:
        plan = plans.named(seen.product, stored.plan)
        standard = products.defaults(seen.product) | dict(plan.terms if plan else {})
        days = str(standard.get("days", _DAYS))
        return {"term": "days", "days": days, "time_zone": was["time_zone"]} | kept
    was |= kept
    return {name: was.get(name, "") for name in fields_of(act)}


def members(
    act: Act, fields: Mapping[str, str], was: Mapping[str, str], faults: Faults
) -> dict[str, Any]:
    """The members of an order for *act*; *was*: what the form said at first."""
    made: dict[str, Any] = {}
    if act.sets_term:
        made |= order_form.term(fields, faults, was["days"])
        said = {name: fields.get(name, "").strip() for name in ("continue_from", "contract")}
        made |= {name: text for name, text in said.items() if text}
        made |= order_form.numbers(fields, terms.WARNINGS, faults)
        if _another_plan(fields, was) and fields.get("days", "").strip() == was["days"]:
            made.pop("days", None)  # as the plan has it
    elif act.names_host:  # a new host is said with its binding
        names = (name for name in act.may_change if name != acts.OVERRIDE)
        made |= {name: fields.get(name, "").strip() or None for name in names}
    elif act is acts.RETURN:
        made[acts.TEXT] = fields.get(acts.TEXT) or None
        made[acts.UNPROVEN] = fields.get(acts.UNPROVEN) == "yes"
    else:
        made |= _changes(act, fields, was, faults)
    if acts.PLAN in act.may_change and (plan := _another_plan(fields, was)):
        made[acts.PLAN] = plan
    if fields.get(acts.OVERRIDE) == "yes":
        made[acts.OVERRIDE] = True
    return made | forms.reason_of(fields)


def _another_plan(fields: Mapping[str, str], was: Mapping[str, str]) -> str | None:
    """The plan that the form names, where it is not the one that the licence has."""
    plan = fields.get(acts.PLAN, "").strip()
    return plan if plan and plan != was.get(acts.PLAN) else None


def _changes(
    act: Act, fields: Mapping[str, str], was: Mapping[str, str], faults: Faults
) -> dict[str, Any]:
    """What the form says otherwise than at first."""
    given = {name: fields.get(name, "").strip() for name in act.may_change}
    changed = [name for name, text in given.items() if text != was[name]]
    made: dict[str, Any] = {}
    for name, read in (("limits", terms.limits_of), ("features", list)):
        if name in changed and forms.names_in(given[name]) != forms.names_in(was[name]):
            made[name] = faults.read(name, read, forms.names_in(given[name]))
    for name in ("edition", "match", "maintenance_until", "contract"):
        if name in changed and given[name]:
            made[name] = typed.day(given[name]) if name == "maintenance_until" else given[name]
        elif name in changed:
            faults.refuse(name, "a change cannot remove it; issue a new licence instead")
    if "maintenance_until" in made:
        made["time_zone"] = typed.time_zone(given["time_zone"]) or "UTC"
    for name in terms.WARNINGS:
        if name in changed:
            made[name] = faults.read(name, forms.number, given, name)
    return made


def _wrong(act: Act, error: LicenseError) -> dict[str, LicenseError]:
    """The fields of the form of *act* that are wrong, from the first to the last."""
    at = {fault.member: fault.error for fault in faults_of(error)}
    return {name: at[name] for name in fields_of(act) if name in at}


def _at_a_field(act: Act, error: LicenseError) -> LicenseError:
    """*error*; where *act* would leave the licence as it is, told at the field that says so."""
    if not isinstance(error, LicenseStateError) or faults_of(error):
        return error
    if error.became == planning.SAME_HOST:
        reason = (
            "the licence is already for this host; renew it for another term, or send its file "
            "again"
        )
        return InputInvalidError(field="host", reason=reason)
    if error.became == planning.NOTHING_NAMED:
        first = "limits" if "limits" in act.may_change else act.may_change[0]
        return InputInvalidError(field=first, reason="nothing differs from the current licence")
    return error


async def _form(sent: Sent, error: LicenseError | None = None) -> Response:
    """The form of the act, as it was filled in; where it is not possible by now, why not."""
    act, site = sent.act, sent.site
    seen = await site.read(lambda connection: _see(connection, sent.number))
    closed = _why_not(act, seen, sent.actor)
    if error is not None:
        error = _at_a_field(act, error)
    wrong = {} if error is None or closed is not None else _wrong(act, error)
    refused = closed or error
    return pages.page(
        sent.request,
        "act",
        status_of(refused) if refused else 200,
        act=act,
        seen=seen,
        stored=seen.stored,
        terms=Terms.of_license(seen.stored),
        closed=closed is not None,
        error=None if wrong else refused,
        faults=wrong,
        fields=blank(act, seen, sent.zone) | sent.fields | {"seen": seen.etag},
        zones=prefill.ZONES,
        plans=[one.name for one in plans.of(seen.product).values() if not one.archived],
        once=forms.new_once(site.random),
    )


def _why_not(act: Act, seen: Seen, actor: Actor) -> LicenseError | None:
    """Why *act* is not possible on what the licence is by now. Raises NotPermittedError."""
    actor.need(act.permission, seen.stored.product)
    try:
        states.check(seen.stored, act)
    except LicenseError as error:
        return error
    return None


async def _act(sent: Sent) -> Response:
    step = sent.fields.pop("step", "look")
    typed = sent.as_typed()
    try:
        if step == FILL:
            return await _form(typed)
        if step == INSTEAD:
            typed = await _instead(typed)
        if step != "do":
            typed.fields.pop("once", None)
            await _seen(typed)
            id_ = await drafts.keep(sent.site, sent.path, typed.fields, sent.actor)
            return RedirectResponse(drafts.address(sent.path, id_), 303)
        return await _do_or_look(sent, typed)
    except LicenseError as error:
        if not is_of_what_was_asked(error):
            raise
        return await _form(typed, error)


async def _instead(sent: Sent) -> Sent:
    """A move in place of what another form asked for: its host, and a reason where it has none.

    Raises as received.parse does, and NotFoundError.
    """
    asked = received.parse(sent.fields.get("host", ""))
    seen = await sent.site.read(lambda connection: _see(connection, sent.number))
    change = moves.change_of(seen.stored, asked, sent.fields.get("host"))
    reader = Reader.of(sent.request, sent.zone)
    cause = "" if change is None else say(change.cause(), reader.catalogue.gettext)
    reason = sent.fields.get(acts.REASON, "").strip() or cause
    return sent._replace(fields={"host": sent.fields["host"], acts.REASON: reason})


async def _drafted(sent: Sent, id_: str) -> Response:
    """What a form would do; or what came of it."""
    draft = await sent.site.read(lambda c: drafts.find(c, id_, sent.path, sent.actor))
    if draft.done is not None:
        again = f"{HOME}/{sent.number}"
        return pages.page(sent.request, "done", done=draft.done, again=again)
    sent = sent._replace(fields=draft.fields)
    if "form" in sent.request.query_params:
        return await _form(sent)
    try:
        return await _look(sent, id_)
    except LicenseError as error:
        if not is_of_what_was_asked(error):
            raise
        return await _form(sent, error)


async def _do_or_look(sent: Sent, typed: Sent) -> Response:
    """Do it; where the product has other rules by now, show what it would be with those."""
    once = typed.fields.pop("once", "")
    try:
        reply = await _do(sent)
    except ChangedMeanwhileError as error:
        if not sent.act.issues:
            raise
        return await _look(typed, once, error)  # which raises where it was the licence that changed
    return RedirectResponse(reply.location or HOME, reply.status)


async def _seen(sent: Sent) -> tuple[Seen, Plan]:
    """The licence, and what would be done.

    Raises as planning.plan does, and ChangedMeanwhileError.
    """
    now = sent.site.clock()

    def read(connection: Connection) -> tuple[Seen, Plan]:
        seen = _see(connection, sent.number)
        states.check(seen.stored, sent.act)
        act_request = sent.act_request(seen)
        if not act_request.faults and act_request.expected not in (None, seen.etag):
            raise ChangedMeanwhileError(what=Reason("licence {number}", number=sent.number))
        return seen, planning.plan(connection, act_request, sent.actor, now, with_notices=True)

    return await sent.site.read(read)


async def _look(sent: Sent, once: str, changed: ChangedMeanwhileError | None = None) -> Response:
    """What would be done; *changed*: what is otherwise than when that was seen.

    Raises as ``_seen`` does.
    """
    seen, planned = await _seen(sent)
    after = Terms.of_order(planned.order)
    return pages.page(
        sent.request,
        "look",
        status_of(changed) if changed else 200,
        changed=changed,
        act=sent.act,
        stored=seen.stored,
        plan=planned,
        terms=after,
        changes=differences(Terms.of_license(seen.stored), after),
        fields=pinned_form.pin_act(sent.fields, sent.act, planned),
        faults={},
        once=once,
    )


async def _do(sent: Sent) -> Reply:
    """Do it, once for each form. Raises as Site.act and recording.end do."""
    site, now = sent.site, sent.site.clock()
    key = forms.once(sent.fields, sent.path)
    seen = await site.read(lambda connection: _see(connection, sent.number))
    act_request, request = sent.act_request(seen), answered(sent.fields)
    follow = following(request, sent.actor, now)
    if sent.act.issues:
        lead = partial(redirect, request=request)
        return await site.act(act_request, sent.actor, now, lead, key, follow)

    def end(connection: Connection) -> Reply:
        follow(connection, recording.end(connection, act_request, sent.actor, now))
        there = f"{HOME}/{sent.number}?done={sent.act.name}"
        return Reply(303, f"{REQUESTS}/{request}" if request else there, b"")

    return await site.once(sent.actor, key, now, end)


def redirect(done: StoredLicense | Proposal, *, request: int | None = None) -> Reply:
    """Where somebody is led who did something; *request*: that it answers, to tell who asked."""
    if isinstance(done, Proposal):
        return Reply(303, f"/proposals/{done.id}?made=1", b"")
    told = "" if request is None else f"&request={request}"
    return Reply(303, f"{HOME}/{done.number}?issued=1{told}", b"")


def answered(fields: Mapping[str, str]) -> int | None:
    """The request that a form answers. Raises NotFoundError."""
    id_ = fields.get(prefill.REQUEST)
    return row_id(id_, "request") if id_ else None


def following(request: int | None, actor: Actor, now: int) -> Follow:
    """What goes with an act, in its transaction: the request that it answers is settled."""
    return outcomes.settling(request, actor, now) if request else lambda *_: None


def _pages(act: Act) -> tuple[Callable[..., Awaitable[Response]], ...]:
    who = Annotated[Session, Depends(May(act.permission))]

    async def show(request: Request, number: str, site: AtSite, session: who) -> Response:
        sent = Sent(request, site, session.actor, act, number, {})
        given = request.query_params
        if prefill.REQUEST in given:
            id_ = row_id(given[prefill.REQUEST], "request")
            sent = sent._replace(fields={prefill.REQUEST: str(id_)})
        draft = given.get("draft")
        return await (_drafted(sent, draft) if draft else _form(sent))

    async def send(
        request: Request, number: str, site: AtSite, session: who, fields: Form
    ) -> Response:
        return await _act(Sent(request, site, session.actor, act, number, fields))

    return show, send


for _each in acts.OFFERED:
    for _method, _answer in zip(("GET", "POST"), _pages(_each), strict=True):
        router.add_api_route(f"{HOME}/{{number}}/{_each.name}", _answer, methods=[_method])
