"""Finds a request, for who may see it."""

from sqlalchemy import Connection

from license_core.errors import NotFoundError
from license_server.actor import Actor
from license_server.db.errors import or_not_found
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


def thread(connection: Connection, stored: StoredRequest, actor: Actor) -> list[StoredRequest]:
    """The requests before and after it in its thread, as far as *actor* may see them."""
    former = None if stored.follows is None else request_store.by_id(connection, stored.follows)
    found = [*([former] if former else []), *request_store.following(connection, stored.id)]
    return [one for one in found if may_see(one, actor)]


def beside(connection: Connection, stored: StoredRequest, actor: Actor) -> list[StoredRequest]:
    """The others that wait for the same host, as far as *actor* may see them.

    What is asked in the portal and what is asked elsewhere are never one request.
    """
    found = request_store.waiting_for_host(connection, stored)
    return [one for one in found if may_see(one, actor)]


def conversation(connection: Connection, stored: StoredRequest) -> list[Message]:
    """What was written about a request, the oldest first; nothing, once it is forgotten."""
    return message_store.of_request(connection, stored.id)
