"""The hash chain: each event hashed with all before it (SPEC section 11.1).

An act writes its event without a place in the chain, so no act waits for another. A linker puts
events into the chain once they are committed, in the order in which it finds them. One links at a
time; where another is at it already, there is nothing to do.
"""

import hashlib

from sqlalchemy import Connection

from license_core import b64url, strictjson
from license_server.audit import audit_store, digests
from license_server.audit.audit_store import Event

GENESIS = bytes(32)
"""What stands before the first link."""
BATCH = 500
"""The most events that are linked in one transaction."""


def canonical(event: Event) -> bytes:
    """The text of *event* that is hashed: all but its place in the chain."""
    members = {
        "id": event.id,
        "at": event.at,
        "actor": event.actor,
        "address": event.address,
        "action": event.action,
        "subject": event.subject,
        "reason": event.reason,
        "details": event.details,
        "rows": event.rows,
    }
    return strictjson.dumps({name: digests.plain(value) for name, value in members.items()})


def link(previous: bytes, event: Event) -> bytes:
    """The chain's hash up to and with *event*; *previous* is the one before it."""
    return hashlib.sha256(previous + canonical(event)).digest()


def exported(event: Event) -> bytes:
    """An event of the chain as a line of JSON that can be rechecked without a database."""
    link_ = b64url.encode(bytes(event.link or b""))
    head = f'{{"position":{event.position},"link":"{link_}","event":'
    return head.encode("ascii") + canonical(event) + b"}\n"


def extend(connection: Connection, *, wait: bool = False) -> int:
    """Put at most BATCH events into the chain; how many there were.

    0 where another process extends it, unless told to *wait* for its turn.
    """
    if not audit_store.hold_chain(connection, wait=wait):
        return 0
    position, hash_ = audit_store.last_linked(connection) or (0, GENESIS)
    links = []
    for event in audit_store.unlinked(connection, BATCH):
        position, hash_ = position + 1, link(hash_, event)
        links.append((event.id, position, hash_))
    if links:
        audit_store.set_link(connection, links)
    return len(links)
