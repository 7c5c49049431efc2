"""The thread of a mail: which requests it speaks of, and whether it is one more text of one.

A mail names those before it (RFC 5322 section 3.6.4), ours too. Anybody can name one: so only a
mail from the address of a request, or from a domain that a customer says is theirs, as that of the
request is, goes into its conversation: no list of mail providers tells all domains of strangers.
What another writes, or what is about another host, is a request of its own, and is linked. Into a
request of the customer portal goes only what its customer mails: the address there is anybody's
word.
"""

from typing import NamedTuple

from sqlalchemy import Connection

from license_server.catalog import domain_store
from license_server.catalog.catalog_store import Customer
from license_server.db.questions import ask
from license_server.requests import clue_store, matching, request_store
from license_server.requests.incoming import PORTAL, Received
from license_server.requests.request_store import StoredRequest

_MOST = 100
"""So many of the mails before it count."""


class Thread(NamedTuple):
    """What a mail belongs to."""

    joins: StoredRequest | None = None
    """The open request whose conversation it goes on with."""
    follows: int | None = None
    """The newest request of the thread."""


def of(connection: Connection, came: Received, host_key: str | None) -> Thread:
    """What came in belongs to; *host_key*: the host that it names, if it names one."""
    before = (came.thread or "").split()[-_MOST:]
    if came.source != "mail" or not before:
        return Thread()
    found, sender = request_store.of_thread(connection, before), came.sender_address
    own = _customers(connection, sender)
    joined = [
        one
        for one in found
        if _takes(one, host_key) and _is_of_same_people(connection, one.sender_address, sender, own)
    ]
    if any(one.source == PORTAL for one in joined):
        known = _known(connection, sender, own)
        joined = [one for one in joined if one.source != PORTAL or known == {one.customer}]
    same_host = [one for one in joined if one.host_key == host_key]
    return Thread(next(iter(same_host or joined), None), found[0].id if found else None)


def is_of_its_people(connection: Connection, before: StoredRequest, came: Received) -> bool:
    """Whether what *came* about the same host may be one more time what was asked *before*.

    Not where its sender is somebody else: neither the same address, nor of the same customer as
    that, or of the request's. What has no sender, somebody of ours filed.
    """
    sender = came.sender_address
    if not sender:
        return True
    own = _customers(connection, sender)
    if _is_of_same_people(connection, before.sender_address, sender, own):
        return True
    return before.customer is not None and before.customer in _known(connection, sender, own)


def _takes(one: StoredRequest, host_key: str | None) -> bool:
    """Whether a request is open, and a mail about this host can be about it."""
    if not one.is_open:
        return False
    waits_for_host = one.host_key is None and one.state == "new"
    return host_key is None or one.host_key == host_key or waits_for_host


def _is_of_same_people(
    connection: Connection, former: str | None, sender: str | None, own: list[Customer]
) -> bool:
    """Whether both addresses are one, or of domains of one customer; *own*: of the sender's."""
    if not former or not sender:
        return False
    if former.lower() == sender.lower():
        return True
    ids = {one.id for one in own}
    return bool(ids) and any(one.id in ids for one in _customers(connection, former))


def _customers(connection: Connection, address: str | None) -> list[Customer]:
    """Those who say that they write from its domain."""
    domain = matching.domain_of(address)
    return domain_store.customers_with(connection, domain) if domain else []


def _known(connection: Connection, sender: str | None, own: list[Customer]) -> set[str]:
    """Every customer whom an address may be of; *own*: those who say that its domain is theirs."""
    domain = matching.domain_of(sender)
    names = ask(connection, clue_store.customers_of_address(sender, None)) if sender else []
    names += ask(connection, clue_store.customers_of_domain(domain, None)) if domain else []
    return {*names, *(one.name for one in own)}
