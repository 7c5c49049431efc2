"""The mail that brings a customer their licence: its letter, with the file attached and as text."""

from collections.abc import Callable

from sqlalchemy import Connection

from license_core.reason import Reason
from license_server.actor import Actor
from license_server.catalog.letter_texts import LANGUAGES
from license_server.db.errors import InputInvalidError
from license_server.http.path_params import row_id
from license_server.licenses import issuing
from license_server.licenses.errors import LicenseStateError
from license_server.licenses.license_store import StoredLicense
from license_server.mail import addresses, writing
from license_server.mail.outbox import Draft
from license_server.mail.outbox_store import Mail
from license_server.portal import ways_in
from license_server.requests import handling
from license_server.requests.request_store import StoredRequest
from license_server.settings import ServerSettings
from license_server.site import Random, Site
from license_server.web import delivery
from license_server.web.reader import catalogue

Answers = Callable[[Connection, StoredLicense, StoredRequest, Actor, int], Mail]
_USUAL_LANGUAGE = "en"


def request_of(connection: Connection, typed: str, number: str, actor: Actor) -> StoredRequest:
    """The request whose id was given. Raises NotFoundError unless licence *number* answers it."""
    return handling.answered_with(connection, row_id(typed, "request"), number, actor)


def draft(
    stored: StoredLicense,
    seen: delivery.Known,
    vendor: str,
    language: str | None = None,
    asked: StoredRequest | None = None,
    portal: str | None = None,
) -> tuple[Draft, str]:
    """The mail with *stored* to the contact of its customer, in their language; and its letter.

    *asked*: to the sender of this request in place of that.
    *portal*: where the customer comes into the portal.
    *language*: that of who sends it, where no other is known. Raises LicenseStateError for one
    that nobody is to install, and InputInvalidError where there is no address.
    """
    if stored.state != "active":
        state = Reason("is {state}", state=Reason(stored.state))
        raise LicenseStateError(number=stored.number, act=Reason("send"), became=state)
    contact, name = _recipient(seen, asked)
    if contact is None or not addresses.is_address(contact):
        reason = "the customer has no email address" if contact is None else "it is not an address"
        raise InputInvalidError(field="contact_email", reason=reason)
    known = seen.customer.language if seen.customer else None
    of = known or (asked.language if asked else None) or language or _USUAL_LANGUAGE
    if of not in LANGUAGES:
        of = _USUAL_LANGUAGE
    (letter,) = delivery.letters_about(stored, seen, vendor, [of], portal)
    told = catalogue(of).gettext("The licence file as text, in case the attachment is missing:")
    file = issuing.file_of(stored).decode("utf-8")
    made = Draft(
        contact,
        writing.answering(asked.subject) if asked and asked.subject else letter.subject,
        f"{letter.text}\n\n{told}\n\n{file}",
        name,
        stored.number,
        stored.product,
    )
    return made, letter.text


def _recipient(seen: delivery.Known, asked: StoredRequest | None) -> tuple[str | None, str | None]:
    """The address, and the name."""
    if asked is not None:
        return asked.sender_address, asked.sender_name
    return (
        (None, None)
        if seen.customer is None
        else (seen.customer.contact_email, seen.customer.contact_name)
    )


def send(
    connection: Connection,
    settings: ServerSettings,
    stored: StoredLicense,
    vendor: str,
    actor: Actor,
    now: int,
    random: Random,
    language: str | None = None,
    asked: StoredRequest | None = None,
    *,
    automatic: bool = False,
) -> Mail:
    """Queue that mail. *automatic*: no person asked for it. Raises as ``draft``, ``queue`` do."""
    seen = delivery.known(connection, stored)
    portal = ways_in.address_for(connection, settings, seen.customer, now)
    made, letter = draft(stored, seen, vendor, language, asked, portal)
    made = made._replace(thread=writing.thread(connection, asked), automatic=automatic)
    mail = writing.queue(connection, settings, made, actor, now, random)
    if asked is not None:
        handling.sent(connection, asked, letter, mail.message_id, actor, now)
    return mail


def answering(site: Callable[[], Site], *, automatic: bool = False) -> Answers:
    """What mails licences to who asked. *automatic*: no person asked for it."""

    def answer(
        connection: Connection, stored: StoredLicense, asked: StoredRequest, by: Actor, now: int
    ) -> Mail:
        here = site()
        vendor, rest = here.issuer.name, (by, now, here.random)
        settings = here.settings
        return send(connection, settings, stored, vendor, *rest, asked=asked, automatic=automatic)

    return answer


def answers(site: Callable[[], Site]) -> Answers | None:
    """The same where no person does; None: this server sends no mail."""
    return answering(site, automatic=True) if site().settings.sends_mail else None
