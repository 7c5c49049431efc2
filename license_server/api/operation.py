"""An operation of the API, as its description tells it, and the problems that many have."""

from typing import Any, NamedTuple

from license_server.api import schemas
from license_server.api.schemas import Schema

ALWAYS = (
    "not-authenticated",
    "not-permitted",
    "rate-limited",
    "database-unavailable",
    "server-stopping",
)
"""The problems that every operation answers with."""
ISSUING = (
    "input-invalid",
    "request-unreadable",
    "request-damaged",
    "request-ambiguous",
    "not-found",
    "license-state",
    "term-over",
    "term-too-long",
    "rehosts-used-up",
    "evidence-missing",
    "changed-meanwhile",
    "signer-unavailable",
    "signing-over",
    "too-large-to-sign",
    "product-unknown",
    "archived",
    "plan-unknown",
    "trial-used",
    "stop-gap-used",
)
"""Those of each operation that issues a licence."""
KEYED = ("idempotency-key-reused", "still-running", "request-too-large")
"""Those of each operation that takes an ``Idempotency-Key``."""


class Operation(NamedTuple):
    """One operation: what it takes and gives, and which problems it answers with."""

    summary: str
    replies: dict[int, Any]
    """The class of each reply; None: the bytes of a file, or nothing with 204."""
    problems: tuple[str, ...] = ()
    body: Schema | None = None
    example: Any = None
    query: dict[str, Schema] = {}  # noqa: RUF012  # never changed
    media_type: str = "application/json"
    """Of what it takes."""
    gives: str = "application/octet-stream"
    """Of a reply that is the bytes of a file."""
    matches: bool = False
    """Whether it heeds ``If-Match``."""
    id: Schema | None = None
    """Of the id in its path, where that is not a row's number."""


def listing(summary: str, page: type, **query: Schema) -> Operation:
    """A list: its *page*, and the filters that it takes."""
    paging = {"limit": schemas.LIMIT, "cursor": schemas.CURSOR}
    return Operation(summary, {200: page}, ("input-invalid",), query=query | paging)
