"""What the API's description says of the operations on links into the customer portal."""

from license_server.api import schemas
from license_server.api.operation import Operation
from license_server.api.portal_link_responses import NewPortalLink, PortalLink, PortalLinkList

PORTAL = {
    "portal.list": Operation(
        "List the portal links of a customer", {200: PortalLinkList}, ("not-found",)
    ),
    "portal.invite": Operation(
        "Invite a customer to the portal",
        {201: NewPortalLink},
        ("input-invalid", "not-found", "archived", "request-too-large"),
        schemas.NEW_PORTAL_LINK,
        {"label": "Plant Ningbo", "days": 30},
    ),
    "portal.withdraw": Operation("Withdraw a portal link", {200: PortalLink}, ("not-found",)),
}
"""Each operation by its operationId."""
