"""Signatures of Standard Webhooks (standardwebhooks.com, specification 1.0.0), symmetric."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterable

Random = Callable[[int], bytes]
_PREFIX = "whsec_"
_SECRET_BYTES = 32


def new_secret(random: Random) -> str:
    """A secret, as both sides write it."""
    return _PREFIX + base64.b64encode(random(_SECRET_BYTES)).decode("ascii")


def headers(secrets: Iterable[str], message: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers of a *message*: signed by each of *secrets*, so that one can replace another."""
    signed = f"{message}.{timestamp}.".encode("ascii") + body
    return {
        "webhook-id": message,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(_sign(secret, signed) for secret in secrets),
    }


def _sign(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode('ascii')}"
