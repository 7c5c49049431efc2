"""What the API replies of links into the customer portal."""

from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import Field

from license_server.api import responses
from license_server.api.responses import Instant
from license_server.portal import links, portal_store


@dataclass(slots=True, kw_only=True)
class PortalLink:
    """A link into the customer portal, without its secret."""

    id: int
    kind: Annotated[str, Field(json_schema_extra={"enum": list(portal_store.KINDS)})]
    state: Annotated[str, Field(json_schema_extra={"enum": list(links.STATES)})]
    customer_id: int
    label: str | None
    products: list[str] | None
    created_at: Instant
    created_by: str
    expires_at: Instant
    withdrawn_at: Instant | None
    uses: int
    used_at: Instant | None

    @classmethod
    def of(cls, stored: portal_store.StoredLink, now: int, **shown_once: str) -> Self:
        """The link *stored*, as it is at the instant *now*."""
        opened = None if stored.of is None else sorted(stored.of)
        state = links.state(stored, now)
        return responses.from_row(cls, stored, products=opened, state=state, **shown_once)


@dataclass(slots=True, kw_only=True)
class NewPortalLink(PortalLink):
    """A link into the customer portal, with its secret, which is shown only once."""

    secret: str
    url: str


@dataclass(slots=True)
class PortalLinkList:
    """The newest links of a customer."""

    links: list[PortalLink]
