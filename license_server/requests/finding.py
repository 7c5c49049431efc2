"""Finds a request, for who may see it."""

from typing import NamedTuple

from sqlalchemy import Connection

from license_core.errors import NotFoundError
from license_server.actor import Actor
from license_server.db.errors import or_not_found
from license_server.db.questions import Questions, ask_all
from license_server.licenses import symptoms
from license_server.requests import message_store, reading, request_store
from license_server.requests.incoming import Received
from license_server.requests.message_store import RECEIVED, Message
from license_server.requests.reading import Reading
from license_server.requests.request_store import StoredRequest


def may_see(stored: StoredRequest, actor: Actor) -> bool:
    """Whether *actor* may see it; who is for some products only sees none of an unknown one."""
    return actor.products is None or stored.product in actor.products


def seen(connection: Connection, id_: int, actor: Actor) -> StoredRequest:
    """The request of this number, if *actor* may see it. Raises NotFoundError."""
    stored = or_not_found(request_store.by_id(connection, id_), what="request", name=str(id_))
    if not may_see(stored, actor):
        raise NotFoundError(what="request", name=str(id_))
    return stored


def read(
    connection: Connection,
    stored: StoredRequest,
    conversation: list[Message],
    actor: Actor,
    now: int,
) -> Reading:
    """What a request means now, for *actor*; *conversation*: what was written about it."""
    received = [one.text for one in conversation if one.kind == RECEIVED]
    came = Received(
        stored.source,
        _telling(received) or stored.host or "",
        host=stored.host,
        customer=stored.customer,
        product=stored.product,
        sender_address=stored.sender_address,
        subject=stored.subject,
        about=stored.about,
    )
    return reading.read(connection, came, actor, now)


def _telling(texts: list[str]) -> str | None:
    """The text that tells of a licence or of a client's trouble: the first, else the newest."""
    if not texts:
        return None
    first, *later = texts
    told = (one for one in (first, *reversed(later)) if symptoms.read(one).tells)
    return next(told, first)


class Others(NamedTuple):
    """The requests that have to do with one, as far as somebody may see them."""

    thread: list[StoredRequest]
    """Those before and after it in its thread."""
    beside: list[StoredRequest]
    """Those that wait for the same host: what is asked in the portal and what is asked elsewhere
    are never one request."""


def others(connection: Connection, stored: StoredRequest, actor: Actor) -> Others:
    """The requests that have to do with *stored*, as far as *actor* may see them."""
    asked: Questions = {
        "thread": request_store.around_in_thread(stored),
        "beside": request_store.waiting_for_host(stored),
    }
    found = ask_all(connection, asked).values()
    return Others(*([one for one in some if may_see(one, actor)] for some in found))


def conversation(connection: Connection, stored: StoredRequest) -> list[Message]:
    """What was written about a request, the oldest first; nothing, once it is forgotten."""
    return message_store.of_request(connection, stored.id)
