"""An application that is called as a server calls it: what a request costs, without a client."""

import asyncio
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from starlette.types import ASGIApp, Message


class Called:
    """The application, started within this context; one request at a time."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._loop = asyncio.new_event_loop()
        self._told: asyncio.Queue[Message] = asyncio.Queue()
        self._life: asyncio.Task[None] | None = None
        self._state: dict[str, Any] = {}
        self.headers: list[tuple[bytes, bytes]] = [(b"host", b"testserver")]

    def __enter__(self) -> Self:
        """Start it."""
        self._loop.run_until_complete(self._start())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop it."""
        self._loop.run_until_complete(self._stop())
        self._loop.close()

    def get(self, address: str) -> tuple[int, bytes]:
        """The status and the body of the answer to a GET of *address*, a path with its query."""
        return self._loop.run_until_complete(self._get(address))

    async def _start(self) -> None:
        started: asyncio.Future[None] = self._loop.create_future()

        async def send(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                started.set_result(None)
            assert not message["type"].endswith("failed"), message

        scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": self._state}
        self._life = asyncio.ensure_future(self._app(scope, self._told.get, send))
        await self._told.put({"type": "lifespan.startup"})
        await asyncio.wait([started, self._life], return_when=asyncio.FIRST_COMPLETED)
        assert started.done(), self._life

    async def _stop(self) -> None:
        assert self._life is not None
        await self._told.put({"type": "lifespan.shutdown"})
        await self._life

    async def _get(self, address: str) -> tuple[int, bytes]:
        parts = urlsplit(address)
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": unquote(parts.path),
            "raw_path": parts.path.encode(),
            "query_string": parts.query.encode(),
            "root_path": "",
            "headers": self.headers,
            "client": ("127.0.0.1", 1),
            "server": ("testserver", 80),
            "state": dict(self._state),
        }
        asked: list[Message] = [{"type": "http.request", "body": b"", "more_body": False}]
        answer: list[Message] = []

        async def receive() -> Message:
            return asked.pop() if asked else await self._loop.create_future()

        async def send(message: Message) -> None:
            answer.append(message)

        await self._app(scope, receive, send)
        body = b"".join(message.get("body", b"") for message in answer[1:])
        return answer[0]["status"], body
