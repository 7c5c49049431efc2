"""What a customer writes about a request that waits: the next text of its conversation.

It goes into a request that was filed in the portal for the same customer, and into no other. The
desk sees it as it sees a mail that answers one; a host that it names is the request's, where that
has none yet.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection

from license_core.errors import NotFoundError
from license_core.reason import Reason
from license_server.catalog.faults import Faults
from license_server.catalog.fields import present
from license_server.portal import asking, portal_store, viewing
from license_server.portal.asking import Done
from license_server.portal.visits import Visit
from license_server.requests import filing
from license_server.requests.incoming import PORTAL, Received
from license_server.requests.reading import Reading

MEMBERS = ("text",)


class Ready(NamedTuple):
    """What is to be written, as it was read outside of the one writer."""

    id: int
    """Of the request."""
    received: Received
    meaning: Reading


def read(members: Mapping[str, Any]) -> str:
    """The text in *members* of a body or a form. Raises InputInvalidError."""
    faults = Faults()
    told = Reason("there is no such field; the fields are {allowed}", allowed=", ".join(MEMBERS))
    faults.refuse_others(members, MEMBERS, told)
    text = faults.read("text", asking.read_text, present(members)) or ""
    if not text and "text" not in faults:
        faults.refuse("text", "it is missing")
    faults.check()
    return text


def prepare(connection: Connection, visit: Visit, id_: int, text: str, now: int) -> Ready:
    """*text* as it can be written into the request of this number.

    Raises NotFoundError for one that is not theirs, or was not filed in the portal.
    """
    asked = portal_store.asked(connection, visit.ids, id_)
    seen = viewing.request_of(connection, visit, id_)
    filed = asked.filed if asked else None
    if asked is None or filed is None or not seen.is_theirs:
        raise NotFoundError(what="request", name=str(id_))
    stored = asked.request
    received = Received(
        PORTAL,
        text,
        customer=stored.customer,
        product=stored.product,
        sender_address=visit.mailbox,
        scope=asking.scope(filed.customer_id, filed.wish, filed.license),
        customers=visit.ids,
    )
    return Ready(id_, received, filing.read(connection, visit.actor, received, now))


def submit(connection: Connection, visit: Visit, ready: Ready, now: int) -> Done:
    """Write it, in this transaction. Raises NotFoundError, and as filing.write_on does."""
    asked = portal_store.asked(connection, visit.ids, ready.id)
    if asked is None:
        raise NotFoundError(what="request", name=str(ready.id))
    stored, meaning = asked.request, ready.meaning
    done = filing.write_on(connection, stored, visit.actor, ready.received, meaning, now)
    return Done(viewing.request_of(connection, visit, ready.id), done.is_new)
