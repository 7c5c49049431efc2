"""The middleware around every request: its id, size cap, security headers and log line."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from license_core.errors import InternalError, LicenseError
from license_server.db.errors import ServerStoppingError
from license_server.http import proxies
from license_server.http.errors import RequestTooLargeError
from license_server.http.metrics import Metrics
from license_server.http.rate_limit import Left
from license_server.settings import Network

MAX_BODY = 256 * 1024
"""The most bytes that a request's body may have, where its path has no cap of its own."""
Render = Callable[[Request, LicenseError], Response]
"""What answers a request that is refused."""

_log = structlog.get_logger()
SECURITY = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
"""The headers of every answer."""
_HSTS = "max-age=31536000"


class Edge:
    """ASGI middleware around everything else."""

    def __init__(
        self,
        app: ASGIApp,
        random_id: Callable[[], str],
        metrics: Metrics,
        trusted: Sequence[Network],
        render: Render,
        caps: Mapping[str, int],
    ) -> None:
        """*render* makes the answer to what is refused here; *caps* are of paths, in bytes."""
        self._app = app
        self._render = render
        self._caps = caps
        self._random_id = random_id
        self._metrics = metrics
        self._trusted = trusted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        _see_through_proxies(scope, self._trusted)
        request_id = self._random_id()
        scope.setdefault("state", {})["request_id"] = request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        began = time.perf_counter()
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _secure(MutableHeaders(scope=message), scope, request_id)
            await send(message)

        async def refuse(error: LicenseError) -> None:
            if status == 0:
                await self._render(Request(scope), error)(scope, receive, sending)

        try:
            await self._app(
                scope, _limited(receive, scope, self._caps.get(scope["path"], MAX_BODY)), sending
            )
        except RequestTooLargeError as error:
            await refuse(error)
        except ClientDisconnect:
            pass  # nobody is left to answer
        except asyncio.CancelledError:  # it was not done in time when the server stopped
            await refuse(ServerStoppingError())
        except Exception:  # noqa: BLE001  # the last net: the log has it all, the outside nothing
            _log.exception("failed")
            await refuse(InternalError(reason="unknown"))
        finally:
            seconds = time.perf_counter() - began
            # The path may hold what somebody pasted into the wrong place; its template does not.
            route = getattr(scope.get("route"), "path", None)
            self._metrics.request(route, scope["method"], status, seconds)
            _log.info(
                "request",
                method=scope["method"],
                route=route,
                status=status,
                milliseconds=round(seconds * 1000, 1),
                **_refusal(scope),
            )


def _refusal(scope: Scope) -> dict[str, str]:
    """The slug of the problem that was answered, for the log."""
    slug = scope["state"].get("slug")
    return {} if slug is None else {"slug": slug}


def _see_through_proxies(scope: Scope, trusted: Sequence[Network]) -> None:
    """Put into *scope* who calls, and how, where trusted proxies stand between."""
    peer = scope.get("client")
    if peer is None or not trusted:
        return
    address = proxies.client(peer[0], scope["headers"], trusted)
    if address != peer[0]:
        scope["client"] = (address, 0)
    scope["scheme"] = proxies.scheme(peer[0], scope["headers"], trusted) or scope["scheme"]


def _secure(headers: MutableHeaders, scope: Scope, request_id: str) -> None:
    for name, value in SECURITY.items():
        headers.setdefault(name, value)
    if scope["scheme"] == "https":
        headers["Strict-Transport-Security"] = _HSTS
    headers["X-Request-Id"] = request_id
    left: Left | None = scope["state"].get("rate")
    if left is not None:
        headers.update(left.headers())


def _limited(receive: Receive, scope: Scope, cap: int) -> Receive:
    """*receive* that gives up after *cap* bytes."""
    total = 0

    async def receiving() -> Message:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        if total > cap:
            raise RequestTooLargeError(size=_declared(scope) or total, cap=cap)
        return message

    return receiving


def _declared(scope: Scope) -> int | None:
    length = Request(scope).headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 16 else None
