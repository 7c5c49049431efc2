"""Turns an error into ``application/problem+json`` (RFC 9457).

``type`` is the path of a page of this server that explains the problem; it ends in the slug.
"""

from dataclasses import asdict, dataclass, field
from typing import Any, Self

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
from license_server.catalog import faults
from license_server.db.errors import StillRunningError
from license_server.http.errors import MethodNotAllowedError
from license_server.http.problem_types import status_of
from license_server.signing.errors import SecretFileOpenError

TYPES = "/problems/"
MEDIA_TYPE = "application/problem+json"
_LONGEST_FACT = 500


@dataclass(slots=True)
class FieldError:
    """What is wrong with one value that was sent; the type is the path of a problem's page."""

    field: str
    type: str
    detail: str

    @classmethod
    def of(cls, field: str, slug: str, detail: str) -> Self:
        """What is wrong with *field*: the problem of this *slug*."""
        return cls(field, TYPES + slug, detail)


@dataclass
class Problem:
    """What was refused, why, and what to do; the facts of the problem stand beside these."""

    type: str
    title: str
    status: int
    detail: str
    remedy: str
    request_id: str
    errors: list[FieldError] = field(default_factory=list)
    """Of a problem with values that were sent: all that is wrong, the problem itself first."""


def outward(error: LicenseError, request_id: str) -> LicenseError:
    """*error* as outsiders may see it: what went wrong inside is told to the log only."""
    where = Reason("see request {request} in the server's log", request=request_id)
    if isinstance(error, DatabaseUnavailableError | SignerUnavailableError | InternalError):
        return type(error)(reason=where)
    if isinstance(error, SecretFileOpenError):
        return SignerUnavailableError(reason=where)
    if status_of(error) == 500:
        return InternalError(reason=where)
    return faults.changed(error, _shortened)


def document(error: LicenseError, request_id: str) -> dict[str, Any]:
    """The members of the problem document; the error's facts are its extension members.

    Its ``errors`` are the faults of the values that were sent; without one there is no such member.
    """
    errors = [
        asdict(FieldError.of(fault.field, fault.error.slug, fault.error.sentence))
        for fault in faults.faults_of(error)
    ]
    facts: dict[str, Any] = {
        name: value for name, value in error.facts.items() if isinstance(value, str | int)
    }
    return facts | {
        "type": TYPES + error.slug,
        "title": error.row.title,
        "status": status_of(error),
        "detail": error.sentence,
        "remedy": error.remedy(),
        "request_id": request_id,
        **({"errors": errors} if errors else {}),
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
