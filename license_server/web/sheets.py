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
from license_server.catalog import catalog_store
from license_server.db.errors import ChangedMeanwhileError, InputInvalidError
from license_server.http.problem_types import status_of
from license_server.http.state import AtSite
from license_server.licenses import license_store, lookup
from license_server.licenses.search import Filter
from license_server.sheets import (
    agreement,
    archive,
    csv_text,
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
from license_server.web import edit_conflicts, pages
from license_server.web.edit_conflicts import Faults
from license_server.web.licenses import STATES, no_state
from license_server.web.session import Form, May

ROOM = "/sheets"
JOBS = f"{ROOM}/jobs"
SHEET_CAPS = {ROOM: 4 * 1024 * 1024}
"""The most bytes of a form with a sheet, which takes many times its size while it is read."""
_LISTED = 10
MOST_SHOWN = 64 * 1024
"""How many characters of a sheet that was refused are shown again; a longer one is a file."""
_MARK = "\ufeff"
"""The byte order mark, by which a spreadsheet knows that a file is UTF-8."""
_FILTERS = ("product", "customer", "state")
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
Reader = Annotated[Session, Depends(May("licenses:read"))]
Issuer = Annotated[Session, Depends(May("licenses:issue"))]


@router.get("")
async def home(request: Request, site: AtSite, session: Reader) -> Response:
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
        states=STATES,
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
    return RedirectResponse(f"{JOBS}/{id_}", 303)


@router.get("/example.csv")
async def example(_: Reader) -> Response:
    """A sheet that shows the columns."""
    rows = ([one.get(name) for name in order_sheet.COLUMNS] for one in _EXAMPLE)
    return _file("example.csv", csv_text.encoded(csv_text.write(order_sheet.COLUMNS, rows)))


@router.get("/licenses.csv")
async def licenses(request: Request, site: AtSite, session: Reader) -> Response:
    """The licences as a sheet, the newest first; where nobody is called so, the form again."""
    given = {name: request.query_params.get(name, "").strip() for name in _FILTERS}
    faults = await site.read(lambda connection: _unknown(connection, given))
    if given["state"] not in ("", *STATES):
        faults["state"] = no_state(given["state"])
    if faults:
        return await _home(request, site, session, given, faults)
    wanted = Filter(
        customer=given["customer"] or None,
        product=given["product"] or None,
        state=given["state"] or None,
        products=session.actor.products,
    )
    rows = exports.license_rows(site.database.read, wanted, site.clock())
    return _file("licenses.csv", csv_text.encoded(csv_text.write(exports.LICENSES, rows)))


def _unknown(connection: Connection, given: dict[str, str]) -> Faults:
    """The filters that name somebody or something that there is not."""
    found: Faults = {}
    if given["customer"] and catalog_store.customer_by_name(connection, given["customer"]) is None:
        reason = Reason("no customer has just this name")
        found["customer"] = InputInvalidError(field="customer", reason=reason)
    if given["product"] and catalog_store.product_by_name(connection, given["product"]) is None:
        reason = Reason("no product has just this name")
        found["product"] = InputInvalidError(field="product", reason=reason)
    return found


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
    refused: list[Refused] = []
    if left_out:
        why = results.refused
        refused = await threads.one_at_a_time(why, site, id_, left_out, actor, now)
    return pages.page(
        request,
        "sheet_job",
        status,
        refused=refused,
        issued=issued,
        shown=SHOWN,
        **_state(found, now),
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
    task = BackgroundTask(runner.run_in_turn, site, id, actor) if begun else None
    return RedirectResponse(f"{JOBS}/{id}", 303, background=task)


@router.get("/jobs/{id}/result.csv")
async def result(id: str, site: AtSite, session: Issuer) -> Response:
    """What became of each line, or would become, as a sheet. Raises NotFoundError."""
    await site.read(lambda connection: jobs.find(connection, id, session.actor))
    found = results.outcomes(site, id, session.actor, site.clock())
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
    return _file("result.csv", _apart(csv_text.encoded(csv_text.write(RESULT, rows))))


@router.get("/jobs/{id}/files.zip")
async def files(id: str, site: AtSite, session: Issuer) -> Response:
    """The files of what was issued, in one archive. Raises NotFoundError."""
    await site.read(lambda connection: jobs.find(connection, id, session.actor))
    pieces = archive.archive(site, id, session.actor, site.clock())
    return StreamingResponse(
        _apart(pieces),
        media_type="application/zip",
        headers={"Content-Disposition": 'attachment; filename="licenses.zip"'},
    )


async def _apart(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """*pieces*, each made where sheets are looked at."""
    while some := await threads.one_at_a_time(next, pieces, b""):
        yield some


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
