"""The acts on a licence at the desk: a form of what is to be different, what it means, and then.

Every act has an address of its own. Its form is sent there with the button that was used as
``step``: ``look`` leads to what would be done, ``do`` does it.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from license_core.errors import LicenseError
from license_core.license import License
from license_core.reason import Reason
from license_server.access.sessions import Session
from license_server.actor import Actor
from license_server.audit import audit_store
from license_server.audit.audit_store import Event
from license_server.catalog import catalog_store, products, terms
from license_server.catalog.catalog_store import Product
from license_server.catalog.faults import Faults, faults_of
from license_server.db.errors import ChangedMeanwhileError, InputInvalidError
from license_server.db.reply_store import Reply
from license_server.http.problem_types import status_of
from license_server.http.state import AtSite
from license_server.licenses import (
    acts,
    issuing,
    license_store,
    planning,
    recording,
    states,
)
from license_server.licenses.acts import Act
from license_server.licenses.errors import LicenseStateError
from license_server.licenses.license_store import StoredLicense
from license_server.licenses.planning import ActRequest, Plan
from license_server.licenses.proposal_store import Proposal
from license_server.site import Site
from license_server.web import (
    drafts,
    forms,
    order_form,
    pages,
    pinned_form,
    prefill,
)
from license_server.web.session import Form, May
from license_server.web.sign_in import HOME
from license_server.web.term_changes import Terms, differences

_DAYS = 365
# The errors that are told at the form, with what was typed.
_AT_THE_FORM = {
    "InputInvalidError",
    "TermOverError",
    "EvidenceMissingError",
    "TermTooLongError",
    "RehostsUsedUpError",
    "LicenseStateError",
    "ChangedMeanwhileError",
    "RequestUnreadableError",
    "RequestDamagedError",
    "RequestAmbiguousError",
}

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

    @property
    def license(self) -> License:
        """What it says."""
        return issuing.claims_of(self.stored)


def _see(connection: Connection, number: str) -> Seen:
    stored = issuing.find(connection, number)
    subjects = [stored.number, *([stored.replaced_by] if stored.replaced_by else [])]
    about = audit_store.EventFilter(subjects=subjects)
    return Seen(
        stored=stored,
        etag=recording.etag(connection, number),
        product=catalog_store.product_by_name(connection, stored.product),
        moves=license_store.rehosts(connection, stored.line),
        last=next(iter(audit_store.events(connection, about, before=None, limit=1)), None),
    )


def fields_of(act: Act) -> tuple[str, ...]:
    """What the form of *act* asks for."""
    return (*act.may_change, acts.REASON)


def blank(act: Act, seen: Seen, zone: str) -> dict[str, str]:
    """What the form of *act* says at first."""
    license_ = seen.license
    was = prefill.fields(license_, zone, license_.iat)
    if act.sets_term:
        days = products.defaults(seen.product).get("days", _DAYS)
        return {"term": "days", "days": str(days), "time_zone": was["time_zone"]}
    return {name: was.get(name, "") for name in fields_of(act)}


def members(
    act: Act, fields: Mapping[str, str], was: Mapping[str, str], faults: Faults
) -> dict[str, Any]:
    """The members of an order for *act*; *was*: what the form said at first."""
    made: dict[str, Any] = {}
    if act.sets_term:
        made |= order_form.term(fields, faults)
        made |= {name: fields[name] for name in ("continue_from",) if fields.get(name)}
        made |= order_form.numbers(fields, terms.WARNINGS, faults)
    elif act.names_host:  # a new host is said with its binding
        made |= {name: fields.get(name, "").strip() or None for name in act.may_change}
    else:
        made |= _changes(act, fields, was, faults)
    return made | forms.reason_of(fields)


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
    for name in ("edition", "match", "maintenance_until"):
        if name in changed and given[name]:
            made[name] = given[name]
        elif name in changed:
            faults.refuse(name, "a change cannot remove it; issue a new licence instead")
    if "maintenance_until" in made:
        made["time_zone"] = given["time_zone"] or "UTC"
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
        return InputInvalidError(field="host", reason="the licence is already for this host")
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
        terms=Terms.of_license(seen.license),
        closed=closed is not None,
        error=None if wrong else refused,
        faults=wrong,
        fields=blank(act, seen, sent.zone) | sent.fields | {"seen": seen.etag},
        zones=prefill.ZONES,
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
        if step != "do":
            typed.fields.pop("once", None)
            await _seen(typed)
            id_ = await drafts.keep(sent.site, sent.path, typed.fields, sent.actor)
            return RedirectResponse(f"{sent.path}?draft={id_}", 303)
        return await _do_or_look(sent, typed)
    except LicenseError as error:
        if type(error).__name__ not in _AT_THE_FORM:
            raise
        return await _form(typed, error)


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
        if type(error).__name__ not in _AT_THE_FORM:
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
        changes=differences(Terms.of_license(seen.license), after),
        fields=pinned_form.pin_act(sent.fields, sent.act, planned),
        once=once,
    )


async def _do(sent: Sent) -> Reply:
    """Do it, once for each form. Raises as Site.act and recording.end do."""
    site, now = sent.site, sent.site.clock()
    key = forms.once(sent.fields, sent.path)
    seen = await site.read(lambda connection: _see(connection, sent.number))
    act_request = sent.act_request(seen)
    if sent.act.issues:
        return await site.act(act_request, sent.actor, now, redirect, key)

    def end(connection: Connection) -> Reply:
        recording.end(connection, act_request, sent.actor, now)
        return Reply(303, f"{HOME}/{sent.number}?done={sent.act.name}", b"")

    return await site.once(sent.actor, key, now, end)


def redirect(done: StoredLicense | Proposal) -> Reply:
    """Where somebody is led who did something."""
    if isinstance(done, Proposal):
        return Reply(303, f"/proposals/{done.id}?made=1", b"")
    return Reply(303, f"{HOME}/{done.number}?issued=1", b"")


def _pages(act: Act) -> tuple[Callable[..., Awaitable[Response]], ...]:
    who = Annotated[Session, Depends(May(act.permission))]

    async def show(request: Request, number: str, site: AtSite, session: who) -> Response:
        sent = Sent(request, site, session.actor, act, number, {})
        draft = request.query_params.get("draft")
        return await (_drafted(sent, draft) if draft else _form(sent))

    async def send(
        request: Request, number: str, site: AtSite, session: who, fields: Form
    ) -> Response:
        return await _act(Sent(request, site, session.actor, act, number, fields))

    return show, send


for _each in acts.OFFERED:
    for _method, _answer in zip(("GET", "POST"), _pages(_each), strict=True):
        router.add_api_route(f"{HOME}/{{number}}/{_each.name}", _answer, methods=[_method])
