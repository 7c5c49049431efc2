"""Routes that are answered without the framework's layers, which cost more than their work.

Such a route stands in the framework, too: there it is described, and there its other methods are.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from license_core.errors import LicenseError

Answer = Callable[[Request], Awaitable[Response]]


class DirectRoute(NamedTuple):
    """A route, and what answers its requests."""

    route: object
    """As the framework has it, for the log and the metrics."""
    answer: Answer


class Direct:
    """ASGI middleware within ``Edge``."""

    def __init__(
        self,
        app: ASGIApp,
        routes: Mapping[tuple[str, str], DirectRoute],
        refuse: Callable[[Request, Exception], Awaitable[Response]],
    ) -> None:
        """*routes* by their methods and paths; *refuse* answers what raises a LicenseError."""
        self._app = app
        self._routes = routes
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        found = self._routes.get((scope.get("method", ""), scope.get("path", "")))
        if found is None:
            await self._app(scope, receive, send)
            return
        scope["route"] = found.route
        request = Request(scope, receive, send)
        try:
            response = await found.answer(request)
        except LicenseError as error:
            response = await self._refuse(request, error)
        await response(scope, receive, send)
