"""Links into the portal: made, listed, used and withdrawn.

A link is a secret of 256 random bits in an address. It is shown once, and stored as its SHA-256. An
invitation is used as often as one likes until it expires; a one-time link is mailed to whoever asks
for it with the address of a customer's contact, and lets one browser in.
"""

import hmac
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

from sqlalchemy import Connection

from license_core import b64url, claims, clock, strictjson
from license_core.claims import ClaimError
from license_core.errors import NotFoundError
from license_core.reason import Reason
from license_core.wording import utc
from license_server.access.secrets import SECRET_BYTES, Random, hash_of
from license_server.actor import Actor
from license_server.audit import events
from license_server.catalog import catalog_store, customers
from license_server.catalog.catalog_store import Customer
from license_server.catalog.faults import Faults
from license_server.catalog.fields import clean_text, present
from license_server.db.errors import InputInvalidError, or_not_found
from license_server.mail import outbox_store
from license_server.portal import portal_store
from license_server.portal.errors import PortalLinkOverError
from license_server.portal.portal_store import INVITATION, ONE_TIME, StoredLink
from license_server.settings import ServerSettings

MANAGE = "portal:manage"
"""The permission to make links, and to withdraw them."""
MOST_DAYS = 366
ONE_TIME_SECONDS = 30 * 60
LISTED = 200
"""So many links of a customer are listed."""
MEMBERS = ("label", "days", "products")
OPEN = "/portal/open"
"""Where a link leads."""
STATES = ("valid", "used", "expired", "withdrawn")
_LONGEST_LABEL = 200
_DAY = 86400


class Asked(NamedTuple):
    """What somebody wants of a link."""

    label: str | None
    days: int | None
    products: frozenset[str] | None


def read(members: Mapping[str, Any]) -> Asked:
    """What *members* of a body or a form say. Raises InputInvalidError, with every fault."""
    faults = Faults()
    told = Reason("there is no such field; the fields are {allowed}", allowed=", ".join(MEMBERS))
    faults.refuse_others(members, MEMBERS, told)
    given = present(members)
    label = faults.read("label", clean_text, given, "label", _LONGEST_LABEL)
    days = faults.read("days", _days, given)
    products = faults.read("products", _products, given)
    faults.check()
    return Asked(label, days, products)


def _days(given: Mapping[str, Any]) -> int | None:
    return claims.integer(given, "days", least=1, most=MOST_DAYS)


def _products(given: Mapping[str, Any]) -> frozenset[str] | None:
    if "products" not in given:
        return None
    named = given["products"]
    if not isinstance(named, list) or not named or not all(isinstance(one, str) for one in named):
        raise ClaimError("products", "it is not a list of names of products")
    return frozenset(named)


def check_on(settings: ServerSettings) -> None:
    """Raise InputInvalidError where the settings do not turn the portal on."""
    if not settings.portal:
        reason = "the customer portal is off; set it to true, and restart the server"
        raise InputInvalidError(field="LICENSE_SERVER_PORTAL", reason=reason)


def invite(
    connection: Connection,
    customer_id: int,
    asked: Asked,
    actor: Actor,
    now: int,
    random: Random,
    days: int,
) -> tuple[str, StoredLink]:
    """The secret, told this once, and the invitation; *days*: where *asked* has none.

    It opens the products that are named, which *actor* may use; else those that the customer has
    licences for, as far as the actor may see them.

    Raises NotPermittedError, NotFoundError, ArchivedError.
    """
    actor.need(MANAGE)
    customer = customers.seen(connection, customer_id, actor)
    check_open(customer)
    for one in sorted(asked.products or ()):
        product = catalog_store.product_by_name(connection, one[:64])
        if product is None or not actor.may_use(one):
            raise NotFoundError(what="product", name=one[:64])
    secret = b64url.encode(random(SECRET_BYTES))
    link = portal_store.add_link(
        connection,
        secret_hash=hash_of(secret),
        kind=INVITATION,
        customer_id=customer.id,
        label=asked.label,
        products=_kept(asked.products if asked.products is not None else actor.products),
        created_at=now,
        created_by=actor.name,
        expires_at=clock.later(now, (asked.days or days) * _DAY),
    )
    record(connection, link, customer, actor, "portal.link-made", now)
    return secret, link


def _kept(products: frozenset[str] | None) -> str | None:
    return None if products is None else strictjson.dumps(sorted(products)).decode("utf-8")


def mailed(
    connection: Connection, customer: Customer, mail: int, secret: str, actor: Actor, now: int
) -> StoredLink:
    """The one-time link with this *secret* that a *mail* brings."""
    link = portal_store.add_link(
        connection,
        secret_hash=hash_of(secret),
        kind=ONE_TIME,
        customer_id=customer.id,
        created_at=now,
        created_by=actor.name,
        expires_at=clock.later(now, ONE_TIME_SECONDS),
        mail=mail,
    )
    record(connection, link, customer, actor, "portal.link-sent", now)
    return link


def secret_of_mail(key: bytes, message_id: str) -> str:
    """The secret of the link that the mail of this id brings; *key* is no part of the database.

    It is drawn again when the mail leaves: at rest neither the link nor the mail has it.
    """
    return b64url.encode(hmac.digest(key, message_id.encode("utf-8"), "sha256"))


def check_open(customer: Customer) -> None:
    """Raise for a customer that no link leads to: one that is archived, or was merged away."""
    customers.check_live(customer)
    customers.check_in_use(customer)


def leads_to(connection: Connection, link: StoredLink) -> Customer:
    """The customer that *link* is for: of one that was merged, the one that is left."""
    found = _customer(connection, link.customer_id)
    return found if found.merged_into is None else _customer(connection, found.merged_into)


def _customer(connection: Connection, id_: int) -> Customer:
    found = catalog_store.customer_by_id(connection, id_)
    assert found is not None  # noqa: S101  # no row of a customer is ever removed
    return found


def state(link: StoredLink, now: int) -> str:
    """One of STATES."""
    if link.withdrawn_at is not None:
        return "withdrawn"
    if link.kind == ONE_TIME and link.uses:
        return "used"
    return "expired" if link.expires_at <= now else "valid"


def find(connection: Connection, secret: str, now: int) -> StoredLink:
    """The link that *secret* belongs to, which leads somewhere. Raises PortalLinkOverError."""
    found = portal_store.link_by_secret(connection, hash_of(secret))
    if found is None:
        raise PortalLinkOverError(reason=Reason("there is no such link"))
    check_valid(connection, found, now)
    return found


def check_valid(connection: Connection, link: StoredLink, now: int) -> None:
    """Raise PortalLinkOverError unless *link* leads somewhere."""
    became = state(link, now)
    if became == "withdrawn":
        raise PortalLinkOverError(reason=Reason("it was withdrawn"))
    if became == "used":
        raise PortalLinkOverError(reason=Reason("it was used, and it can be used once"))
    if became == "expired":
        when = utc(link.expires_at)
        raise PortalLinkOverError(reason=Reason("it expired at {when}", when=when))
    check_led(connection, link)


def check_led(connection: Connection, link: StoredLink) -> Customer:
    """The customer that *link* leads to, whoever came in by it and when.

    Raises PortalLinkOverError where the customer is archived; and for a one-time link, unless the
    address that it was mailed to is that of the customer's contact.
    """
    customer = leads_to(connection, link)
    if customer.archived_at is not None or not _is_contacts(connection, link, customer):
        raise PortalLinkOverError(reason=Reason("it was withdrawn"))
    return customer


def _is_contacts(connection: Connection, link: StoredLink, customer: Customer) -> bool:
    if link.kind != ONE_TIME:
        return True
    mail = None if link.mail is None else outbox_store.by_id(connection, link.mail)
    contact = customer.contact_email
    return mail is not None and contact is not None and mail.recipient.lower() == contact.lower()


def seen(connection: Connection, id_: int, actor: Actor) -> StoredLink:
    """The link of this number, if *actor* may see it. Raises NotFoundError.

    Who is for some products only sees the links that open none but these.
    """
    link = or_not_found(portal_store.link_by_id(connection, id_), what="link", name=str(id_))
    if not _may_see(link, actor):
        raise NotFoundError(what="link", name=str(id_))
    return link


def _may_see(link: StoredLink, actor: Actor) -> bool:
    return actor.products is None or (link.of is not None and link.of <= actor.products)


def listed(connection: Connection, customer_id: int, actor: Actor) -> list[StoredLink]:
    """The newest links of a customer, and of those merged into it. Raises NotFoundError."""
    actor.need("licenses:read")
    customer = customers.seen(connection, customer_id, actor)
    ids = family(connection, customer)
    return [one for one in portal_store.links_of(connection, ids, LISTED) if _may_see(one, actor)]


def family(connection: Connection, customer: Customer) -> list[int]:
    """The rows of *customer*: its own, and those of whoever was merged into it."""
    return [customer.id, *(one.id for one in catalog_store.merged_into(connection, customer.id))]


def withdraw(connection: Connection, id_: int, actor: Actor, now: int) -> StoredLink:
    """Let a link lead nowhere, and end the sessions that it opened. Done before: nothing changes.

    Raises NotPermittedError, NotFoundError.
    """
    actor.need(MANAGE)
    former = seen(connection, id_, actor)
    return _withdrawn(connection, id_, actor, now) or former


def withdraw_all(connection: Connection, customer_id: int, actor: Actor, now: int) -> None:
    """Withdraw every link of a customer, and of those merged into it. Raises as ``withdraw``."""
    actor.need(MANAGE)
    ids = family(connection, customers.seen(connection, customer_id, actor))
    for one in portal_store.valid_links(connection, now, ids=ids):
        _withdrawn(connection, one.id, actor, now)
    portal_store.end_sessions(connection, ids)


def withdraw_mailed(connection: Connection, actor: Actor, now: int) -> None:
    """Withdraw the one-time links that nobody has used, as far as the database knows."""
    for one in portal_store.valid_links(connection, now, kind=ONE_TIME):
        _withdrawn(connection, one.id, actor, now)


def _withdrawn(connection: Connection, id_: int, actor: Actor, now: int) -> StoredLink | None:
    """The link, which is withdrawn; None: it was before."""
    left = portal_store.withdraw(connection, id_, now)
    if left is not None:
        customer = leads_to(connection, left)
        record(connection, left, customer, actor, "portal.link-withdrawn", now)
    return left


def record(
    connection: Connection,
    link: StoredLink,
    customer: Customer,
    actor: Actor,
    action: str,
    now: int,
) -> None:
    """Tell the audit log what was done with a link; its label and its secret stay out of it."""
    events.record(
        connection,
        now,
        actor,
        action,
        customer.name,
        rows=[("portal_links", link._asdict())],
        link=link.id,
        kind=link.kind,
        expires_at=link.expires_at,
    )


def path(secret: str) -> str:
    """Where a link leads."""
    return f"{OPEN}?{urlencode({'secret': secret})}"
