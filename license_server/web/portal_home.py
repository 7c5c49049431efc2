"""The customer portal from within: licences, what was asked for, and the forms to ask."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from license_core.errors import NotFoundError
from license_server.catalog import client_commands
from license_server.catalog.faults import faults_of
from license_server.db.errors import InputInvalidError
from license_server.http import cursors
from license_server.http.path_params import row_id
from license_server.http.state import AtSite
from license_server.licenses import issuing
from license_server.licenses.license_store import StoredLicense
from license_server.portal import asking, replying, viewing, visits
from license_server.portal.asking import OF_LICENSE, Done, Ready
from license_server.portal.viewing import LicensePage, SeenRequest
from license_server.portal.visits import Visit
from license_server.requests.wishes import LICENSE, TRIAL, WISHES
from license_server.site import Site
from license_server.web import delivery, edit_conflicts, qr_codes
from license_server.web.edit_conflicts import Faults
from license_server.web.portal_pages import ROOM, Form, Visiting, on, page
from license_server.web.reader import Reader
from license_server.web.request_list import ASKED

WORDS = {
    viewing.OPEN: ("in progress", "warn"),
    viewing.ISSUED: ("issued", "good"),
    viewing.REFUSED: ("refused", "bad"),
    viewing.EXPIRED: ("expired", ""),
}
"""The word and the mark of each state of a request."""
router = APIRouter(prefix=ROOM, dependencies=[Depends(on)])


async def show(request: Request, site: Site, visit: Visit) -> Response:
    """What the customer has, and asked for."""
    cursor, now = request.query_params.get("cursor"), site.clock()
    before = cursors.read(cursor) if cursor else None

    def read(connection: Connection) -> tuple[LicensePage, list[SeenRequest], bool]:
        offered = viewing.offered(connection, visit)
        return (
            viewing.licenses_of(connection, visit, before),
            viewing.requests_of(connection, visit),
            bool(viewing.with_trial(offered)),
        )

    licences, requests, trials = await site.read(read)
    return page(
        request,
        "home",
        visit,
        licenses=licences.rows,
        older=None if licences.below is None else cursors.write(licences.below),
        is_first=before is None,
        requests=requests,
        with_trials=trials,
        state_at=lambda one: one.standing_at(now),
        words=WORDS,
        asked=ASKED,
        is_for_use=viewing.is_for_use,
    )


@router.get("/licenses/{number}")
async def license_(number: str, request: Request, site: AtSite, visit: Visiting) -> Response:
    """A licence, with its letter: how it is installed."""
    now = site.clock()
    reader = Reader.of(request, site.settings.time_zone)

    def read(connection: Connection) -> tuple[StoredLicense, delivery.Known]:
        stored = viewing.license_of(connection, visit, number)
        return stored, delivery.known(connection, stored)

    stored, known = await site.read(read)
    told: dict[str, Any] = {"letter": None, "codes": [], "is_cut": False}
    if viewing.is_for_use(stored):
        (letter,) = delivery.letters_about(stored, known, site.issuer.name, [reader.language])
        texts = qr_codes.parts(issuing.file_of(stored).decode("utf-8"))
        codes = [qr_codes.drawn(text, level="l") for text in texts]
        told = {"letter": letter, "codes": codes, "is_cut": qr_codes.is_cut(texts)}
    command = f"{client_commands.of(known.product).client} install -"
    state = stored.standing_at(now)
    return page(request, "license", visit, stored=stored, state=state, command=command, **told)


@router.get("/licenses/{number}/license.dat")
async def file(number: str, site: AtSite, visit: Visiting) -> Response:
    """The licence file."""
    now = site.clock()

    def work(connection: Connection) -> StoredLicense:
        stored = viewing.for_use(connection, visit, number)
        visits.tell_download(connection, visit, stored.number, now)
        return stored

    stored = await site.write(work)
    named = {"Content-Disposition": 'attachment; filename="license.dat"'}
    return Response(issuing.file_of(stored), media_type=issuing.FILE_TYPE, headers=named)


@router.get("/requests/new")
async def new(request: Request, site: AtSite, visit: Visiting) -> Response:
    """The form to ask for something."""
    given = request.query_params
    fields = {name: given[name][:64] for name in ("wish", "license", "product") if name in given}
    return await _form(request, site, visit, fields, {})


async def _form(
    request: Request, site: Site, visit: Visit, fields: Mapping[str, str], faults: Faults
) -> Response:
    """The form for what is wished; for a licence, where none can be read from what was sent."""
    wish = fields.get("wish", LICENSE)
    if wish not in WISHES:
        raise NotFoundError(what="page", name=request.url.path)
    number = fields.get("license", "")

    def read(connection: Connection) -> dict[str, Any]:
        about = viewing.license_of(connection, visit, number) if wish in OF_LICENSE else None
        found = viewing.offered(connection, visit)
        products = viewing.with_trial(found) if wish == TRIAL else found
        return {
            "about": about,
            "products": products,
            "commands": client_commands.of(found[0] if len(found) == 1 else None),
        }

    told = await site.read(read)
    fields = {"sender_address": visit.mailbox or ""} | dict(fields)
    return page(
        request,
        "request_new",
        visit,
        edit_conflicts.status(faults),
        wish=wish,
        fields=fields,
        faults=faults,
        must_choose=wish == TRIAL or visit.link.of is not None,
        **told,
    )


@router.post("/requests")
async def ask(request: Request, site: AtSite, visit: Visiting, fields: Form) -> Response:
    """File what somebody asks for; the same sent twice is one request."""
    now, reader = site.clock(), Reader.of(request, site.settings.time_zone)
    named = {name: fields[name] for name in asking.MEMBERS if fields.get(name, "").strip()}
    members = named | {"text": named["text"].replace("\r\n", "\n")} if "text" in named else named

    def prepare(connection: Connection) -> Ready:
        return asking.prepare(connection, visit, asking.read(members), now, reader.language)

    try:
        ready = await site.read(prepare)
        done: Done = await site.write(lambda c: asking.submit(c, visit, ready, now))
    except InputInvalidError as error:
        return await _form(request, site, visit, fields, edit_conflicts.of_fields(faults_of(error)))
    told = "filed" if done.is_new else "again"
    return RedirectResponse(f"{ROOM}/requests/{done.request.id}?{told}=1", 303)


@router.get("/requests/{id}")
async def one(id: str, request: Request, site: AtSite, visit: Visiting) -> Response:
    """What became of a request, and what the vendor replied."""
    return await _request(request, site, visit, row_id(id, "request"), {}, {})


@router.post("/requests/{id}/reply")
async def reply(id: str, request: Request, site: AtSite, visit: Visiting, fields: Form) -> Response:
    """Write something more about a request that waits; the same sent twice is one text."""
    number, now = row_id(id, "request"), site.clock()
    members = {name: text.replace("\r\n", "\n") for name, text in fields.items() if text.strip()}

    def prepare(connection: Connection) -> replying.Ready:
        return replying.prepare(connection, visit, number, replying.read(members), now)

    try:
        ready = await site.read(prepare)
        done: Done = await site.write(lambda c: replying.submit(c, visit, ready, now))
    except InputInvalidError as error:
        faults = edit_conflicts.of_fields(faults_of(error))
        return await _request(request, site, visit, number, fields, faults)
    return RedirectResponse(f"{ROOM}/requests/{done.request.id}?written=1", 303)


async def _request(
    request: Request,
    site: Site,
    visit: Visit,
    number: int,
    fields: Mapping[str, str],
    faults: Faults,
) -> Response:
    now = site.clock()
    seen = await site.read(lambda c: viewing.request_of(c, visit, number))
    told = ("filed", "again", "written")
    came = next((name for name in told if name in request.query_params), "")
    return page(
        request,
        "request",
        visit,
        edit_conflicts.status(faults),
        seen=seen,
        may_reply=seen.is_theirs and seen.state == viewing.OPEN,
        fields=fields,
        faults=faults,
        state=None if seen.license is None else seen.license.standing_at(now),
        came=came,
        words=WORDS,
        asked=ASKED,
        is_for_use=viewing.is_for_use,
    )
