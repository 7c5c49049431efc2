"""Who is in the portal: by a session of a browser, or with the secret of an invitation.

A visit sees one customer, and of that what its link opens.
"""

from typing import NamedTuple

from sqlalchemy import Connection

from license_core import b64url, clock
from license_core.errors import NotAuthenticatedError
from license_core.reason import Reason
from license_server.access.secrets import SECRET_BYTES, Random, hash_of
from license_server.access.sessions import form_token
from license_server.actor import CONTACT, Actor
from license_server.audit import events
from license_server.catalog.catalog_store import Customer
from license_server.portal import links, portal_store
from license_server.portal.errors import PortalLinkOverError
from license_server.portal.portal_store import INVITATION, ONE_TIME, StoredLink

_HOUR = 3600


class Visit(NamedTuple):
    """Somebody of a customer who is in the portal."""

    link: StoredLink
    customer: Customer
    ids: tuple[int, ...]
    """The rows of the customer: its own, and those of whoever was merged into it."""
    secret: str = ""
    """What the cookie holds."""
    address: str | None = None

    @property
    def actor(self) -> Actor:
        """Who acts, in the audit log."""
        name = f"{CONTACT}:{self.link.id}"
        return Actor(name, frozenset({"requests:write"}), self.link.of, self.address)

    @property
    def mailbox(self) -> str | None:
        """Whose mail it is known to read: who has a one-time link, that of the contact."""
        return self.customer.contact_email if self.link.kind == ONE_TIME else None

    @property
    def form_token(self) -> str:
        """What a form of this session carries."""
        return form_token(self.secret)


def enter(
    connection: Connection, secret: str, now: int, hours: int, random: Random, address: str
) -> Visit:
    """The visit that the link with this *secret* opens, for so many *hours*: it is used now.

    Raises PortalLinkOverError.
    """
    link = links.find(connection, secret, now)
    used = portal_store.use(connection, link, now)
    if used is None:  # by somebody else meanwhile
        links.check_valid(connection, link._replace(uses=1), now)
        raise PortalLinkOverError(reason=Reason("it was withdrawn"))
    session = b64url.encode(random(SECRET_BYTES))
    ends = clock.later(now, hours * _HOUR)
    if used.kind == INVITATION:
        ends = min(ends, used.expires_at)
    portal_store.add_session(connection, hash_of(session), used.id, now, ends)
    visit = _visit(connection, used, session, address)
    links.record(connection, used, visit.customer, visit.actor, "portal.opened", now)
    return visit


def by_session(connection: Connection, secret: str, now: int, address: str) -> Visit:
    """The visit of a cookie. Raises NotAuthenticatedError, PortalLinkOverError."""
    link = portal_store.session_link(connection, hash_of(secret), now) if secret else None
    if link is None:
        raise NotAuthenticatedError(reason="You are not signed in, or your session has ended")
    if link.kind == INVITATION:
        links.check_valid(connection, link, now)
    return _visit(connection, link, secret, address)


def by_token(connection: Connection, secret: str, now: int, address: str) -> Visit:
    """The visit of a program that has the secret of an invitation, which nobody but it is told.

    Raises NotAuthenticatedError, PortalLinkOverError.
    """
    link = portal_store.link_by_secret(connection, hash_of(secret))
    if link is None or link.kind != INVITATION:
        raise NotAuthenticatedError(reason="The token is not valid")
    links.check_valid(connection, link, now)
    return _visit(connection, link, "", address)


def _visit(connection: Connection, link: StoredLink, secret: str, address: str) -> Visit:
    customer = links.check_led(connection, link)
    ids = tuple(links.family(connection, customer))
    return Visit(link, customer, ids, secret, address[:64] or None)


def forget(connection: Connection, secret: str) -> None:
    """End the session of a cookie, if there is one."""
    if secret:
        portal_store.end_session(connection, hash_of(secret))


def tell_download(connection: Connection, visit: Visit, number: str, now: int) -> None:
    """Tell the audit log that a licence was downloaded."""
    events.record(
        connection, now, visit.actor, "portal.downloaded", number, customer=visit.customer.name
    )
