"""Errors of a connection or a request, before any route sees it."""

from license_core.errors import LicenseError
from license_core.problem import Problem


class AddressInUseError(LicenseError):
    """The server cannot listen on its address."""

    row = Problem(
        "address-in-use",
        83,
        "The address is already in use",
        "The server cannot listen on {address}: {reason}.",
        "Choose another port: `{server} serve --port 8081`.",
    )

    address: str
    reason: str


class MethodNotAllowedError(LicenseError):
    """The address is right, the HTTP method is not."""

    row = Problem(
        "method-not-allowed",
        86,
        "Method not allowed",
        "{path} does not support {method}, only {allowed}.",
        "Use {allowed}.",
    )

    method: str
    path: str
    allowed: str


class RequestTooLargeError(LicenseError):
    """The body of an HTTP request is too large."""

    row = Problem(
        "request-too-large",
        87,
        "The request is too large",
        "The request is too large: {size} bytes, with a maximum of {cap}.",
        "Send only the operator's host key line or request, not whole mails or files. "
        "Split a large CSV file, or import it with `license-server import licenses FILE`.",
    )

    size: int
    cap: int
