"""Stored links into the portal, sessions in it, and which requests were filed there."""

from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, delete, func, insert, or_, select

from license_core import strictjson
from license_server.catalog.catalog_store import Customer, Product
from license_server.db.among import among
from license_server.db.once import once
from license_server.db.portal_tables import portal_links, portal_requests, portal_sessions
from license_server.db.request_tables import requests
from license_server.db.tables import customers, licenses, products
from license_server.licenses import license_store
from license_server.licenses.license_store import StoredLicense
from license_server.requests import clue_store, request_store
from license_server.requests.incoming import PORTAL
from license_server.requests.request_store import StoredRequest

INVITATION, ONE_TIME = "invitation", "one-time"
KINDS = (INVITATION, ONE_TIME)


class StoredLink(NamedTuple):
    """A link into the portal, without its secret."""

    id: int
    secret_hash: bytes
    kind: str
    """One of KINDS: one is used as often as one likes until it expires, the other once."""
    customer_id: int
    label: str | None
    """What it is for, as the vendor's people call it."""
    products: str | None
    """JSON: those that it opens; None: all that the customer has licences for."""
    created_at: int
    created_by: str
    expires_at: int
    withdrawn_at: int | None
    mail: int | None
    """The mail that brings it; None: somebody hands it over."""
    uses: int
    used_at: int | None

    @property
    def of(self) -> frozenset[str] | None:
        """The products that it opens; None: all that the customer has licences for."""
        if self.products is None:
            return None
        return frozenset(strictjson.loads(self.products.encode("utf-8")))


class Filed(NamedTuple):
    """A request that was filed in the portal."""

    request_id: int
    customer_id: int
    link_id: int
    filed_at: int
    wish: str
    """One of wishes.WISHES."""
    license: str | None
    """The number of the licence that it is about."""


def add_link(connection: Connection, **values: Any) -> StoredLink:
    """Store a link."""
    query = insert(portal_links).returning(*portal_links.c)
    return StoredLink(*connection.execute(query, values).one())


def link_by_secret(connection: Connection, secret_hash: bytes) -> StoredLink | None:
    """The link whose secret has this hash."""
    return _link(connection, select(portal_links).where(portal_links.c.secret_hash == secret_hash))


def link_by_id(connection: Connection, id_: int) -> StoredLink | None:
    """The link in this row."""
    return _link(connection, select(portal_links).where(portal_links.c.id == id_))


def link_of_mail(connection: Connection, mail: int) -> StoredLink | None:
    """The link that a mail brings."""
    return _link(connection, select(portal_links).where(portal_links.c.mail == mail))


def _link(connection: Connection, query: Select[Any]) -> StoredLink | None:
    row = connection.execute(query).first()
    return None if row is None else StoredLink(*row)


def links_of(connection: Connection, ids: Collection[int], limit: int) -> list[StoredLink]:
    """At most *limit* links of these customers, the newest first."""
    query = (
        select(portal_links)
        .where(among(portal_links.c.customer_id, ids))
        .order_by(portal_links.c.id.desc())
    )
    return [StoredLink(*row) for row in connection.execute(query.limit(limit))]


def valid_links(
    connection: Connection,
    now: int,
    *,
    kind: str | None = None,
    ids: Collection[int] | None = None,
) -> list[StoredLink]:
    """The links that still let somebody in, of a *kind* or of these customers, the oldest first."""
    query = select(portal_links).where(
        portal_links.c.withdrawn_at.is_(None),
        portal_links.c.expires_at > now,
        or_(portal_links.c.kind == INVITATION, portal_links.c.uses == 0),
    )
    if kind is not None:
        query = query.where(portal_links.c.kind == kind)
    if ids is not None:
        query = query.where(among(portal_links.c.customer_id, ids))
    return [StoredLink(*row) for row in connection.execute(query.order_by(portal_links.c.id))]


def use(connection: Connection, link: StoredLink, now: int) -> StoredLink | None:
    """Count that a link is used; None: it is a one-time link, and somebody was first."""
    query = portal_links.update().where(
        portal_links.c.id == link.id, portal_links.c.withdrawn_at.is_(None)
    )
    if link.kind == ONE_TIME:
        query = query.where(portal_links.c.uses == 0)
    counted = query.values(uses=portal_links.c.uses + 1, used_at=now)
    row = connection.execute(counted.returning(*portal_links.c)).first()
    return None if row is None else StoredLink(*row)


def withdraw(connection: Connection, id_: int, now: int) -> StoredLink | None:
    """Withdraw a link, and end the sessions that it opened; None: it was withdrawn before."""
    query = portal_links.update().where(
        portal_links.c.id == id_, portal_links.c.withdrawn_at.is_(None)
    )
    row = connection.execute(query.values(withdrawn_at=now).returning(*portal_links.c)).first()
    connection.execute(delete(portal_sessions).where(portal_sessions.c.link_id == id_))
    return None if row is None else StoredLink(*row)


# Sessions


def add_session(
    connection: Connection, id_hash: bytes, link_id: int, now: int, expires_at: int
) -> None:
    """Store a session; those that are over are forgotten."""
    connection.execute(delete(portal_sessions).where(portal_sessions.c.expires_at <= now))
    values = {
        "id_hash": id_hash,
        "link_id": link_id,
        "created_at": now,
        "expires_at": expires_at,
    }
    connection.execute(insert(portal_sessions), values)


def session_link(connection: Connection, id_hash: bytes, now: int) -> StoredLink | None:
    """The link by which the session was opened that has this hash, and is not over."""
    query = (
        select(portal_links)
        .join(portal_sessions, portal_sessions.c.link_id == portal_links.c.id)
        .where(portal_sessions.c.id_hash == id_hash, portal_sessions.c.expires_at > now)
    )
    return _link(connection, query)


def end_session(connection: Connection, id_hash: bytes) -> None:
    """Forget a session."""
    connection.execute(delete(portal_sessions).where(portal_sessions.c.id_hash == id_hash))


def end_sessions(connection: Connection, ids: Collection[int]) -> None:
    """Forget the sessions of these customers."""
    theirs = select(portal_links.c.id).where(among(portal_links.c.customer_id, ids))
    connection.execute(delete(portal_sessions).where(portal_sessions.c.link_id.in_(theirs)))


# Requests


def add_request(connection: Connection, filed: Filed) -> None:
    """Keep that a request was filed in the portal."""
    connection.execute(insert(portal_requests), filed._asdict())


def filed(connection: Connection, request_id: int) -> Filed | None:
    """What is kept of a request that was filed in the portal."""
    query = select(portal_requests).where(portal_requests.c.request_id == request_id)
    row = connection.execute(query).first()
    return None if row is None else Filed(*row)


class Asked(NamedTuple):
    """A request, and what the portal keeps of it; None: it was not filed there."""

    request: StoredRequest
    filed: Filed | None


_WIDTH = len(StoredRequest._fields)
_ASKED = request_store.ALL.add_columns(*portal_requests.c)


def _theirs(ids: Collection[int]) -> Any:
    """What was filed in the portal for one of these customers, or answered with their licence."""
    answered = (
        select(licenses.c.number)
        .where(licenses.c.number == requests.c.license, among(licenses.c.customer_id, ids))
        .exists()
    )
    return or_(among(portal_requests.c.customer_id, ids), answered)


def asked(connection: Connection, ids: Collection[int], id_: int) -> Asked | None:
    """The request of this number, if it is of one of these customers."""
    row = connection.execute(_ASKED.where(requests.c.id == id_, _theirs(ids))).first()
    return None if row is None else _asked(row)


def all_asked(connection: Connection, ids: Collection[int], limit: int) -> list[Asked]:
    """At most *limit* requests of these customers, the newest first."""
    filed_ = select(portal_requests.c.request_id).where(among(portal_requests.c.customer_id, ids))
    newest = (
        select(licenses.c.number)
        .where(among(licenses.c.customer_id, ids))
        .order_by(licenses.c.id.desc())
        .limit(limit)
    )
    query = _ASKED.where(or_(requests.c.id.in_(filed_), requests.c.license.in_(newest)))
    rows = connection.execute(query.order_by(requests.c.id.desc()).limit(limit))
    return [_asked(row) for row in rows]


def _asked(row: Any) -> Asked:
    request, kept = tuple(row[:_WIDTH]), tuple(row[_WIDTH:])
    return Asked(StoredRequest(*request), None if kept[0] is None else Filed(*kept))


def answered(
    connection: Connection,
    ids: Collection[int],
    host_key: str,
    product: str | None,
    wish: str,
    about: str | None,
) -> StoredRequest | None:
    """The newest issued request for a host that was filed in the portal for these customers.

    *about*: the number of the licence that it is about.
    """
    query = request_store.ALL.where(
        requests.c.host_key == host_key,
        requests.c.product.is_not_distinct_from(product),
        requests.c.state == "issued",
        requests.c.source == PORTAL,
        among(portal_requests.c.customer_id, ids),
        portal_requests.c.wish == wish,
        portal_requests.c.license.is_not_distinct_from(about),
    )
    row = connection.execute(query.order_by(requests.c.id.desc()).limit(1)).first()
    return None if row is None else StoredRequest(*row)


def count_open(connection: Connection, ids: Collection[int]) -> int:
    """How many requests that were filed in the portal for these customers are open."""
    query = (
        select(func.count())
        .select_from(portal_requests)
        .join(requests, requests.c.id == portal_requests.c.request_id)
        .where(among(portal_requests.c.customer_id, ids), requests.c.open_key.is_not(None))
    )
    found: int = connection.execute(query).scalar_one()
    return found


# What a customer has


def customers_of_contact(connection: Connection, address: str, limit: int) -> list[Customer]:
    """At most *limit* customers whose contact has this address; none that is archived."""
    query = select(customers).where(clue_store.have_address(address)).order_by(customers.c.id)
    rows = connection.execute(query.limit(limit))
    return [Customer(*row) for row in rows]


def licenses_of(
    connection: Connection,
    ids: Collection[int],
    of: Collection[str] | None,
    *,
    host_key: str | None = None,
    before: int | None = None,
    limit: int,
) -> list[StoredLicense]:
    """At most *limit* licences of these customers that none has replaced, the newest first.

    *of*: of these products only; *before*: those with an id under it.
    """
    query = select(licenses.c.id).where(
        among(licenses.c.customer_id, ids), licenses.c.state != "replaced"
    )
    if of is not None:
        query = query.join(products, products.c.id == licenses.c.product_id)
        query = query.where(products.c.name.in_(sorted(of)))
    if host_key is not None:
        query = query.where(licenses.c.host_key == host_key)
    if before is not None:
        query = query.where(licenses.c.id < before)
    return license_store.of_query(connection, query.order_by(licenses.c.id.desc()).limit(limit))


@once
def products_of(connection: Connection, ids: tuple[int, ...]) -> list[Product]:
    """The products that these customers have, or had, licences for."""
    theirs = select(licenses.c.product_id).where(among(licenses.c.customer_id, ids))
    return [
        Product(*row)
        for row in connection.execute(select(products).where(products.c.id.in_(theirs)))
    ]
