"""What is refused of a connection or a request before any route sees it."""

from license_core.errors import LicenseError
from license_core.problems import Problem


class AddressInUseError(LicenseError):
    """The server cannot listen on its address."""

    row = Problem(
        "address-in-use",
        83,
        "The address is taken",
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
        "The address does not take this method",
        "{path} does not take {method}; it takes {allowed}.",
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
        "The request has {size} bytes; at most {cap} are taken.",
        "Send only the operator's line or request, not whole mails or files. "
        "Send a sheet in parts, or take it with `license-server import licenses FILE`.",
    )

    size: int
    cap: int
