"""The only wiring: from settings to an application."""

import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from license_core.errors import (
    InputInvalidError,
    LicenseError,
    MethodNotAllowedError,
    NotFoundError,
    UsageError,
)
from license_server import vault
from license_server.answers import answer
from license_server.api import events, licenses, parties, proposals, sheets
from license_server.auth import TokenCache
from license_server.edge import Edge
from license_server.settings import ServerSettings
from license_server.site import Clock, Random, Site
from license_server.web import routes as web


def create_app(
    settings: ServerSettings,
    *,
    clock: Clock = lambda: int(time.time()),
    random: Random = secrets.token_bytes,
) -> FastAPI:
    """The application of the server in ``settings.data``.

    *clock* gives the present instant in seconds, *random* unpredictable bytes. Raises the
    LicenseError that keeps the server from starting.
    """
    site = Site(settings, *vault.open_vault(settings), clock, random)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        site.database.close()

    app = FastAPI(lifespan=lifespan, openapi_url=None, redirect_slashes=False)
    app.state.site = site
    app.state.tokens = TokenCache()
    for face in (licenses, parties, proposals, events, sheets):
        app.include_router(face.router)
    app.include_router(web.anyone)
    app.include_router(web.router)
    app.add_middleware(Edge, random_id=lambda: random(8).hex())
    app.add_exception_handler(LicenseError, _refused)
    app.add_exception_handler(HTTPException, _refused_by_framework)
    app.add_exception_handler(RequestValidationError, _not_valid)
    return app


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, LicenseError)  # noqa: S101  # registered for nothing else
    return answer(request, error)


async def _refused_by_framework(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  # registered for nothing else
    path = request.url.path
    if error.status_code == 404:
        return answer(request, NotFoundError(what="page", name=path))
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "GET")
        return answer(
            request, MethodNotAllowedError(method=request.method, path=path, allowed=allowed)
        )
    return answer(request, UsageError(reason=f"{error.detail}"))


async def _not_valid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  # registered for nothing else
    first = error.errors()[0]
    field = ".".join(map(str, first["loc"][1:])) or "body"
    return answer(request, InputInvalidError(field=field, reason=str(first["msg"])))
