"""Errors of requests."""

from license_core.errors import LicenseError
from license_core.problem import Problem
from license_server.catalog import client_commands


class RequestClosedError(LicenseError):
    """Somebody has dealt with the request already, or it waits for an approver."""

    row = Problem(
        "request-closed",
        125,
        "The request has already been dealt with",
        "Request {id} is {state}.",
        "Nothing was done; load the request again: `{server} requests show {id}` tells what became "
        "of it.",
    )

    id: int
    state: str


class RequestWithoutHostError(LicenseError):
    """Nothing in the request says for which host it is."""

    row = Problem(
        "request-without-host",
        113,
        "The request names no host",
        "Request {id} has no host key line and no request of a client: {reason}.",
        "Ask the operator for the output of `{request}`, and file that.",
    )
    more = client_commands.DEFAULT.facts()

    id: int
    reason: str
