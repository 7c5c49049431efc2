"""What is refused of values and rows: not valid, taken, changed meanwhile, or asked for twice.

Every package above may raise these.
"""

from typing import TypeVar

from license_core.errors import LicenseError, NotFoundError
from license_core.problems import Problem

T = TypeVar("T")


class InputInvalidError(LicenseError):
    """A value that a person or client sent is not valid."""

    row = Problem(
        "input-invalid",
        76,
        "A value is not valid",
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
        "It was changed meanwhile",
        "The {what} was changed after you saw it; nothing was done.",
        "Look at it again, and send what you want with its present ETag.",
    )

    what: str


class NameTakenError(LicenseError):
    """There is one of this name already."""

    row = Problem(
        "name-taken",
        116,
        "The name is taken",
        "There is a {what} called {name} already.",
        "Choose another name, or change the one that is there.",
    )

    what: str
    name: str


class IdempotencyConflictError(LicenseError):
    """The same Idempotency-Key with other content."""

    row = Problem(
        "idempotency-key-reused",
        82,
        "The idempotency key was used for another request",
        "The Idempotency-Key {key} was already used with other content.",
        "Use a new key for a new request; repeat a request with the very same body.",
    )

    key: str


class StillRunningError(LicenseError):
    """The same request is being worked on."""

    row = Problem(
        "still-running",
        88,
        "The same request is still being worked on",
        "The request with the Idempotency-Key {key} is still being worked on.",
        "Wait a moment and send it again: you get its answer.",
    )

    key: str


def or_not_found(found: T | None, *, what: str, name: str) -> T:
    """What was *found*. Raises NotFoundError where it is None: there is no *what* called *name*."""
    if found is None:
        raise NotFoundError(what=what, name=name)
    return found
