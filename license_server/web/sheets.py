"""Sheets at the desk: many licences in from a CSV file, and out into one."""

from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.background import BackgroundTask
from starlette.concurrency import iterate_in_threadpool
from starlette.responses import RedirectResponse, Response, StreamingResponse

from license_core.errors import NotFoundError
from license_core.reason import Reason
from license_server.access.sessions import Session
from license_server.catalog import faults as faults_
from license_server.db.errors import ChangedMeanwhileError, InputInvalidError
from license_server.http.problem_types import status_of
from license_server.http.state import AtSite
from license_server.licenses import filters, license_store, lookup, vocabulary
from license_server.licenses.acts import ISSUE, REASON
from license_server.licenses.search import Filter
from license_server.sheets import (
    agreement,
    batches,
    csv_text,
    customer_sheet,
    exports,
    jobs,
    order_sheet,
    preview,
    results,
    runner,
    threads,
    uploads,
)
from license_server.sheets.agreement import Agreed
from license_server.sheets.batches import Refused
from license_server.sheets.errors import ImportRefusedError, SheetInvalidError
from license_server.sheets.job_state import SHOWN, Job
from license_server.site import Site
from license_server.web import delivery, edit_conflicts, pages, shown_licenses
from license_server.web.edit_conflicts import Faults
from license_server.web.licenses import filter_of, filters_in
from license_server.web.list_shape import Shape
from license_server.web.reader import Reader
from license_server.web.session import Form, May

ROOM = "/sheets"
JOBS = f"{ROOM}/jobs"
CUSTOMERS = f"{ROOM}/customers"
SHEET_CAPS = {ROOM: 4 * 1024 * 1024}
"""The most bytes of a form with a sheet, which takes many times its size while it is read."""
_LISTED = 10
MOST_SHOWN = 64 * 1024
"""How many characters of a sheet that was refused are shown again; a longer one is a file."""
_MARK = "\ufeff"
"""The byte order mark, by which a spreadsheet knows that a file is UTF-8."""
COLUMNS = {
    "customer": "Customer name; a new customer is added.",
    "product": "As in the product's hostseal.toml.",
    "host": "The host key line from get_host_key, or a full request, in quotes.",
    "days": "Term in days.",
    "expires": "Or the last day, such as 2027-12-31.",
    "perpetual": "Or yes for a perpetual licence.",
    "time_zone": "Time zone of the last day, such as Asia/Shanghai; empty: UTC.",
    "edition": "A name such as pro.",
    "features": "Space-separated names.",
    "limits": "Space-separated, for example gpus=4 seats=20.",
    "match": "exact or anchored; empty: exact.",
    "notify_days": "Renewal notice, in days before expiry.",
    "grace_days": "Grace period, in days after expiry.",
    "maintenance_until": "Maintenance covers versions released until this day.",
    "replaces": "Number of an earlier licence.",
    "contract": "Order or contract number.",
    "plan": "A plan of the product, for what is left empty.",
    "override": "yes for a second trial; takes a reason.",
    "reason": "Reason, for the audit log.",
    "contact_name": "Contact of a new customer.",
    "contact_email": "Email address of a new customer.",
    "language": "Mail language of a new customer: zh or en.",
}
"""What each column of an import holds; English, translated where it is shown."""
_EXAMPLE = (
    {
        "customer": "上海示例科技",
        "product": "my-product",
        "host": '["55917890141cb1c89accc5e53a929acb1867c42c", "studio2_gpu"]',
        "days": 365,
        "time_zone": "Asia/Shanghai",
        "features": "export train",
        "limits": "gpus=4 seats=20",
        "contact_email": "ops@example.cn",
        "language": "zh",
    },
    {
        "customer": "Example GmbH",
        "product": "my-product",
        "host": '["0d5f2a0c94a1f2d3b7e6c5a4938271605f4e3d2c", "node-7"]',
        "expires": "2027-12-31",
        "time_zone": "Europe/Berlin",
        "edition": "pro",
        "limits": "gpus=1",
        "contact_email": "it@example.com",
        "language": "en",
    },
)
RESULT = ("line", "customer", "product", "license", "column", "problem", "detail")

router = APIRouter(prefix=ROOM)
Viewer = Annotated[Session, Depends(May("licenses:read"))]
Issuer = Annotated[Session, Depends(May("licenses:issue"))]


@router.get("")
async def home(request: Request, site: AtSite, session: Viewer) -> Response:
    """Where sheets come in and go out."""
    return await _home(request, site, session, {}, {})


async def _home(
    request: Request, site: Site, session: Session, fields: dict[str, str], faults: Faults
) -> Response:
    names = await site.read(lookup.names)
    begun = await site.read(lambda connection: jobs.begun(connection, session.actor, _LISTED))
    return pages.form(
        request,
        "sheets",
        fields,
        faults,
        names=names,
        states=vocabulary.STATES,
        columns=COLUMNS,
        jobs=begun,
    )


@router.post("")
async def look(request: Request, site: AtSite, session: Issuer, fields: Form) -> Response:
    """Keep a sheet and lead to what would become of it. Nothing is issued."""
    text, now = fields.get("sheet", ""), site.clock()
    try:
        if not text.strip():
            raise InputInvalidError(field="sheet", reason="it is missing")
        content = await threads.one_at_a_time(uploads.read, text)
    except (InputInvalidError, SheetInvalidError) as error:
        shown = text if len(text) <= MOST_SHOWN else ""
        return await _home(request, site, session, fields | {"sheet": shown}, {"sheet": error})
    id_ = await site.write(lambda connection: uploads.keep(connection, content, session.actor, now))
    room = CUSTOMERS if customer_sheet.is_one(content) else JOBS
    return RedirectResponse(f"{room}/{id_}", 303)


@router.get("/example.csv")
async def example(_: Viewer) -> Response:
    """A sheet that shows the columns."""
    rows = ([one.get(name) for name in order_sheet.COLUMNS] for one in _EXAMPLE)
    return _file("example.csv", csv_text.encoded(csv_text.write(order_sheet.COLUMNS, rows)))


@router.get("/licenses.csv")
async def licenses(request: Request, site: AtSite, session: Viewer) -> Response:
    """The licences of the list with the same filters, as a sheet; the form again for wrong ones.

    With the columns and the order that are shown where the address names columns.
    """
    given = filters_in(request.query_params)
    wanted, faults = filter_of(given, session)
    faults |= await site.read(lambda connection: _unknown(connection, wanted))
    if faults:
        return await _home(request, site, session, given, faults)
    read, now = site.database.read, site.clock()
    reader = Reader.of(request, site.settings.time_zone)
    if "columns" in request.query_params:
        shape = Shape.of(request.query_params, shown_licenses.LISTING)
        heading = shown_licenses.heading(shape.columns, reader)
        shown = csv_text.write(heading, shown_licenses.rows(read, wanted, now, shape, reader))
        return _file("licenses.csv", csv_text.encoded(shown))
    rows = exports.license_rows(read, wanted, now)
    return _file("licenses.csv", csv_text.encoded(csv_text.write(exports.LICENSES, rows)))


def _unknown(connection: Connection, wanted: Filter) -> Faults:
    """The filters that name somebody or something that there is not."""
    noted = faults_.Faults()
    filters.check_names(connection, wanted, noted)
    return edit_conflicts.of_fields(noted)


@router.get("/jobs/{id}")
async def job(
    id: str, request: Request, site: AtSite, session: Issuer
) -> Response:  # the path's name for it
    """What would become of a sheet; once it is begun, how far it is and what became of it."""
    return await _job(request, site, session, id)


async def _job(
    request: Request,
    site: Site,
    session: Session,
    id_: str,
    faults: Faults | None = None,
    changed: ChangedMeanwhileError | None = None,
) -> Response:
    now, actor = site.clock(), session.actor
    found = await site.read(lambda connection: jobs.find(connection, id_, actor))
    status = status_of(changed) if changed else edit_conflicts.status(faults or {})
    if found is None:
        kept = await site.read(lambda connection: uploads.find(connection, id_, actor))
        if kept.act != ISSUE.name:
            return await _many(request, site, session, id_, status, changed)
        seen = await threads.one_at_a_time(preview.RECENT.show, site, id_, actor, now)
        others = await site.read(lambda connection: jobs.others(connection, id_, actor))
        return pages.page(
            request,
            "sheet_look",
            status,
            id=id_,
            seen=seen,
            faults=faults or {},
            changed=changed,
            others=others,
            shown=SHOWN,
        )
    numbers = found.progress.numbers if found.over else ()
    issued = await site.read(lambda connection: license_store.by_numbers(connection, numbers))
    left_out = found.progress.left_out if found.over else ()
    refused: list[Refused] | list[results.LeftOut] = []
    if left_out and found.act != ISSUE.name:
        refused = await threads.one_at_a_time(results.left_out, site, id_, actor, now)
    elif left_out:
        why = results.refused
        refused = await threads.one_at_a_time(why, site, id_, left_out, actor, now)
    return pages.page(
        request,
        "sheet_job",
        status,
        refused=refused,
        issued=issued,
        shown=SHOWN,
        sends=site.settings.sends_mail,
        **_state(found, now),
    )


async def _many(
    request: Request,
    site: Site,
    session: Session,
    id_: str,
    status: int,
    changed: ChangedMeanwhileError | None,
) -> Response:
    """What would become of chosen licences: how many of each kind, and a part of the lines."""
    now, actor, given = site.clock(), session.actor, request.query_params.get("page", "")
    place = int(given) if given.isascii() and given.isdigit() and 0 < len(given) < 5 else 1
    seen = await threads.one_at_a_time(preview.RECENT.show, site, id_, actor, now)
    picked = await site.read(lambda connection: uploads.chosen_of(connection, id_, actor))
    some = slice(max(place - 1, 0) * SHOWN, max(place, 1) * SHOWN)
    part = await threads.one_at_a_time(results.part, site, picked, some, actor, now)
    named = [one.line.subject for one in (*seen.refused, *part) if isinstance(one, Refused)]
    rows = await site.read(
        lambda c: license_store.by_numbers(c, [number for number in named if number])
    )
    return pages.page(
        request,
        "many_look",
        status,
        id=id_,
        act=picked.act,
        reason=picked.members.get(REASON),
        total=len(picked.rows),
        seen=seen,
        part=part,
        known={one.number: one for one in rows if actor.may_use(one.product)},
        page=max(place, 1),
        shown=SHOWN,
        changed=changed,
    )


def _state(found: Job, now: int) -> dict[str, Any]:
    return {"job": found, "progress": found.progress, "stopped": found.stopped(now)}


@router.get("/jobs/{id}/progress")
async def progress(
    id: str, request: Request, site: AtSite, session: Issuer
) -> Response:  # the path's name for it
    """How far a job is: the part of its page that a script asks for again and again."""
    found = await site.read(lambda connection: jobs.find(connection, id, session.actor))
    if found is None:
        raise NotFoundError(what="import", name=id[:64])
    return pages.page(request, "sheet_progress", **_state(found, site.clock()))


@router.post("/jobs/{id}/issue")
async def issue(
    id: str,
    request: Request,
    site: AtSite,
    session: Issuer,
    fields: Form,
) -> Response:
    """Issue the licences of a sheet while its page tells how far it is; sent twice, once."""
    actor = session.actor
    agreed = Agreed(
        rules=fields.get("rules", ""),
        skip=fields.get("skip") == "yes",
        alike=fields.get("alike") == "yes",
        twice=fields.get("twice") == "yes",
    )
    try:
        begin = agreement.begin
        begun = await threads.one_at_a_time(begin, site, id, actor, site.clock(), agreed)
    except ImportRefusedError:
        reason = Reason("some rows have errors: correct them, or choose to skip them")
        faults: Faults = {"skip": InputInvalidError(field="skip", reason=reason)}
        return await _job(request, site, session, id, faults)
    except InputInvalidError as error:
        return await _job(request, site, session, id, {error.facts["field"]: error})
    except ChangedMeanwhileError as error:
        return await _job(request, site, session, id, changed=error)
    there = f"{JOBS}/{id}"
    if not begun:
        return RedirectResponse(there, 303)
    found = await site.read(lambda connection: jobs.find(connection, id, actor))
    if found is not None and found.progress.lines <= batches.OF_ACTS:  # nobody waits for long
        await threads.by_itself(runner.run, site, id, actor)
        return RedirectResponse(there, 303)
    task = BackgroundTask(runner.run_in_turn, site, id, actor)
    return RedirectResponse(there, 303, background=task)


@router.get("/jobs/{id}/result.csv")
async def result(id: str, site: AtSite, session: Issuer) -> Response:
    """What became of each line, or would become, as a sheet. Raises NotFoundError."""
    kept = await site.read(lambda connection: uploads.find(connection, id, session.actor))
    found = results.outcomes(site, id, session.actor, site.clock())
    if kept.act != ISSUE.name:
        told = results.report(site, found, session.actor)
        lines = csv_text.encoded(csv_text.write(results.REPORT, told))
        return _file("result.csv", threads.pieces(lines))
    rows = (
        (
            one.line,
            line.members.get("customer"),
            line.members.get("product"),
            one.number,
            one.column,
            one.slug,
            one.details,
        )
        for line, one in found
    )
    return _file("result.csv", threads.pieces(csv_text.encoded(csv_text.write(RESULT, rows))))


@router.get("/jobs/{id}/files.zip")
async def files(id: str, site: AtSite, session: Issuer) -> Response:
    """The files of what was issued, with letters, in one archive. Raises NotFoundError."""
    await site.read(lambda connection: jobs.find(connection, id, session.actor))
    actor = session.actor
    found = results.outcomes(site, id, actor, site.clock())
    return delivery.files(site, (one.number for _, one in found if one.number), actor)


def _file(name: str, pieces: Iterator[bytes] | AsyncIterator[bytes]) -> Response:
    return StreamingResponse(
        _marked(iterate_in_threadpool(pieces) if isinstance(pieces, Iterator) else pieces),
        media_type="text/csv; charset=utf-8; header=present",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


async def _marked(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield _MARK.encode("utf-8")
    async for piece in pieces:
        yield piece
