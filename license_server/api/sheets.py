"""``/imports`` and ``/exports``: sheets in and out (CSV)."""

import io
from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from license_core.errors import ImportRefusedError, InputInvalidError
from license_server import accounts, exports, importing, order_sheet, sheets
from license_server.actor import Actor
from license_server.api import PREFIX, exchange
from license_server.api.describe import describe
from license_server.api.licenses import DATES, TEXTS, filter_of
from license_server.api.who import AtSite, Needs, Reader
from license_server.bulk import Line, Outcome
from license_server.site import Site

MEDIA_TYPE = "text/csv"

router = APIRouter(prefix=PREFIX, tags=["sheets"])


@router.post("/imports", openapi_extra=describe("imports.issue"))
async def import_licenses(
    request: Request, site: AtSite, actor: Annotated[Actor, Depends(Needs("licenses:issue"))]
) -> Response:
    """Issue a licence for each line of a sheet, if every line is right.

    Sent again with the same ``Idempotency-Key``, it goes on where it was stopped.
    """
    given = exchange.parameters(request, ("dry_run", "skip_wrong"))
    dry, skip = exchange.truth(given, "dry_run"), exchange.truth(given, "skip_wrong")
    encoding = _encoding(request)
    body = await request.body()
    key = exchange.idempotency(request, body)
    job = None if key is None else f"{key.key}\n{key.fingerprint.hex()}"
    told = await run_in_threadpool(_import, site, actor, body, encoding, dry, skip, job)
    return exchange.json_response(told)


@router.get("/exports/licenses.csv", openapi_extra=describe("exports.licenses"))
async def export_licenses(request: Request, site: AtSite, actor: Reader) -> Response:
    """The licences as a sheet, the newest first; with the filters of the list."""
    wanted = filter_of(exchange.parameters(request, (*TEXTS, *DATES)), actor)
    rows = exports.license_rows(site.database.read, wanted, site.clock())
    return StreamingResponse(
        sheets.encoded(sheets.write(exports.LICENSES, rows)),
        media_type=f"{MEDIA_TYPE}; charset=utf-8; header=present",
        headers={"Content-Disposition": 'attachment; filename="licenses.csv"'},
    )


def _import(
    site: Site, actor: Actor, body: bytes, encoding: str, dry: bool, skip: bool, job: str | None
) -> dict[str, Any]:
    """What became of the lines, one by one. Raises ImportRefusedError, and as importing does."""
    now = site.clock()

    def lines() -> Iterator[Line]:
        return order_sheet.read(io.BytesIO(body), encoding)

    checked = importing.check(site.database, lines(), actor, now, job)
    outcomes = [one for batch in checked for one in batch]
    wrong = [one for one in outcomes if one.slug]
    if wrong and not dry and not skip:
        raise ImportRefusedError(
            path="the sheet", wrong=len(wrong), lines=len(outcomes), first=wrong[0].line
        )
    if not dry:

        def permit(connection: Connection) -> None:
            accounts.check_still(connection, actor, "licenses:issue", site.clock)

        done = importing.issue(
            site.database, site.issuer, lines(), actor, now, site.random, job, permit
        )
        outcomes = [one for batch in done for one in batch]
    return {"dry_run": dry, "lines": [_outcome(one) for one in outcomes]}


def _outcome(one: Outcome) -> dict[str, Any]:
    if one.slug is None:
        return {"line": one.line, "ok": True, "license": one.number}
    return {
        "line": one.line,
        "ok": False,
        "column": one.column,
        "slug": one.slug,
        "detail": one.detail,
    }


def _encoding(request: Request) -> str:
    given = request.headers.get("content-type", MEDIA_TYPE).lower()
    kind, *parameters = (part.strip() for part in given.split(";"))
    if kind != MEDIA_TYPE:
        raise InputInvalidError(field="Content-Type", reason=f"{kind!r} is not {MEDIA_TYPE}")
    pairs = dict(part.split("=", 1) for part in parameters if "=" in part)
    return pairs.get("charset", "utf-8").strip('"')
