"""Turns an error into ``application/problem+json`` (RFC 9457).

``type`` is the path of a page of this server that explains the problem; it ends in the slug.
"""

from dataclasses import dataclass
from typing import Any

from starlette.responses import JSONResponse

from license_core.errors import (
    DatabaseUnavailableError,
    InternalError,
    LicenseError,
    NotAuthenticatedError,
    RateLimitedError,
    SignerUnavailableError,
)
from license_core.reason import Reason
from license_server.access.errors import TooManyAttemptsError
from license_server.db.errors import StillRunningError
from license_server.http.errors import MethodNotAllowedError
from license_server.http.problem_types import status_of
from license_server.signing.errors import SecretFileOpenError

TYPES = "/problems/"
MEDIA_TYPE = "application/problem+json"
_LONGEST_FACT = 500


@dataclass
class Problem:
    """What was refused, why, and what to do; the facts of the problem stand beside these."""

    type: str
    title: str
    status: int
    detail: str
    remedy: str
    request_id: str


def outward(error: LicenseError, request_id: str) -> LicenseError:
    """*error* as outsiders may see it: what went wrong inside is told to the log only."""
    where = Reason("the server's log says more under {request}", request=request_id)
    if isinstance(error, DatabaseUnavailableError | SignerUnavailableError | InternalError):
        return type(error)(reason=where)
    if isinstance(error, SecretFileOpenError):
        return SignerUnavailableError(reason=where)
    return InternalError(reason=where) if status_of(error) == 500 else _shortened(error)


def document(error: LicenseError, request_id: str) -> dict[str, Any]:
    """The members of the problem document; the error's facts are its extension members."""
    facts = {name: value for name, value in error.facts.items() if isinstance(value, str | int)}
    return facts | {
        "type": TYPES + error.slug,
        "title": error.row.title,
        "status": status_of(error),
        "detail": error.sentence,
        "remedy": error.remedy(),
        "request_id": request_id,
    }


def headers(error: LicenseError) -> dict[str, str]:
    """The headers that go with the status of *error*."""
    if isinstance(error, NotAuthenticatedError):
        return {"WWW-Authenticate": 'Bearer realm="hostseal"'}
    if isinstance(error, MethodNotAllowedError):
        return {"Allow": error.allowed}
    if isinstance(error, TooManyAttemptsError | RateLimitedError):
        return {"Retry-After": str(error.seconds)}
    if status_of(error) == 503 or isinstance(error, StillRunningError):
        return {"Retry-After": "5"}
    return {}


def respond(error: LicenseError, request_id: str) -> JSONResponse:
    """The answer to a program."""
    return JSONResponse(
        document(error, request_id),
        status_code=status_of(error),
        headers=headers(error),
        media_type=MEDIA_TYPE,
    )


def _shortened(error: LicenseError) -> LicenseError:
    facts = {
        name: f"{value[:_LONGEST_FACT]}…"
        if isinstance(value, str) and len(value) > _LONGEST_FACT
        else value
        for name, value in error.facts.items()
    }
    return type(error)(**facts)
