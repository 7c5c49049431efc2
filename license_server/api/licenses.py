"""``/licenses``: actions, lists and files."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.routing import APIRoute
from sqlalchemy import Connection
from starlette.responses import Response

from license_server.actor import Actor
from license_server.api import (
    PREFIX,
    license_responses,
    messages,
    responses,
)
from license_server.api.audit_responses import Event
from license_server.api.auth import Needs, Reader
from license_server.api.license_responses import (
    DryRun,
    EndingDryRun,
    History,
    License,
    LicensePage,
    Noted,
)
from license_server.api.operations import describe
from license_server.audit import audit_store
from license_server.db.reply_store import Reply
from license_server.http.direct import DirectRoute
from license_server.http.state import AtSite, state_of
from license_server.licenses import (
    acts,
    filters,
    issuing,
    kinds,
    license_store,
    notes,
    planning,
    recording,
)
from license_server.licenses.acts import ISSUE, Act
from license_server.licenses.license_store import StoredLicense
from license_server.licenses.planning import ActRequest
from license_server.licenses.proposal_store import Proposal
from license_server.site import Site

router = APIRouter(prefix=f"{PREFIX}/licenses", tags=["licenses"])


@router.get("", openapi_extra=describe("licenses.list"))
async def listing(request: Request, site: AtSite, actor: Reader) -> Response:
    """List licences, newest first, one page at a time.

    A page can be shorter than ``limit`` even if more follow: check ``next_cursor``.
    """
    given = messages.query(request)
    limit, before, now = messages.limit(given), messages.before(given), site.clock()
    wanted = filters.read(given, actor.products, by_program=True)
    rows, below = await site.read(
        lambda connection: license_store.listed(connection, wanted, now, before=before, limit=limit)
    )
    return messages.page_until(LicensePage, rows, below, lambda row: License.of(row, now, actor))


@router.post("", status_code=201, openapi_extra=describe("licenses.issue"))
async def issue(
    request: Request, site: AtSite, actor: Annotated[Actor, Depends(Needs(ISSUE.permission))]
) -> Response:
    """Issue a licence, or submit a proposal if the product requires approval."""
    return await _act(request, site, actor, ISSUE, None)


@router.get("/{number}", openapi_extra=describe("licenses.get"))
async def one(number: str, site: AtSite, actor: Reader) -> Response:
    """Get a licence. Send its ETag as ``If-Match`` to detect concurrent changes."""
    now = site.clock()

    def read(connection: Connection) -> tuple[StoredLicense, str]:
        return issuing.seen(connection, number, actor), recording.etag(connection, number)

    stored, etag = await site.read(read)
    return messages.json_response(License.of(stored, now, actor), etag)


@router.get("/{number}/license.dat", openapi_extra=describe("licenses.file"))
async def file(number: str, site: AtSite, actor: Reader) -> Response:
    """Download the licence file; always the same bytes."""
    stored = await site.read(lambda connection: issuing.seen(connection, number, actor))
    return Response(
        issuing.file_of(stored),
        media_type=issuing.FILE_TYPE,
        headers={"Content-Disposition": 'attachment; filename="license.dat"'},
    )


@router.get("/{number}/history", openapi_extra=describe("licenses.history"))
async def history(number: str, site: AtSite, actor: Reader) -> Response:
    """Get the history of a licence: its lineage, and who did what, when and why."""
    now = site.clock()

    def read(connection: Connection) -> History:
        line = license_store.of_line(connection, issuing.seen(connection, number, actor).line)
        line = [one for one in line if actor.may_use(one.product)]
        events = audit_store.trail(connection, [one.number for one in line])
        all_seen = all(one.despite == kinds.despite_seen(one, actor) for one in line)
        hidden = () if all_seen else ("despite",)
        return History(
            licenses=[License.of(one, now, actor) for one in line],
            events=[Event.of(event, hidden=hidden) for event in events],
            request=license_store.request_of(connection, number),
        )

    return messages.json_response(await site.read(read))


@router.post("/{number}/notes", status_code=201, openapi_extra=describe("licenses.note"))
async def note(
    number: str,
    request: Request,
    site: AtSite,
    actor: Annotated[Actor, Depends(Needs("licenses:issue"))],
) -> Response:
    """Add a note to a licence's history."""

    def add(connection: Connection, members: dict[str, Any], now: int) -> Reply:
        text = notes.add(connection, issuing.seen(connection, number, actor), members, actor, now)
        body = responses.to_json(Noted(license=number, note=text))
        return Reply(201, f"{PREFIX}/licenses/{number}/history", body)

    return await messages.once(request, site, actor, add)


def _for_act(act: Act) -> Callable[..., Awaitable[Response]]:
    async def do(
        number: str,
        request: Request,
        site: AtSite,
        actor: Annotated[Actor, Depends(Needs(act.permission))],
    ) -> Response:
        return await _act(request, site, actor, act, number)

    return do


async def _issue(request: Request) -> Response:
    """What ``issue`` does."""
    site = state_of(request).site
    return await issue(request, site, await Needs(ISSUE.permission)(request, site))


DIRECT = {
    ("POST", route.path): DirectRoute(route, _issue)
    for route in router.routes
    if isinstance(route, APIRoute) and route.name == issue.__name__
}
"""What is asked for most often, as http/direct.py answers it."""

for _each in acts.OFFERED:
    router.add_api_route(
        f"/{{number}}/{_each.name}",
        _for_act(_each),
        methods=["POST"],
        name=_each.name,
        description=_each.words.description,
        status_code=201 if _each.issues else 200,
        openapi_extra=describe(f"licenses.{_each.name}"),
    )


async def _act(
    request: Request, site: Site, actor: Actor, act: Act, number: str | None
) -> Response:
    dry = messages.is_dry(request)
    members, body = await messages.body_of(request)
    now, key = site.clock(), messages.idempotency(request, body)
    act_request = ActRequest(act, members, number, messages.expected(request))
    if dry:
        return await _dry_run(site, act_request, actor, now)
    if not act.issues:

        def end(connection: Connection) -> Reply:
            stored = recording.end(connection, act_request, actor, now)
            return Reply(200, None, responses.to_json(License.of(stored, now, actor)))

        return messages.respond(await site.once(actor, key, now, end))

    reply = await site.act(act_request, actor, now, lambda done: reply_to(done, now, actor), key)
    return messages.respond(reply)


def reply_to(done: StoredLicense | Proposal, now: int, actor: Actor) -> Reply:
    """The reply to an act: 201 with the licence, or 202 with the proposal that waits."""
    if isinstance(done, Proposal):
        here = f"{PREFIX}/proposals/{done.id}"
        return Reply(202, here, responses.to_json(license_responses.Proposal.of(done)))
    made = License.of(done, now, actor)
    return Reply(201, made.links.self, responses.to_json(made))


async def _dry_run(site: Site, act_request: ActRequest, actor: Actor, now: int) -> Response:
    act = act_request.act
    if not act.issues:

        def check(connection: Connection) -> StoredLicense:
            return recording.check_end(connection, act_request, actor).license

        ended = License.of(await site.read(check), now, actor)
        return messages.json_response(EndingDryRun(dry_run=True, act=act.name, license=ended))
    plan = await site.read(
        lambda connection: planning.plan(connection, act_request, actor, now, with_notices=True)
    )
    return messages.json_response(DryRun.of(plan))
