"""Writes mails: in the thread of what they answer, and queued with their act."""

import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from license_server.access.secrets import Random
from license_server.actor import Actor
from license_server.catalog import catalog_store
from license_server.db.errors import InputInvalidError
from license_server.mail import addresses, mail_servers, outbox, outgoing
from license_server.mail.errors import MailOffError
from license_server.mail.outbox import Draft
from license_server.mail.outbox_store import Mail
from license_server.requests import finding, handling
from license_server.requests.filing import PERMISSION
from license_server.requests.message_store import RECEIVED, Message, SentMail
from license_server.requests.request_store import StoredRequest
from license_server.settings import ServerSettings

_ANSWERS = re.compile(r"(re|aw|sv|回复|答复)\s*[:：]", re.IGNORECASE)
_SUBJECTS = {"en": "Your request {id}", "zh": "您的请求 {id}"}
"""Of a mail about a request that has no subject."""


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


def thread(connection: Connection, asked: StoredRequest | None) -> tuple[str, ...]:
    """The ids of the mails before, the last of which is answered; none where it was no mail."""
    if asked is None or asked.message_id is None:
        return ()
    texts = finding.conversation(connection, asked)
    came = [one.message_id for one in texts if one.kind == RECEIVED and one.message_id]
    return tuple(dict.fromkeys([*(asked.thread or "").split(), asked.message_id, *came]))


def answering(subject: str) -> str:
    """The subject of a mail that answers one with that *subject*."""
    return subject if _ANSWERS.match(subject) else f"Re: {subject}"


def reply(
    connection: Connection,
    settings: ServerSettings,
    id_: int,
    members: Mapping[str, Any],
    actor: Actor,
    now: int,
    random: Random,
) -> Message:
    """Mail the ``text`` in *members* to who sent a request, and keep it in the conversation.

    Raises NotPermittedError, NotFoundError, MailOffError, InputInvalidError.
    """
    actor.need(PERMISSION)
    asked = finding.seen(connection, id_, actor)
    text = handling.read_text(members)
    if not settings.sends_mail:
        raise MailOffError
    if asked.sender_address is None or not addresses.is_address(asked.sender_address):
        reason = "the request has no address to answer to"
        raise InputInvalidError(field="mail", reason=reason)
    draft = Draft(
        asked.sender_address,
        _subject(connection, asked),
        text,
        asked.sender_name,
        product=asked.product,
        thread=thread(connection, asked),
    )
    mail = queue(connection, settings, draft, actor, now, random)
    kept = handling.sent(connection, asked, text, mail.message_id, actor, now)
    return kept._replace(mail=SentMail(mail.id, mail.state, mail.answer))


def _subject(connection: Connection, asked: StoredRequest) -> str:
    if asked.subject:
        return answering(asked.subject)
    customer = catalog_store.customer_called(connection, asked.customer) if asked.customer else None
    language = (customer.language if customer else None) or asked.language
    return _SUBJECTS.get(language or "en", _SUBJECTS["en"]).format(id=asked.id)
