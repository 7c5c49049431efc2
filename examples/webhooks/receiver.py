"""What the examples share: a server that takes signed requests, each event once.

A real one keeps the ids that it has seen in its database, and is behind a proxy that speaks TLS.
"""

import base64
import hashlib
import hmac
import http.server
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

TOLERANCE = 300
"""Seconds by which a signature may be old."""


class RefusedError(Exception):
    """The request is not from who it says, or cannot be used; nothing was done."""


def verify(headers: Mapping[str, str], body: bytes, secret: str, now: float) -> str:
    """The id of an event of the licence server (Standard Webhooks). Raises RefusedError."""
    id_, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{id_}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    expected = f"v1,{base64.b64encode(digest).decode()}"
    given = headers.get("webhook-signature", "").split()
    if not any(hmac.compare_digest(expected.encode(), one.encode()) for one in given):
        raise RefusedError("the signature is wrong")
    if abs(now - float(timestamp)) > TOLERANCE:
        raise RefusedError("the signature is old")
    return id_


def events_to(do: Callable[[dict[str, Any]], None]) -> None:
    """Serve, and hand each event of the licence server to *do*, once.

    The secret is the first line of the file that WEBHOOK_SECRET_FILE names.
    """
    seen: set[str] = set()

    def take(headers: Mapping[str, str], body: bytes) -> None:
        secret = Path(os.environ["WEBHOOK_SECRET_FILE"]).read_text("ascii").split()[0]
        id_ = verify(headers, body, secret, time.time())
        if id_ not in seen:
            do(json.loads(body))
            seen.add(id_)  # only now: what failed comes again

    serve(take)


def serve(take: Callable[[Mapping[str, str], bytes], None]) -> None:
    """Answer each POST: 204 once it is taken, 400 where it is refused, else 500."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Take a request."""
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            try:
                take(headers, body)
                status = 204
            except RefusedError as error:
                print(error, file=sys.stderr)
                status = 400
            except Exception as error:  # noqa: BLE001  # whoever sent it sends it again
                print(f"{type(error).__name__}: {error}", file=sys.stderr)
                status = 500
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log nothing: a URL may be a secret."""

    port = int(os.environ.get("PORT", "8090"))
    with http.server.HTTPServer(("127.0.0.1", port), Handler) as server:
        print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
        server.serve_forever()
