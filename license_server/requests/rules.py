"""Which requests are answered without a person: their product says so, and nothing is in doubt.

The sender's domain belongs to one customer, and the receiving server vouches for it (ADR 42).
Whatever is not as plain as that waits for a person, and says why.
"""

from typing import NamedTuple

from sqlalchemy import Connection

from license_server import actor
from license_server.actor import Actor
from license_server.catalog import catalog_store, domain_store, locks, products
from license_server.catalog.catalog_store import Customer, Product
from license_server.db.questions import ask
from license_server.licenses.acts import PLAN, REASON
from license_server.licenses.planning import ActRequest
from license_server.requests import answering, clue_store, finding, matching, request_store
from license_server.requests.reading import Reading
from license_server.requests.request_store import StoredRequest

WHYS = (
    *("asked-again", "customer-unknown", "customer-in-doubt", "product-in-doubt", "off"),
    *("host-of-another", "has-licence", "earlier-licence", "says-more", "too-many", "refused"),
    request_store.RESTORED,
)
"""Why a request waits for a person; ``refused``: the order is one that nobody may place."""
_PLAINLY = (matching.REQUEST, matching.NUMBER, matching.HOST)
"""By what a product is named, and not guessed."""
_DAY = 86400


class WaitsError(Exception):
    """The request waits for a person."""

    def __init__(self, why: str) -> None:
        """*why*: one of WHYS."""
        super().__init__(why)
        self.why = why


class Answer(NamedTuple):
    """What is to be done for a request."""

    request: StoredRequest
    act: ActRequest
    actor: Actor
    customer: Customer
    product: Product


def answer(connection: Connection, id_: int, now: int) -> Answer | None:
    """What answers a request that is due; None: somebody has dealt with it. Raises WaitsError."""
    stored = request_store.by_id(connection, id_)
    if stored is None or stored.state != "new" or stored.rule != request_store.DUE:
        return None
    customer = _customer(connection, stored)
    conversation = finding.conversation(connection, stored)
    read = finding.read(connection, stored, conversation, actor.COMMAND, now)
    product = _product(connection, read)
    by = actor.by_rule(product.name)
    _check_plain(connection, stored, read, customer)
    given = {REASON: f"request {stored.id}"}
    if read.earlier is None:
        members = {**given, PLAN: product.mail_plan, "customer": customer.name}
        act = answering.first(connection, stored, read, members, rules=products.rules(product))
    elif product.mail_moves and _has_drifted(read):
        act = answering.moving(stored, read, given)
    else:
        raise WaitsError("earlier-licence")
    return Answer(stored, act, by, customer, product)


def check(connection: Connection, wanted: Answer, now: int) -> None:
    """Raise WaitsError unless all is as it was, and the customer had not too many today.

    In the transaction of the act: until its commit nobody issues to this customer by rule.
    """
    locks.whole(connection, (wanted.customer.id,))
    present = catalog_store.product_by_name(connection, wanted.product.name)
    if present is None or present.mail_plan != wanted.product.mail_plan:
        raise WaitsError("off")
    if _customer(connection, wanted.request).id != wanted.customer.id:
        raise WaitsError("customer-unknown")
    daily = present.mail_daily or products.DAILY
    had = request_store.count_by_rule(connection, wanted.customer.name, now - _DAY)
    if had >= daily:
        raise WaitsError("too-many")


def _customer(connection: Connection, stored: StoredRequest) -> Customer:
    """The one customer who writes mail from the sender's domain."""
    domain = stored.authenticated or ""
    found = domain_store.customers_with(connection, domain)
    found = [one for one in found if one.archived_at is None]
    if len(found) != 1 or (stored.sender_address or "").rpartition("@")[2].lower() != domain:
        raise WaitsError("customer-unknown")
    return found[0]


def _product(connection: Connection, read: Reading) -> Product:
    """The product that the request names, or the only one that there is."""
    clue = read.matched.product
    product = catalog_store.product_by_name(connection, clue.value) if clue else None
    if clue is None or product is None:
        raise WaitsError("product-in-doubt")
    if product.mail_plan is None:
        raise WaitsError("off")
    if clue.by not in _PLAINLY and ask(connection, clue_store.all_products()) != [product.name]:
        raise WaitsError("product-in-doubt")
    return product


def _has_drifted(read: Reading) -> bool:
    """Whether it is the machine and the container of the earlier licence, as its tags show."""
    change = read.change
    return read.may_move and change is not None and change.may_recur and not change.is_reported


def _check_plain(
    connection: Connection, stored: StoredRequest, read: Reading, customer: Customer
) -> None:
    """Raise WaitsError where anything is in doubt, or asks for something else."""
    if stored.repeats:
        raise WaitsError("asked-again")
    matched = read.matched.customer
    named = {one.value for one in (matched, *read.matched.doubts) if one is not None}
    if named != {customer.name}:
        raise WaitsError("customer-in-doubt")
    said = read.diagnosis.symptoms
    if read.asked is None or said.problems or said.returned is not None:
        raise WaitsError("says-more")
    if read.here is not None:
        raise WaitsError("has-licence")
    if clue_store.customers_of_host(connection, read.asked.key) - {customer.id}:
        raise WaitsError("host-of-another")
