"""A small OpenID Connect provider, as a process of its own on loopback: it lets everybody in.

It demands what a conforming one demands: its client's secret, the registered way back, PKCE with
S256, a code once. What it says of people, and how it is to err, is set by ``POST /say`` with a JSON
object: ``claims`` over the usual ones (null: left out), ``key``: ``other`` to sign with a key that
it does not publish, ``rotated``: it signs with it and publishes it, ``issuer``: another in its own
description, ``junk``: by the end of a path, the text that it gives instead. ``GET /asked`` tells
how often each path was asked for.
"""

import base64
import hashlib
import json
import secrets
import sys
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

CLIENT, SECRET = "hostseal", "a secret of this test"


class Provider(ThreadingHTTPServer):
    """The provider's state."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.key = ECKey.generate_key("P-256", {"kid": "one", "use": "sig", "alg": "ES256"})
        self.other = ECKey.generate_key("P-256", {"kid": "one", "use": "sig", "alg": "ES256"})
        self.codes: dict[str, dict[str, str]] = {}
        self.said: dict[str, Any] = {}
        self.asked: Counter[str] = Counter()

    @property
    def url(self) -> str:
        """Its issuer."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def token(self, asked: dict[str, str]) -> str:
        """The ID token for a code."""
        now = int(time.time()) if "now" not in self.said else int(self.said["now"])
        claims: dict[str, Any] = {
            "iss": self.url,
            "sub": "subject",
            "aud": asked["client_id"],
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
        }
        claims |= self.said.get("claims", {})
        claims = {name: value for name, value in claims.items() if value is not None}
        stray = self.said.get("key") == "other" or self.said.get("rotated")
        key = self.other if stray else self.key
        return jwt.encode({"alg": "ES256", "kid": "one"}, claims, key, ["ES256"])


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Provider

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Describe the provider, tell its keys, or let somebody in."""
        parts = urlsplit(self.path)
        self.server.asked[parts.path] += 1
        if self._junk(parts.path):
            return
        if parts.path == "/asked":
            self._json(self.server.asked)
        elif parts.path == "/.well-known/openid-configuration":
            self._json(
                {
                    "issuer": self.server.said.get("issuer", self.server.url),
                    "authorization_endpoint": f"{self.server.url}/authorize",
                    "token_endpoint": f"{self.server.url}/token",
                    "jwks_uri": f"{self.server.url}/keys",
                }
            )
        elif parts.path == "/keys":
            key = self.server.other if self.server.said.get("rotated") else self.server.key
            self._json(KeySet([key]).as_dict(private=False))
        elif parts.path == "/authorize":
            self._authorize({name: given[0] for name, given in parse_qs(parts.query).items()})
        else:
            self._json({"error": "not_found"}, 404)

    def _authorize(self, asked: dict[str, str]) -> None:
        conforming = (
            asked.get("response_type") == "code"
            and asked.get("client_id") == CLIENT
            and asked.get("code_challenge_method") == "S256"
            and "openid" in asked.get("scope", "").split()
            and all(asked.get(name) for name in ("state", "nonce", "code_challenge"))
            and urlsplit(asked.get("redirect_uri", "")).path == "/login/openid/return"
        )
        if not conforming:
            self._json({"error": "invalid_request"}, 400)
            return
        code = secrets.token_urlsafe(16)
        self.server.codes[code] = asked
        query = urlencode({"code": code, "state": asked["state"], "iss": self.server.url})
        self.send_response(302)
        self.send_header("Location", f"{asked['redirect_uri']}?{query}")
        self.end_headers()

    def do_POST(self) -> None:
        """Change a code into a token; or be told what to say."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        if self.path == "/say":
            self.server.said = json.loads(body)
            self._json({})
            return
        if self._junk(self.path):
            return
        given = {name: value[0] for name, value in parse_qs(body).items()}
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if self.headers.get("Authorization") != f"Basic {basic}":
            self._json({"error": "invalid_client"}, 401)
            return
        asked = self.server.codes.pop(given.get("code", ""), None)
        digest = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if (
            asked is None
            or given.get("grant_type") != "authorization_code"
            or given.get("redirect_uri") != asked["redirect_uri"]
            or challenge != asked["code_challenge"]
        ):
            self._json({"error": "invalid_grant"}, 400)
            return
        self._json(
            {"access_token": "x", "token_type": "Bearer", "id_token": self.server.token(asked)}
        )

    def _junk(self, path: str) -> bool:
        """Whether there is a text to give in place of what *path* gives."""
        text = self.server.said.get("junk", {}).get(path.rpartition("/")[2])
        if text is not None:
            self._send(text.replace("{url}", self.server.url).encode(), 200)
        return text is not None

    def _json(self, value: Any, status: int = 200) -> None:
        self._send(json.dumps(value).encode(), status)

    def _send(self, body: bytes, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    with Provider() as provider:
        sys.stdout.write(provider.url + "\n")
        sys.stdout.flush()
        provider.serve_forever()
