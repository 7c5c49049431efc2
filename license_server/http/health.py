"""``/healthz``, ``/readyz`` and ``/metrics``: for operators of the server; no API token needed.

Alive: the process answers. Ready: it could issue a licence now. What is missing is named, and
nothing is told that an outsider could use.
"""

from fastapi import APIRouter, Request
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from license_core.errors import LicenseError, NotPermittedError
from license_server.http import metrics, proxies
from license_server.http.state import state_of
from license_server.operations import schema
from license_server.signing.issuer import check_signing_key
from license_server.site import Site

router = APIRouter()


@router.get("/healthz")
async def alive() -> Response:
    """The process answers."""
    return JSONResponse({"alive": True})


@router.get("/readyz")
async def ready(request: Request) -> Response:
    """Whether a licence could be issued now; 503 with what is missing."""
    state = state_of(request)
    missing = ["stopping"] if state.stopping else await _missing(state.site)
    if missing:
        return JSONResponse(
            {"ready": False, "missing": missing}, status_code=503, headers={"Retry-After": "5"}
        )
    return JSONResponse({"ready": True})


async def _missing(site: Site) -> list[str]:
    missing = []
    try:
        if not await site.read(_current):
            missing.append("schema")
    except LicenseError:
        missing.append("database")
    if not site.database.writer.alive:
        missing.append("writer")
    try:
        check_signing_key(site.issuer, site.clock())
        if site.issuer.remote is not None:
            await run_in_threadpool(site.issuer.remote.check)
    except LicenseError:
        missing.append("signer")
    return missing


def _current(connection: Connection) -> bool:
    return schema.found(connection) == schema.current()


@router.get("/metrics")
async def figures(request: Request) -> Response:
    """This process's figures. Raises NotPermittedError."""
    state = state_of(request)
    settings = state.site.settings
    address = request.client.host if request.client else ""
    hidden = proxies.forwarded(request.scope["headers"]) and not settings.trusted_proxies
    if hidden or not proxies.within(address, settings.metrics_from):
        raise NotPermittedError(
            reason="Metrics are served only to the addresses in LICENSE_SERVER_METRICS_FROM"
        )
    return Response(state.metrics.text(), media_type=metrics.MEDIA_TYPE)
