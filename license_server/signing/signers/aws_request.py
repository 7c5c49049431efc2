"""Requests to AWS are signed: Signature Version 4, in the header Authorization."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

_ALGORITHM = "AWS4-HMAC-SHA256"


class Credentials(NamedTuple):
    """Who asks."""

    key_id: str
    secret: str
    token: str | None = None
    """Of a session; None: they are for good."""
    until: int | None = None
    """When they end; None: they are read anew each time."""


class Scope(NamedTuple):
    """Where and for what a signature is valid."""

    region: str
    service: str


def signed(
    credentials: Credentials, scope: Scope, headers: Mapping[str, str], body: bytes, now: int
) -> dict[str, str]:
    """*headers*, with ``host`` among them, of a POST of *body* to ``/``, and those that sign it."""
    moment = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
    day = moment[:8]
    all_ = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
    all_["x-amz-date"] = moment
    if credentials.token is not None:
        all_["x-amz-security-token"] = credentials.token
    names = ";".join(sorted(all_))
    lines = [f"{name}:{all_[name]}" for name in sorted(all_)]
    request = "\n".join(("POST", "/", "", *lines, "", names, hashlib.sha256(body).hexdigest()))
    where = f"{day}/{scope.region}/{scope.service}/aws4_request"
    to_sign = "\n".join(
        (_ALGORITHM, moment, where, hashlib.sha256(request.encode("utf-8")).hexdigest())
    )
    key = f"AWS4{credentials.secret}".encode("utf-8", "surrogateescape")
    for part in (day, scope.region, scope.service, "aws4_request"):
        key = hmac.digest(key, part.encode("utf-8"), "sha256")
    signature = hmac.digest(key, to_sign.encode("utf-8"), "sha256").hex()
    all_["authorization"] = (
        f"{_ALGORITHM} Credential={credentials.key_id}/{where}, "
        f"SignedHeaders={names}, Signature={signature}"
    )
    return all_
