"""The hash chain: each event hashed with all before it (SPEC section 11.1).

An act writes its event without a place in the chain, so no act waits for another. A linker puts
events into the chain once they are committed, in the order in which it finds them. One links at a
time; where another is at it already, there is nothing to do.
"""

import hashlib
from typing import Any

from sqlalchemy import Connection

from license_core import b64url, strictjson
from license_server.audit import audit_store, digests, seals
from license_server.audit.audit_store import Event

GENESIS = bytes(32)
"""What stands before the first link."""
_MEMBERS = (*("id", "at", "actor", "address", "action", "subject", "reason", "details", "rows"),)
"""Of an event, in this order: all but its place in the chain, and what its seals are made of."""
BATCH = 500
"""The most events that are linked in one transaction."""


def canonical(event: Event) -> bytes:
    """The text of *event* that is hashed: all but its place in the chain.

    Of one that has seals, these stand for its words. Raises ValueError where it is no event's.
    """
    if not seals.is_sealed(event):
        return strictjson.dumps(_members(event))
    bare = {"id": event.id, "at": event.at, "action": event.action}
    return strictjson.dumps(bare | {"seals": seals.of(event)})


def told(event: Event) -> bytes:
    """*event* as an export has it: its words, and what their seals are made of."""
    members = _members(event)
    if seals.is_sealed(event):
        erased = event.erased and strictjson.loads(event.erased.encode("utf-8"))
        members |= {"salt": digests.plain(event.salt), "erased": erased}
    return strictjson.dumps(members)


def _members(event: Event) -> dict[str, Any]:
    return {name: digests.plain(getattr(event, name)) for name in _MEMBERS}


def link(previous: bytes, event: Event) -> bytes:
    """The chain's hash up to and with *event*; *previous* is the one before it."""
    return hashlib.sha256(previous + canonical(event)).digest()


def exported(event: Event) -> bytes:
    """An event of the chain as a line of JSON that can be rechecked without a database."""
    link_ = b64url.encode(bytes(event.link or b""))
    head = f'{{"position":{event.position},"link":"{link_}","event":'
    return head.encode("ascii") + told(event) + b"}\n"


def read(line: bytes) -> Event:
    """The event in a *line* of an export. Raises ValueError, TypeError or KeyError."""
    told = strictjson.loads(line)
    members = told["event"]
    salt, erased = members.get("salt"), members.get("erased")
    return Event(
        **{name: members[name] for name in _MEMBERS},
        position=told["position"],
        link=b64url.decode(told["link"]),
        salt=None if salt is None else b64url.decode(salt),
        erased=None if erased is None else strictjson.dumps(erased).decode("utf-8"),
    )


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
