"""What a visit sees: the licences of its customer, and the requests with what became of them.

Of a licence what its letter tells. Of requests, those that were filed in the portal, and those that
a licence of the customer answers; of what was written about them the replies, and no note. Whatever
is of another customer, or of a product that the link does not open, does not exist here.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from license_core.errors import NotFoundError
from license_server.catalog import catalog_store, plans
from license_server.catalog.catalog_store import Product
from license_server.licenses import license_store, lookup
from license_server.licenses.license_store import StoredLicense
from license_server.portal import portal_store
from license_server.portal.portal_store import Asked
from license_server.portal.visits import Visit
from license_server.requests import message_store
from license_server.requests.incoming import PORTAL
from license_server.requests.message_store import RECEIVED, REPLY, Message
from license_server.requests.request_store import REPLIED

PAGE = 50
"""So many licences are shown at once, and so many requests at all."""
OPEN, ISSUED, REFUSED, EXPIRED = "open", "issued", "refused", "expired"
STATES = (OPEN, ISSUED, REFUSED, EXPIRED)
"""What becomes of a request, as the customer is told."""


class SeenRequest(NamedTuple):
    """A request as its customer sees it."""

    id: int
    wish: str | None
    """One of wishes.WISHES; None: it was not filed in the portal."""
    state: str
    """One of STATES."""
    received_at: int
    closed_at: int | None
    product: str | None
    host_name: str | None
    about: str | None
    """The number of the licence that it is about."""
    is_theirs: bool
    """Whether it was filed in the portal, so that more can be written about it there."""
    is_replied: bool
    """Whether it is open, and the vendor wrote last."""
    license: StoredLicense | None
    """The licence that answers it, or the newest of those that replaced that one."""
    near: StoredLicense | None = None
    """The licence of the customer whose host key was perhaps mistyped in a request that waits."""
    messages: tuple[Message, ...] = ()
    """What was written here, and the replies."""


class LicensePage(NamedTuple):
    """Some licences, and the id under which to go on; None: that was all."""

    rows: list[StoredLicense]
    below: int | None


def licenses_of(
    connection: Connection, visit: Visit, before: int | None = None, host_key: str | None = None
) -> LicensePage:
    """The licences of the customer that none has replaced, the newest first."""
    found = portal_store.licenses_of(
        connection, visit.ids, visit.link.of, host_key=host_key, before=before, limit=PAGE + 1
    )
    return LicensePage(found[:PAGE], found[PAGE - 1].id if len(found) > PAGE else None)


def license_of(connection: Connection, visit: Visit, number: str) -> StoredLicense:
    """The licence of this number. Raises NotFoundError."""
    stored = license_store.by_number(connection, number) if number.isascii() else None
    if stored is None or not may_see(visit, stored):
        raise NotFoundError(what="licence", name=number[:64])
    return stored


def may_see(visit: Visit, stored: StoredLicense) -> bool:
    """Whether a licence is of the customer, and of a product that the link opens."""
    return stored.customer_id in visit.ids and visit.actor.may_use(stored.product)


def is_for_use(stored: StoredLicense) -> bool:
    """Whether somebody is to install it: none has replaced it, and it was not ended."""
    return stored.state == "active"


def for_use(connection: Connection, visit: Visit, number: str) -> StoredLicense:
    """The licence of this number, if its file is to be installed. Raises NotFoundError."""
    stored = license_of(connection, visit, number)
    if not is_for_use(stored):
        raise NotFoundError(what="licence to install", name=number[:64])
    return stored


def request_of(connection: Connection, visit: Visit, id_: int) -> SeenRequest:
    """The request of this number, with its replies. Raises NotFoundError."""
    found = portal_store.asked(connection, visit.ids, id_)
    seen = [] if found is None else _all_seen(connection, visit, [found])
    if found is None or not seen:
        raise NotFoundError(what="request", name=str(id_))
    texts = _messages(connection, visit, found)
    return seen[0]._replace(near=_near(connection, visit, found, seen[0]), messages=texts)


def _near(
    connection: Connection, visit: Visit, found: Asked, seen: SeenRequest
) -> StoredLicense | None:
    key = found.request.host_key
    if key is None or seen.state != OPEN or not seen.is_theirs:
        return None
    if licenses_of(connection, visit, host_key=key).rows:
        return None
    return lookup.near(connection, visit.ids, key, visit.link.of)


def requests_of(connection: Connection, visit: Visit) -> list[SeenRequest]:
    """The newest requests of the customer, without what was written about them."""
    return _all_seen(connection, visit, portal_store.all_asked(connection, visit.ids, PAGE))


class _Known(NamedTuple):
    """What the ledger has of some requests."""

    answers: dict[str, StoredLicense]
    """The licences that answer them, by number."""
    newest: dict[str, StoredLicense]
    """The newest of each lineage of these."""
    products: frozenset[str]
    """Those that may be told: a text may name any."""


def _all_seen(connection: Connection, visit: Visit, asked: Sequence[Asked]) -> list[SeenRequest]:
    """What is seen of requests; of those of a product that the link does not open, nothing."""
    numbers = [one.request.license for one in asked if one.request.license is not None]
    answers = license_store.by_numbers(connection, numbers)
    newest = license_store.newest_of_lines(connection, [one.line for one in answers])
    known = _Known(
        {one.number: one for one in answers},
        {one.line: one for one in newest},
        frozenset(one.name for one in offered(connection, visit)),
    )
    seen = (_seen(visit, one, known) for one in asked)
    return [one for one in seen if one is not None]


def _seen(visit: Visit, asked: Asked, known: _Known) -> SeenRequest | None:
    """What is seen of a request; None: it is of a product that the link does not open."""
    stored, filed = asked.request, asked.filed
    theirs = filed is not None and filed.customer_id in visit.ids
    answer = known.answers.get(stored.license or "")
    if answer is not None and not may_see(visit, answer):
        if not theirs or not visit.actor.may_use(answer.product):
            return None
        answer = None  # a person let another customer's answer it
    if answer is None and visit.link.of is not None and stored.product not in visit.link.of:
        return None
    product = stored.product if stored.product in known.products else None
    return SeenRequest(
        id=stored.id,
        wish=filed.wish if filed is not None and theirs else None,
        state=OPEN if stored.is_open else stored.state,
        received_at=stored.received_at,
        closed_at=stored.closed_at,
        product=answer.product if answer else product,
        host_name=stored.host_name,
        about=filed.license if filed is not None and theirs else None,
        is_theirs=theirs and stored.source == PORTAL,
        is_replied=theirs and stored.standing == REPLIED,
        license=None if answer is None else _newest(visit, answer, known),
    )


def _newest(visit: Visit, answer: StoredLicense, known: _Known) -> StoredLicense:
    newest = known.newest[answer.line]
    return newest if may_see(visit, newest) else answer


def _messages(connection: Connection, visit: Visit, asked: Asked) -> tuple[Message, ...]:
    """What was written in the portal, and what was replied.

    Of what came in another way nothing: whoever wrote that is answered, too.
    """
    filed = asked.filed
    if filed is None or filed.customer_id not in visit.ids or asked.request.source != PORTAL:
        return ()
    found = message_store.of_request(connection, asked.request.id)
    return tuple(
        one
        for one in found
        if one.at >= filed.filed_at
        and (one.kind == REPLY or (one.kind == RECEIVED and one.message_id is None))
    )


def offered(connection: Connection, visit: Visit) -> list[Product]:
    """The products that may be asked for: those that the link names, else the customer's.

    Where there are none of these, and the vendor has one product, that one. Others are not told:
    what a vendor makes for somebody else may be called after them.
    """
    if visit.link.of is not None:
        found = list(catalog_store.products_by_name(connection, visit.link.of).values())
    else:
        found = portal_store.products_of(connection, visit.ids)
        if not found:
            every = catalog_store.products_after(connection, None, 2, archived=False)
            found = every if len(every) == 1 else []
    in_use = (one for one in found if one.archived_at is None)
    return sorted(in_use, key=lambda one: one.name)


def with_trial(products: list[Product]) -> list[Product]:
    """Those of *products* that have a plan that is a trial."""
    return [
        product
        for product in products
        if any(plan.trial and not plan.archived for plan in plans.of(product).values())
    ]
