"""Where a customer comes into the portal, so that their letters can say so."""

from sqlalchemy import Connection

from license_server.catalog.catalog_store import Customer
from license_server.mail import addresses
from license_server.portal import links, mailing, portal_store
from license_server.portal.portal_store import INVITATION
from license_server.settings import ServerSettings

PATH = "/portal"


def address_for(
    connection: Connection, settings: ServerSettings, customer: Customer | None, now: int
) -> str | None:
    """The portal's address for a *customer*; None where they could not come in.

    Its contact can ask for a one-time link by mail, or somebody has an invitation.
    """
    base = settings.public_url
    if not settings.portal or base is None or customer is None or customer.archived_at is not None:
        return None
    gets_links = mailing.is_possible(settings) and addresses.is_address(
        customer.contact_email or ""
    )
    if not gets_links:
        ids = links.family(connection, customer)
        if not portal_store.valid_links(connection, now, kind=INVITATION, ids=ids):
            return None
    return base + PATH
