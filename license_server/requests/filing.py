"""Files what came in: a new request, or one more time the one that there is.

No two open requests share an ``open_key``: the licence that a return text gives back, else the host
and the product, or where there is no host the sender and the text; and the scope. So the same thing
asked twice, on two servers at the same instant too, is one row in the queue, and what is asked in
two scopes stays apart. Sent again once it was dealt with, the very same text gives what came of it.
"""

import hashlib
from typing import NamedTuple

from sqlalchemy import Connection

from license_core.errors import Notice
from license_core.reason import Reason
from license_server.actor import Actor
from license_server.catalog import customers
from license_server.db.errors import InputInvalidError
from license_server.licenses import license_store
from license_server.licenses.notices import OrderNotice
from license_server.requests import (
    incoming,
    message_store,
    reading,
    recording,
    request_store,
    states,
    threads,
)
from license_server.requests.incoming import Received
from license_server.requests.reading import Reading
from license_server.requests.request_store import StoredRequest

PERMISSION = "requests:write"
MOST_RECEIVED = 50
"""So many texts of one request are kept; those after them are only counted."""


class Filed(NamedTuple):
    """What was filed."""

    request: StoredRequest
    is_new: bool
    """Whether it is in the queue because of this; else it was sent before."""
    notices: tuple[Notice, ...] = ()
    """What is there already."""


def read(connection: Connection, actor: Actor, received: Received, now: int) -> Reading:
    """What was *received* means, for *actor*: it takes far longer than to write it down.

    Raises InputInvalidError.
    """
    return reading.read(connection, incoming.checked(received), actor, now)


def file(
    connection: Connection,
    actor: Actor,
    received: Received,
    now: int,
    meaning: Reading | None = None,
    answered: StoredRequest | None = None,
) -> Filed:
    """File what was *received*, in this transaction.

    *meaning*: what ``read`` gave, outside of the one writer; None: it is read here. *answered*: the
    issued request of its scope that has its host.

    Raises NotPermittedError, InputInvalidError, NotFoundError where the customer is being erased,
    and IntegrityError where another process files the same at this instant: done again
    (``Site.write``, ``Site.once``), it joins that one.
    """
    actor.need(PERMISSION, received.product)
    if received.customer is not None:
        customers.check_kept(connection, received.customer)
    came = incoming.checked(received)
    meaning = meaning or read(connection, actor, came, now)
    product = meaning.matched.product.value if meaning.matched.product else None
    if actor.products is not None and product is None:
        reason = Reason("it is missing, and {name} is for some products only", name=actor.name)
        raise InputInvalidError(field="product", reason=reason)
    before = _before(connection, came, meaning, product, answered)
    if before is not None and _is_of_another(connection, before, came):
        came = came._replace(scope=f"sender {(came.sender_address or '').lower()}")
        before = _before(connection, came, meaning, product, None)
    if before is not None:
        return _again(connection, before, came, now)
    thread = threads.of(connection, came, meaning.asked.key if meaning.asked else None)
    if thread.joins is not None:
        told = _completed(connection, thread.joins, actor, came, meaning, now)
        return _again(connection, told, came, now)
    added = _add(connection, actor, came, meaning, product, now, thread.follows)
    return Filed(added, is_new=True)


def _is_of_another(connection: Connection, before: StoredRequest, came: Received) -> bool:
    """Whether *came* is of somebody else, who is not told what is asked for the same host."""
    return came.scope is None and not threads.is_of_its_people(connection, before, came)


def _before(
    connection: Connection,
    came: Received,
    meaning: Reading,
    product: str | None,
    answered: StoredRequest | None,
) -> StoredRequest | None:
    """The request that this is once more."""
    key = meaning.asked.key if meaning.asked else None
    if came.message_id is not None:
        sender = came.sender_address
        same_mail = request_store.of_mail(connection, came.message_id, sender, key)
        if same_mail is not None:
            return same_mail
    found = request_store.by_open_key(connection, open_key(came, meaning, product))
    if found is not None or key is None:
        return found
    issued = answered
    if came.scope is None:
        issued = request_store.of_host(connection, key, product, "issued", but=incoming.PORTAL)
    if issued is None or not message_store.has(connection, issued.id, came.text):
        return None
    stored = license_store.by_number(connection, issued.license or "")
    return issued if stored is not None and stored.state == "active" else None


def write_on(
    connection: Connection,
    before: StoredRequest,
    actor: Actor,
    received: Received,
    meaning: Reading,
    now: int,
) -> Filed:
    """Keep what was *received* in the conversation of an open request, as its next text.

    With the host that it names, where the request has none yet. The same text twice is one. Raises
    NotPermittedError, and InputInvalidError where the request is closed or has so many texts.
    """
    actor.need(PERMISSION, before.product)
    came = incoming.checked(received)
    if not before.is_open:
        told = Reason("request {id} was dealt with meanwhile", id=before.id)
        raise InputInvalidError(field="text", reason=told)
    if message_store.has(connection, before.id, came.text):
        return Filed(before, is_new=False)
    if message_store.count_received(connection, before.id) >= MOST_RECEIVED:
        told = Reason("request {id} has {count} texts already", id=before.id, count=MOST_RECEIVED)
        raise InputInvalidError(field="text", reason=told)
    completed = _completed(connection, before, actor, came, meaning, now)
    return _again(connection, completed, came, now)._replace(is_new=True)


def _again(connection: Connection, before: StoredRequest, came: Received, now: int) -> Filed:
    """Count that it was sent again, and keep what is new in it."""
    is_new = before.is_open and not message_store.has(connection, before.id, came.text)
    if is_new and message_store.count_received(connection, before.id) < MOST_RECEIVED:
        author = came.sender_address
        kind = message_store.RECEIVED
        message_store.add(connection, before.id, now, kind, author, came.text, came.message_id)
    counted = request_store.repeated(connection, before.id, now)
    if counted.license is not None:
        notice = OrderNotice("request-answered", id=before.id, number=counted.license)
    else:
        notice = OrderNotice("request-filed-before", id=before.id, state=states.told(before))
    return Filed(counted, is_new=False, notices=(notice,))


def _completed(
    connection: Connection,
    before: StoredRequest,
    actor: Actor,
    came: Received,
    meaning: Reading,
    now: int,
) -> StoredRequest:
    """*before*, with the host that it had not, if a later text names one."""
    asked = meaning.asked
    if asked is None or before.host_key is not None:
        return before
    if before.source == incoming.PORTAL != came.source:
        return before  # in the portal, what is asked for is what was asked there
    matched = meaning.matched
    product = before.product or (matched.product.value if matched.product else None)
    key = open_key(came, meaning, product)
    if request_store.by_open_key(connection, key) is not None:
        return before  # that host waits in another request
    completed = request_store.change(
        connection,
        before.id,
        ("new",),
        open_key=key,
        customer=before.customer or (matched.customer.value if matched.customer else None),
        product=product,
        host=meaning.host,
        host_key=asked.key,
        host_name=asked.name,
        earlier=before.earlier or (meaning.earlier.number if meaning.earlier else None),
    )
    if completed is None:
        return before
    recording.record(connection, completed, actor, "request.completed", now, source=came.source)
    return completed


def _add(
    connection: Connection,
    actor: Actor,
    came: Received,
    meaning: Reading,
    product: str | None,
    now: int,
    follows: int | None,
) -> StoredRequest:
    asked, customer = meaning.asked, meaning.matched.customer
    key = asked.key if asked else None
    stored = request_store.add(
        connection,
        source=came.source,
        received_at=now,
        state="new",
        open_key=open_key(came, meaning, product),
        customer=customer.value if customer else None,
        product=product,
        host=meaning.host,
        host_key=key,
        host_name=asked.name if asked else None,
        earlier=meaning.earlier.number if meaning.earlier else None,
        sender_name=came.sender_name,
        sender_address=came.sender_address,
        language=came.language,
        subject=came.subject,
        message_id=came.message_id,
        thread=came.thread,
        follows=follows,
        authenticated=came.authenticated,
        rule=_rule(came) if key else None,
    )
    kind, author = message_store.RECEIVED, came.sender_address
    message_store.add(connection, stored.id, now, kind, author, came.text, came.message_id)
    recording.record(connection, stored, actor, "request.filed", now, source=stored.source)
    return stored


def _rule(came: Received) -> str | None:
    """Whether what came, with a host, may be answered without a person (rules.py)."""
    if not came.authenticated or not came.is_alone:
        return None
    return request_store.RESTORED if came.was_there else request_store.DUE


def open_key(came: Received, meaning: Reading, product: str | None) -> str:
    """What no two open requests share."""
    returned = meaning.diagnosis.symptoms.returned
    if returned is not None:
        what = f"return\n{returned.number}"
    elif meaning.asked is not None:
        what = f"host\n{meaning.asked.key}\n{product or ''}"
    else:
        what = f"text\n{(came.sender_address or '').lower()}\n{came.text}"
    if came.scope is not None:
        what = f"scope\n{came.scope}\n{what}"
    return hashlib.sha256(what.encode("utf-8", "replace")).hexdigest()
