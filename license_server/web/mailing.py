"""The mail that brings a customer their licence: its letter, with the file attached and as text."""

import re
from collections.abc import Callable

from sqlalchemy import Connection

from license_core.reason import Reason
from license_server.actor import Actor
from license_server.catalog.customers import LANGUAGES
from license_server.db.errors import InputInvalidError
from license_server.http.path_params import row_id
from license_server.licenses import issuing
from license_server.licenses.errors import LicenseStateError
from license_server.licenses.license_store import StoredLicense
from license_server.mail import addresses, mail_servers, outbox, outgoing
from license_server.mail.errors import MailOffError
from license_server.mail.outbox import Draft
from license_server.mail.outbox_store import Mail
from license_server.requests import finding, handling
from license_server.requests.message_store import RECEIVED
from license_server.requests.request_store import StoredRequest
from license_server.settings import ServerSettings
from license_server.site import Random, Site
from license_server.web import delivery
from license_server.web.reader import catalogue

Answers = Callable[[Connection, StoredLicense, StoredRequest, Actor, int], Mail]
_USUAL_LANGUAGE = "en"
_ANSWERS = re.compile(r"(re|aw|sv|回复|答复)\s*[:：]", re.IGNORECASE)


def request_of(connection: Connection, typed: str, number: str, actor: Actor) -> StoredRequest:
    """The request whose id was given. Raises NotFoundError unless licence *number* answers it."""
    return handling.answered_with(connection, row_id(typed, "request"), number, actor)


def draft(
    stored: StoredLicense,
    seen: delivery.Known,
    vendor: str,
    language: str | None = None,
    asked: StoredRequest | None = None,
) -> tuple[Draft, str]:
    """The mail with *stored* to the contact of its customer, in their language; and its letter.

    *asked*: to the sender of this request in place of that.
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
    (letter,) = delivery.letters_about(stored, seen, vendor, [of])
    told = catalogue(of).gettext("The licence file as text, in case the attachment is missing:")
    file = issuing.file_of(stored).decode("utf-8")
    made = Draft(
        contact,
        _answering(asked.subject) if asked and asked.subject else letter.subject,
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


def _answering(subject: str) -> str:
    return subject if _ANSWERS.match(subject) else f"Re: {subject}"


def _thread(connection: Connection, asked: StoredRequest | None) -> tuple[str, ...]:
    """The ids of the mails before, the last of which is answered; none where it was no mail."""
    if asked is None or asked.message_id is None:
        return ()
    texts = finding.conversation(connection, asked)
    came = [one.message_id for one in texts if one.kind == RECEIVED and one.message_id]
    return tuple(dict.fromkeys([*(asked.thread or "").split(), asked.message_id, *came]))


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
    made, letter = draft(stored, seen, vendor, language, asked)
    made = made._replace(thread=_thread(connection, asked), automatic=automatic)
    mail = queue(connection, settings, made, actor, now, random)
    if asked is not None:
        handling.sent(connection, asked, letter, mail.message_id, actor, now)
    return mail


def queue(
    connection: Connection,
    settings: ServerSettings,
    made: Draft,
    actor: Actor,
    now: int,
    random: Random,
) -> Mail:
    """Queue a mail that was drafted. Raises MailOffError, and as outbox.queue does."""
    if not settings.sends_mail:
        raise MailOffError
    id_ = outgoing.new_id(random(16), mail_servers.sender(settings))
    return outbox.queue(connection, made, actor, now, id_)


def answers(site: Callable[[], Site]) -> Answers | None:
    """What mails licences to who asked, where no person does; None: this server sends no mail."""
    if not site().settings.sends_mail:
        return None

    def answer(
        connection: Connection, stored: StoredLicense, asked: StoredRequest, by: Actor, now: int
    ) -> Mail:
        here = site()
        vendor, rest = here.issuer.name, (by, now, here.random)
        return send(connection, here.settings, stored, vendor, *rest, asked=asked, automatic=True)

    return answer
