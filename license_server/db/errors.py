"""Errors of values and rows: invalid, taken, changed in the meantime, or sent twice.

Every package above may raise these.
"""

from typing import TypeVar

from license_core.errors import LicenseError, NotFoundError
from license_core.problem import Problem

T = TypeVar("T")


class InputInvalidError(LicenseError):
    """A value that a person or client sent is not valid."""

    row = Problem(
        "input-invalid",
        76,
        "Invalid value",
        "{field}: {reason}.",
        "Correct the value and try again; nothing was changed.",
    )

    field: str
    reason: str


class ChangedMeanwhileError(LicenseError):
    """Somebody changed it after the caller saw it."""

    row = Problem(
        "changed-meanwhile",
        89,
        "It has changed in the meantime",
        "The {what} has changed since you loaded it; nothing was done.",
        "Load it again, then send your change with the current ETag.",
    )

    what: str


class NameTakenError(LicenseError):
    """There is one of this name already."""

    row = Problem(
        "name-taken",
        116,
        "The name is already taken",
        "Another {what} is already called {name}.",
        "Choose another name, or change the existing one.",
    )

    what: str
    name: str


class ServerStoppingError(LicenseError):
    """This process is to end, and begins nothing that takes long."""

    row = Problem(
        "server-stopping",
        118,
        "The server is stopping",
        "The server is stopping; what was not done yet was left.",
        "Send it again in a few seconds, with the same Idempotency-Key if it had one; what is done "
        "is not done twice.",
    )


class IdempotencyConflictError(LicenseError):
    """The same Idempotency-Key with other content."""

    row = Problem(
        "idempotency-key-reused",
        82,
        "Idempotency key already used",
        "The Idempotency-Key {key} was already used for a different request.",
        "Use a new key for a new request; to repeat a request, send exactly the same body.",
    )

    key: str


class StillRunningError(LicenseError):
    """The same request is being worked on."""

    row = Problem(
        "still-running",
        88,
        "The same request is still being processed",
        "The request with the Idempotency-Key {key} is still being processed.",
        "Wait a moment, then send it again to get its response.",
    )

    key: str


def or_not_found(found: T | None, *, what: str, name: str) -> T:
    """What was *found*. Raises NotFoundError where it is None: there is no *what* called *name*."""
    if found is None:
        raise NotFoundError(what=what, name=name)
    return found
