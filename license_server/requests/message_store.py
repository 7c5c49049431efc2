"""What was written about requests, which are found by its words while it is kept."""

from typing import NamedTuple

from sqlalchemy import Connection, and_, delete, func, insert, select

from license_server.db.mail_tables import mails
from license_server.db.request_tables import request_messages, requests
from license_server.finding import finding_store
from license_server.finding.finding_store import Use
from license_server.finding.texts import Kind

RECEIVED, NOTE, REPLY = "received", "note", "reply"
KINDS = (RECEIVED, NOTE, REPLY)
FOUND_BY = 400
"""So many characters of each text are found: what people write stands before what they quote."""
_AT_ONCE = 500


class SentMail(NamedTuple):
    """The mail by which a reply was sent, and what became of it."""

    id: int
    state: str
    """One of mail.outbox_store.STATES."""
    answer: str | None
    """What the other side said last."""


class Message(NamedTuple):
    """A text of a conversation."""

    id: int
    request_id: int
    at: int
    kind: str
    """One of KINDS: what was received; a note, for colleagues; a reply, for the operator."""
    author: str | None
    """The name of an actor; of what was received: the sender's address, where it is known."""
    text: str
    message_id: str | None = None
    """Of the mail that brought it, or by which it was sent."""
    mail: SentMail | None = None


def add(
    connection: Connection,
    request_id: int,
    at: int,
    kind: str,
    author: str | None,
    text: str,
    message_id: str | None = None,
) -> Message:
    """Store a text."""
    values = {
        "request_id": request_id,
        "at": at,
        "kind": kind,
        "author": author,
        "text": text,
        "message_id": message_id,
    }
    query = insert(request_messages).returning(*request_messages.c)
    finding_store.add(connection, [use(request_id, text)])
    return Message(*connection.execute(query, values).one())


def use(request_id: int, text: str) -> Use:
    """What a request is found by, of a text about it."""
    return Use(Kind.CONVERSATION, request_id, text[:FOUND_BY])


def of_request(connection: Connection, request_id: int) -> list[Message]:
    """The conversation about a request, the oldest text first."""
    of = request_messages.c
    query = (
        select(*of, mails.c.id.label("mail"), mails.c.state, mails.c.answer)
        .outerjoin(mails, and_(mails.c.message_id == of.message_id, of.kind == REPLY))
        .where(of.request_id == request_id)
        .order_by(of.id)
    )
    return [
        Message(*row[: len(of)])._replace(mail=row.mail and SentMail(*row[len(of) :]))
        for row in connection.execute(query)
    ]


def has(connection: Connection, request_id: int, text: str) -> bool:
    """Whether just this text was received already."""
    query = select(request_messages.c.id).where(
        request_messages.c.request_id == request_id,
        request_messages.c.kind == RECEIVED,
        request_messages.c.text == text,
    )
    return connection.execute(query.limit(1)).first() is not None


def count_received(connection: Connection, request_id: int) -> int:
    """How many texts were received for a request."""
    query = select(func.count()).where(
        request_messages.c.request_id == request_id, request_messages.c.kind == RECEIVED
    )
    found: int = connection.execute(query).scalar_one()
    return found


def forget(connection: Connection, closed_before: int) -> int:
    """Forget what was written about requests that were closed before that; how many texts.

    Of some hundred requests: who calls again goes on.
    """
    its = request_messages.c.request_id
    over = select(requests.c.id).where(requests.c.closed_at < closed_before)
    query = select(its).where(its.in_(over)).distinct().order_by(its).limit(_AT_ONCE)
    ids = list(connection.execute(query).scalars())
    for id_ in ids:
        finding_store.forget(connection, Kind.CONVERSATION, id_)
    return connection.execute(delete(request_messages).where(its.in_(ids))).rowcount
