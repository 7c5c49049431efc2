"""One-time links by mail: whoever types the address of a customer's contact gets a way in there.

Nobody is told whether an address is known. The mail has a place for the link, which is filled in as
the mail leaves: neither the outbox nor a backup has it.
"""

from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import Connection

from license_server.access import login
from license_server.access.login import Attempt
from license_server.access.secrets import Random
from license_server.actor import SERVER
from license_server.catalog.catalog_store import Customer
from license_server.mail import mail_servers, outbox, outgoing
from license_server.mail.outbox import Draft
from license_server.mail.outbox_store import Mail
from license_server.portal import links, portal_store
from license_server.portal.errors import PortalLinkOverError
from license_server.settings import ServerSettings

PLACE = "{portal-link}"
"""Where in a mail its link stands."""
_WHAT = "portal-"
_MOST = 5
"""So many customers may have the same contact."""
_MAILER = SERVER._replace(permissions=frozenset({outbox.SEND}))


class Letter(NamedTuple):
    """What is written to somebody who asked for a link; the text has PLACE."""

    subject: str
    text: str


Write = Callable[[Customer], Letter]


def is_possible(settings: ServerSettings) -> bool:
    """Whether links can be mailed: the server sends mails, and knows its address.

    The address that a browser calls it by is anybody's word.
    """
    return settings.portal and settings.public_url is not None and settings.sends_mail


def count(connection: Connection, address: str, client: str, now: int) -> None:
    """Count that somebody at *client* asks for a link to *address*, whoever that is.

    Raises TooManyAttemptsError: an address, and a client, may ask some ten times an hour.
    """
    login.count(connection, Attempt.of(address.lower(), client, what=_WHAT), now)


def send(
    connection: Connection,
    settings: ServerSettings,
    address: str,
    write: Write,
    key: bytes,
    now: int,
    random: Random,
) -> list[Mail]:
    """Queue a mail with a one-time link for each customer whose contact has this *address*."""
    sent = []
    for customer in portal_store.customers_of_contact(connection, address, _MOST):
        message_id = outgoing.new_id(random(16), mail_servers.sender(settings))
        letter = write(customer)
        draft = Draft(
            str(customer.contact_email),
            letter.subject,
            letter.text,
            customer.contact_name,
            automatic=True,
        )
        mail = outbox.queue(connection, draft, _MAILER, now, message_id)
        secret = links.secret_of_mail(key, message_id)
        links.mailed(connection, customer, mail.id, secret, SERVER, now)
        sent.append(mail)
    return sent


def filled(connection: Connection, mail: Mail, base: str | None, key: bytes, now: int) -> Mail:
    """*mail* with its link, where it brings one. Raises PortalLinkOverError: it leads nowhere."""
    link = portal_store.link_of_mail(connection, mail.id)
    if link is None:
        return mail
    links.check_valid(connection, link, now)
    secret = links.secret_of_mail(key, mail.message_id)
    if base is None or links.find(connection, secret, now).id != link.id:
        raise PortalLinkOverError(reason="its key is gone")
    return mail._replace(body=mail.body.replace(PLACE, base + links.path(secret)))
