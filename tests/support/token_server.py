"""A token server for tests on loopback (OAuth 2.0), as Microsoft's and Google's answer."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

Answer = tuple[int, bytes]


class TokenServer(ThreadingHTTPServer):
    """Answers with what *says* tells; keeps what it was asked."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[dict[str, str]] = []
        self.drips: tuple[threading.Event, float] | None = None
        """Until it is set, the head of an answer has one more field every so many seconds."""
        self.encodings: list[str] = []
        """What each asked for as Accept-Encoding."""
        self.says: Callable[[dict[str, str]], Answer] = granted("ya29.token")
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_side=True)
        scheme = "http" if context is None else "https"
        self.url = f"{scheme}://localhost:{self.server_address[1]}/token"

    def handle_error(self, *_: object) -> None:
        """A client that went away is none of the test's."""


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server = self.server
        assert isinstance(server, TokenServer)
        length = int(self.headers["content-length"])
        fields = dict(parse_qsl(self.rfile.read(length).decode("ascii")))
        server.asked.append(fields)
        server.encodings.append(self.headers["accept-encoding"])
        status, content = server.says(fields)
        self.send_response(status)
        if server.drips is not None:
            over, seconds = server.drips
            while not over.wait(seconds):
                self.wfile.write(b"X-More: to come\r\n")
        self.send_header("Content-Type", "application/json")
        self.send_header("Location", "http://127.0.0.1:1/")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


def granted(token: str, **more: Any) -> Callable[[dict[str, str]], Answer]:
    """An answer with an access token, for an hour."""
    told = {"access_token": token, "token_type": "Bearer", "expires_in": 3600} | more
    return lambda _: (200, json.dumps(told).encode())


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[TokenServer]:
    """One that answers, until the end."""
    with TokenServer(context) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
