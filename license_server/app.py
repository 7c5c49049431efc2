"""Wires the application together, from settings to routes; the only place that does."""

import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from zoneinfo import ZoneInfo

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from license_core.errors import LicenseError, NotAuthenticatedError, NotFoundError, UsageError
from license_server.access import openid
from license_server.access.errors import CodesRequiredError, FormExpiredError
from license_server.access.tokens import TokenCache
from license_server.api import PREFIX, licenses, openapi, portal, reference
from license_server.api.jobs import JOB_CAPS
from license_server.api.portal_responses import ROOM as PORTAL_API
from license_server.api.sheets import IMPORT_CAPS
from license_server.background.erasing import Eraser
from license_server.background.keysets import Succession
from license_server.background.mailbox import Collector
from license_server.background.outbox import Postman
from license_server.background.record import Keeper
from license_server.background.reminders import Reminder
from license_server.background.requests import Clerk
from license_server.background.revocations import Publisher
from license_server.background.rules import Rules
from license_server.background.webhooks import Sender
from license_server.db.errors import InputInvalidError
from license_server.db.probe import Probe
from license_server.http import health, problem_json
from license_server.http.direct import Direct
from license_server.http.documents import Documents
from license_server.http.errors import MethodNotAllowedError
from license_server.http.metrics import Metrics
from license_server.http.middleware import Edge
from license_server.http.problem_types import status_of
from license_server.http.rate_limit import Rates
from license_server.http.state import ServerState
from license_server.licenses import statistics
from license_server.mail import mail_servers
from license_server.operations import data_folder, ledger_identity
from license_server.settings import ServerSettings
from license_server.signing import revocation_shards
from license_server.signing.issuer import Issuer
from license_server.signing.list_file import FILE
from license_server.signing.signature_count import tally
from license_server.signing.signing_times import TimedSigner
from license_server.site import (
    Clock,
    Random,
    Site,
)
from license_server.web import (
    api_reference,
    mailing,
    pages,
    portal_pages,
    reminder_letters,
    routes,
)
from license_server.web.account import ACCOUNT
from license_server.web.sheets import SHEET_CAPS
from license_server.web.sign_in import resume, to_login
from license_server.webhooks import pinned
from license_server.webhooks.pinned import Resolve

_log = structlog.get_logger()


def create_app(
    settings: ServerSettings,
    *,
    clock: Clock = lambda: int(time.time()),
    random: Random = secrets.token_bytes,
    resolve: Resolve = pinned.resolve,
) -> FastAPI:
    """The application of the server in ``settings.data``.

    *clock* gives the present instant in seconds, *random* unpredictable bytes, *resolve* the
    addresses of the names that webhooks lead to. Raises the LicenseError that keeps the server from
    starting.
    """
    was_open = data_folder.close_to_others(settings)
    if was_open is not None:
        _log.warning(
            "data folder was open to others", path=str(settings.data), mode=f"{was_open:o}"
        )
    seeds, openid_client = data_folder.open_seeds(settings), openid.configured(settings)
    mail_relay = mail_servers.relay(settings, clock)
    inbox = mail_servers.mailbox(settings, clock)
    database, issuer = data_folder.open_vault(settings, clock())
    try:
        notary = data_folder.open_notary(settings, issuer.name, tally(database))
        with database.reading() as connection:
            ledger_identity.keep(connection, settings)
            ledger = ledger_identity.at_its_place(connection, settings)
    except LicenseError:
        database.close()
        raise
    counted = Metrics()
    counted.watch(database.writer.committed, database.writer.waiting)
    counted.ledger(notary.signer.public_key.kid, ledger)
    site = Site(settings, database, issuer, clock, random)
    keeper = Keeper(site, notary)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with (
            keeper.at_work(),
            succession.at_work(),
            publisher.at_work(),
            sender.at_work(),
            clerk.at_work(),
            reminder.at_work(),
            postman.at_work(),
            collector.at_work(),
            rules.at_work(),
            eraser.at_work(),
        ):
            yield
        site.database.close()

    app = FastAPI(lifespan=lifespan, openapi_url=None, redirect_slashes=False)

    def serving(issuer: Issuer) -> Site:
        """The site that signs with *issuer*, and counts what it signs."""
        counted.keys(issuer)
        signer = TimedSigner(issuer.signer, counted, time.monotonic)
        return site._replace(issuer=issuer._replace(signer=signer))

    app.state.server = state = ServerState(
        site=serving(issuer),
        seeds=seeds,
        openid=openid_client,
        openid_documents=Documents(clock),
        rates=Rates(settings.rate),
        metrics=counted,
        figures=statistics.Kept(ZoneInfo(settings.time_zone), statistics.LATER),
        tokens=TokenCache(),
        revocations=revocation_shards.Kept(),
        answer_by_mail=mailing.answering(lambda: state.site),
        probe=Probe(database),
    )

    def use(issuer: Issuer) -> None:
        state.site = serving(issuer)

    succession = Succession(settings, database, clock, issuer, use)
    publisher, clerk = Publisher(lambda: state.site), Clerk(lambda: state.site)
    eraser = Eraser(lambda: state.site)
    sender = Sender(lambda: state.site, seeds, resolve)
    reminder = Reminder(lambda: state.site, reminder_letters.texts)
    postman = Postman(lambda: state.site, mail_relay, seeds.portal, reminder.may_leave)
    collector = Collector(site, inbox)
    rules = Rules(lambda: state.site, mailing.answers(lambda: state.site))
    for room in (*openapi.ROUTERS, openapi.router, portal.router, health.router, *routes.ROUTERS):
        app.include_router(room)
    app.include_router(api_reference.room(reference.PATH, reference, openapi.PATH))
    app.add_middleware(Direct, routes=licenses.DIRECT, refuse=_refused)
    app.add_middleware(
        Edge,
        random_id=lambda: random(8).hex(),
        metrics=counted,
        trusted=settings.trusted_proxies,
        render=_answer,
        caps=IMPORT_CAPS | JOB_CAPS | SHEET_CAPS,
    )
    app.add_exception_handler(LicenseError, _refused)
    app.add_exception_handler(HTTPException, _refused_by_framework)
    app.add_exception_handler(RequestValidationError, _not_valid)
    return app


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, LicenseError)  # noqa: S101  # registered for nothing else
    if isinstance(error, NotAuthenticatedError | FormExpiredError):
        resumed = await resume(request)
        if resumed is not None:
            return resumed
    return _answer(request, error)


async def _refused_by_framework(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  # registered for nothing else
    path = request.url.path
    if error.status_code == 404:
        return _answer(request, NotFoundError(what="page", name=path))
    if error.status_code == 405:
        by_route = (error.headers or {}).get("Allow", "GET")
        allowed = ", ".join(sorted(openapi.allowed(path))) or by_route
        return _answer(
            request, MethodNotAllowedError(method=request.method, path=path, allowed=allowed)
        )
    return _answer(request, UsageError(reason=f"{error.detail}"))


async def _not_valid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  # registered for nothing else
    first = error.errors()[0]
    field = ".".join(map(str, first["loc"][1:])) or "body"
    return _answer(request, InputInvalidError(field=field, reason=str(first["msg"])))


def _is_of_program(request: Request) -> bool:
    """Whether a client asks for the revocation list, and no browser."""
    return request.url.path == f"/{FILE}" and "text/html" not in request.headers.get("accept", "")


def _answer(request: Request, error: LicenseError) -> Response:
    """The answer to a refused request: problem+json for programs, a page for people."""
    request_id: str = request.state.request_id
    request.state.slug = error.slug  # for the log
    if status_of(error) >= 500:
        _log.error("refused", slug=error.slug, sentence=error.sentence)
    outward = problem_json.outward(error, request_id)
    if request.url.path.startswith((PREFIX + "/", PORTAL_API + "/")) or _is_of_program(request):
        return problem_json.respond(outward, request_id)
    if portal_pages.is_here(request):
        page = portal_pages.refusal(request, outward, request_id)
        page.headers.update(problem_json.headers(outward))
        return page
    if isinstance(error, NotAuthenticatedError):
        return to_login(request)
    if isinstance(error, CodesRequiredError) and request.method == "GET":
        return RedirectResponse(ACCOUNT, 303)
    page = pages.refusal(request, outward, request_id)
    page.headers.update(problem_json.headers(outward))
    return page
