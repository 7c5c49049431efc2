"""Errors of the customer portal."""

from license_core.errors import LicenseError
from license_core.problem import Problem


class PortalLinkOverError(LicenseError):
    """A link leads into the portal no more, or never did."""

    row = Problem(
        "portal-link-over",
        104,
        "This link is no longer valid",
        "The link to the customer portal is not valid: {reason}.",
        "Ask for a new one at /portal, or ask whoever sent you the link.",
    )

    reason: str
