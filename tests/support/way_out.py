"""What may stand between a container and a vendor's server: TLS, a proxy, and a bad line."""

import http.server
import socket
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from tests.support.loopback import serving


class Front:
    """A server with TLS before another one, whose answers it may break off."""

    def __init__(self, behind: str) -> None:
        self.behind = behind
        self.broken: dict[str, int] = {}
        """The end of a path to how many bytes of its next answer get through."""
        self.seen: list[tuple[str, str, str | None]] = []
        """Method, path and Range of each request."""

    def handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        """What answers its requests."""
        front = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                front.seen.append((self.command, self.path, self.headers.get("Range")))
                size = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(size) if size else None
                asked = urllib.request.Request(
                    front.behind + self.path, body, dict(self.headers), method=self.command
                )
                try:
                    answer: Any = urllib.request.build_opener().open(asked)
                except urllib.error.HTTPError as refused:
                    answer = refused
                data = answer.read()
                self.send_response(answer.status)
                for name in ("Content-Type", "ETag", "Content-Range", "Retry-After"):
                    if answer.headers.get(name):
                        self.send_header(name, answer.headers[name])
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                cut = front.broken.pop(self.path.rpartition("/")[2], None)
                self.wfile.write(data[:cut])
                self.close_connection = True

            do_POST = do_GET  # noqa: N815  # as the library names it

            def log_message(self, *_: object) -> None:
                pass

        return Handler


@contextmanager
def tls(
    front: Front, context: ssl.SSLContext, at: socket.socket | None = None, host: str = "localhost"
) -> Iterator[str]:
    """*front* with this certificate, which is for *host*; its URL.

    *at*: what it listens at, in place of a port of loopback.
    """
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), front.handler()) as server:
        if at is not None:
            server.socket.close()
            server.socket, server.server_address = at, at.getsockname()
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"https://{host}:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def proxy(asked: list[str]) -> Iterator[str]:
    """A proxy that lets connections through (RFC 9110 section 9.3.6); *asked* learns whereto."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            asked.append(self.path)
            host, _, port = self.path.rpartition(":")
            with socket.create_connection((host, int(port))) as other:
                self.send_response(200)
                self.end_headers()
                back = threading.Thread(target=_copy, args=(other, self.connection))
                back.start()
                _copy(self.connection, other)
                back.join()
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    with serving(Handler) as url:
        yield url.rpartition("/")[0]


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
