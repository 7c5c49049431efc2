"""``/imports`` and ``/exports``: CSV files in and out."""

import io
from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from license_server.access import accounts
from license_server.actor import Actor
from license_server.api import PREFIX, messages
from license_server.api.auth import Needs, Reader
from license_server.api.license_responses import Imported
from license_server.api.operations import describe
from license_server.db.errors import InputInvalidError
from license_server.db.idempotency import Idempotency
from license_server.http.state import AtSite
from license_server.licenses import filters
from license_server.sheets import (
    csv_text,
    exports,
    importer,
    keyed_jobs,
    order_sheet,
)
from license_server.sheets.batches import Line, Outcome
from license_server.sheets.errors import ImportRefusedError
from license_server.site import Site

MEDIA_TYPE = "text/csv"
IMPORT_CAPS = {f"{PREFIX}/imports": 16 * 1024 * 1024}
"""The most bytes of a sheet in a request to that path."""

router = APIRouter(prefix=PREFIX, tags=["sheets"])


@router.post("/imports", openapi_extra=describe("imports.issue"))
async def import_licenses(
    request: Request, site: AtSite, actor: Annotated[Actor, Depends(Needs("licenses:issue"))]
) -> Response:
    """Issue a licence for each row of a CSV file, if every row is valid.

    An interrupted import continues when it is sent again with the same ``Idempotency-Key``; while
    it is still running, the reply is ``still-running``.
    """
    given = messages.query(request)
    dry, skip = messages.truth(given, "dry_run"), messages.truth(given, "skip_wrong")
    encoding = _encoding(request)
    body = await request.body()
    key = messages.idempotency(request, body)
    if dry:
        return messages.json_response(await run_in_threadpool(_check, site, actor, body, encoding))
    if key is None:
        outcomes = await run_in_threadpool(_issue, site, actor, body, encoding, skip, None)
    else:
        outcomes = await _as_job(site, actor, body, encoding, skip, key)
    return messages.json_response(Imported.of(outcomes, dry=False))


@router.get("/exports/licenses.csv", openapi_extra=describe("exports.licenses"))
async def export_licenses(request: Request, site: AtSite, actor: Reader) -> Response:
    """Export licences as CSV, newest first; takes the same filters as the list."""
    wanted = filters.read(messages.query(request), actor.products, by_program=True)
    rows = exports.license_rows(site.database.read, wanted, site.clock())
    return _sheet("licenses.csv", csv_text.write(exports.LICENSES, rows))


@router.get("/exports/customers.csv", openapi_extra=describe("exports.customers"))
async def export_customers(request: Request, site: AtSite, actor: Reader) -> Response:
    """Export customers as CSV, by name; takes the same filters as the list.

    The desk, and ``import customers`` in the shell, read it again.
    """
    given = messages.query(request)
    archived = messages.truth(given, "archived") if "archived" in given else None
    rows = exports.customer_rows(
        site.database.read, given.get("q"), actor, archived=archived, tag=given.get("tag")
    )
    return _sheet("customers.csv", csv_text.write(exports.CUSTOMERS, rows))


def _sheet(name: str, lines: Iterator[str]) -> Response:
    return StreamingResponse(
        csv_text.encoded(lines),
        media_type=f"{MEDIA_TYPE}; charset=utf-8; header=present",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


async def _as_job(
    site: Site, actor: Actor, body: bytes, encoding: str, skip: bool, key: Idempotency
) -> list[Outcome]:
    """Do as ``_issue`` does; while it goes on, whoever comes with the same *key* is told to wait.

    Raises StillRunningError, IdempotencyConflictError, and as ``_issue`` does.
    """
    outcomes: list[Outcome] | None = None
    await site.write(lambda c: keyed_jobs.begin(c, key, actor, site.clock()))
    try:
        outcomes = await run_in_threadpool(_issue, site, actor, body, encoding, skip, key)
    finally:
        await site.write(lambda c: keyed_jobs.end(c, key, actor, site.clock(), outcomes))
    return outcomes


def _check(site: Site, actor: Actor, body: bytes, encoding: str) -> Imported:
    """What would become of the lines, one by one. Raises as importing does."""
    checked = importer.check(site.database, _lines(body, encoding), actor, site.clock(), None)
    return Imported.of((one for batch in checked for one in batch), dry=True)


def _issue(
    site: Site, actor: Actor, body: bytes, encoding: str, skip: bool, key: Idempotency | None
) -> list[Outcome]:
    """What became of the lines, one by one. Raises ImportRefusedError, and as importing does."""
    now = site.clock()
    job = None if key is None else keyed_jobs.name_of(key)
    if not skip:
        checked = importer.check(site.database, _lines(body, encoding), actor, now, job)
        outcomes = [one for batch in checked for one in batch]
        wrong = [one for one in outcomes if one.slug]
        if wrong:
            raise ImportRefusedError(
                path="the sheet", wrong=len(wrong), lines=len(outcomes), first=wrong[0].line
            )

    def permit(connection: Connection) -> None:
        accounts.check_still(connection, actor, "licenses:issue", site.clock)
        if key is not None:
            keyed_jobs.beat(connection, key, actor, site.clock())

    lines = _lines(body, encoding)
    done = importer.issue(site.database, site.issuer, lines, actor, now, site.random, job, permit)
    return [one for batch in done for one in batch]


def _lines(body: bytes, encoding: str) -> Iterator[Line]:
    return order_sheet.read(io.BytesIO(body), encoding)


def _encoding(request: Request) -> str:
    given = request.headers.get("content-type", MEDIA_TYPE).lower()
    kind, *parameters = (part.strip() for part in given.split(";"))
    if kind != MEDIA_TYPE:
        raise InputInvalidError(field="Content-Type", reason=f"'{kind}' is not {MEDIA_TYPE}")
    pairs = dict(part.split("=", 1) for part in parameters if "=" in part)
    return pairs.get("charset", "utf-8").strip('"')
