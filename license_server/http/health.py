"""``/healthz``, ``/readyz`` and ``/metrics``: for operators of the server; no API token needed.

Alive: the process answers. Ready: it could issue a licence now. What is missing is named, and
nothing is told that an outsider could use.
"""

from contextlib import suppress
from zoneinfo import ZoneInfo

import structlog
from fastapi import APIRouter, Request
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from license_core.errors import DatabaseUnavailableError, LicenseError, NotPermittedError
from license_server.audit import audit_store
from license_server.audit.kinds import BACKED_UP
from license_server.db.probe import Probe
from license_server.db.questions import ask
from license_server.deliveries import delivery_store
from license_server.http import metrics, proxies
from license_server.http.state import state_of
from license_server.mail import mailbox_store, outbox_store
from license_server.operations import schema
from license_server.requests import request_store
from license_server.signing import keyset_store, revocation_store
from license_server.signing.issuer import check_in_force, check_issuing
from license_server.site import Site
from license_server.webhooks import webhook_store

router = APIRouter()
_log = structlog.get_logger()


@router.api_route("/healthz", methods=["GET", "HEAD"])
async def alive() -> Response:
    """The process answers."""
    return JSONResponse({"alive": True})


@router.api_route("/readyz", methods=["GET", "HEAD"])
async def ready(request: Request) -> Response:
    """Whether a licence could be issued now; 503 with what is missing."""
    state = state_of(request)
    missing = ["stopping"] if state.stopping else await _missing(state.site, state.probe)
    if missing:
        return JSONResponse(
            {"ready": False, "missing": missing}, status_code=503, headers={"Retry-After": "5"}
        )
    return JSONResponse({"ready": True})


async def _missing(site: Site, probe: Probe) -> list[str]:
    missing, newest = [], None
    try:
        current, newest = await site.read(_found)
        if not current:
            missing.append("schema")
        elif site.database.writer.alive:
            await probe.check()
    except LicenseError as error:
        _log.error("not ready", slug=error.slug, sentence=error.sentence)
        missing.append("database")
    if not site.database.writer.alive:
        missing.append("writer")
    try:
        check_issuing(site.issuer, site.clock())
        if newest is not None:
            check_in_force(site.issuer, newest)
        if site.issuer.remote is not None:
            await run_in_threadpool(site.issuer.remote.check)
    except LicenseError:
        missing.append("signer")
    return missing


def _found(connection: Connection) -> tuple[bool, int | None]:
    """Whether the schema is this version's, and then the keyset that is in force."""
    current = schema.found(connection) == schema.current()
    return current, keyset_store.newest_version(connection) if current else None


def _shared(connection: Connection, place: str | None, now: int) -> dict[str, int | None]:
    """The figures that the database has (metrics.SHARED)."""
    queue = ask(connection, request_store.waiting())
    inbox = ask(connection, mailbox_store.present(place))
    backlog, outbox = delivery_store.backlog(connection, now), outbox_store.count_open(connection)
    revocations = revocation_store.due(connection)
    return {
        "backup_timestamp_seconds": audit_store.last_at(connection, BACKED_UP),
        "outbox_oldest_timestamp_seconds": outbox.oldest_at,
        "revocations_expiry_timestamp_seconds": revocations.expires_at,
        "revocations_waiting_timestamp_seconds": revocations.waiting_since,
        "queue_requests": queue.number,
        "queue_oldest_timestamp_seconds": queue.oldest_at,
        "mailbox_read_timestamp_seconds": inbox and inbox.read_at,
        "mailbox_failing_timestamp_seconds": inbox and inbox.failing_since,
        "outbox_mails_waiting": outbox.waiting,
        "outbox_mails_undecided": outbox.undecided,
        "webhook_deliveries_due": backlog.due,
        "webhook_deliveries_failed": backlog.failed,
        "webhooks_paused": webhook_store.paused(connection),
    }


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
    with suppress(DatabaseUnavailableError):  # what this process counts is told all the same
        now, place = state.site.clock(), settings.imap_place
        state.metrics.shared(await state.site.read(lambda c: _shared(c, place, now)))
        zone = ZoneInfo(settings.time_zone)
        standing = (await state.figures.board(state.site.read, zone, now)).standing
        state.metrics.shared({"licenses_valid": standing.valid, "licenses_ending": standing.soon})
    return Response(state.metrics.text(), media_type=metrics.MEDIA_TYPE)
