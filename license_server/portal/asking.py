"""What a customer asks for in the portal: all of it waits in the queue, and a person answers it.

The same asked twice is one request. It joins only what was asked in the portal for the same
customer, and what comes in another way joins none of these: whose a mail is, is only supposed, and
nobody is told whether somebody else has asked for the same host, or has a licence there.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection

from license_core.claims import ClaimError
from license_core.errors import NotFoundError, RateLimitedError
from license_core.reason import Reason
from license_server.catalog.faults import Faults
from license_server.catalog.fields import clean_text, present
from license_server.db.errors import InputInvalidError
from license_server.licenses import license_store, planning, symptoms
from license_server.licenses.license_store import StoredLicense
from license_server.mail import addresses
from license_server.portal import portal_store, viewing
from license_server.portal.portal_store import Filed
from license_server.portal.viewing import SeenRequest
from license_server.portal.visits import Visit
from license_server.requests import filing, incoming, request_store
from license_server.requests.incoming import PORTAL, Received
from license_server.requests.reading import Reading
from license_server.requests.request_store import StoredRequest
from license_server.requests.wishes import LICENSE, MOVE, RENEWAL, RETURN, TRIAL, WISHES

OF_LICENSE = frozenset({RENEWAL, MOVE})
"""Those that are about a licence of theirs."""
MEMBERS = ("text", "wish", "product", "license", "sender_address")
MOST_OPEN = 200
"""So many requests of a customer wait that were filed in the portal; then no more are taken."""
_TRY_AGAIN = 3600


class Wanted(NamedTuple):
    """What somebody asks for, as far as it can be read without the ledger."""

    wish: str
    text: str
    product: str | None
    license: str | None
    sender_address: str | None


class Ready(NamedTuple):
    """What is to be filed, as it was read outside of the one writer."""

    wanted: Wanted
    received: Received
    meaning: Reading


class Done(NamedTuple):
    """What was filed."""

    request: SeenRequest
    is_new: bool
    """Whether it is in the queue because of this; else it was sent before."""


def read(members: Mapping[str, Any]) -> Wanted:
    """What *members* of a body or a form say. Raises InputInvalidError, with every fault."""
    faults = Faults()
    told = Reason("there is no such field; the fields are {allowed}", allowed=", ".join(MEMBERS))
    faults.refuse_others(members, MEMBERS, told)
    given = present(members)
    wish = faults.read("wish", _wish, given) or LICENSE
    text = faults.read("text", read_text, given) or ""
    product, number = (
        faults.read(name, clean_text, given, name, longest)
        for name, longest in (("product", 64), ("license", 32))
    )
    sender = faults.read("sender_address", _address, given)
    if not text and wish != RENEWAL and "text" not in faults:
        faults.refuse("text", "it is missing")
    if wish in OF_LICENSE and number is None and "license" not in faults:
        faults.refuse("license", "it is missing")
    if wish == TRIAL and product is None and "product" not in faults:
        faults.refuse("product", "it is missing")
    faults.check()
    return Wanted(wish, text, product, number, sender)


def _wish(given: Mapping[str, Any]) -> str | None:
    value = given.get("wish")
    if value is not None and value not in WISHES:
        raise ClaimError("wish", Reason("it is not one of {allowed}", allowed=", ".join(WISHES)))
    return value


def read_text(given: Mapping[str, Any]) -> str | None:
    """The ``text`` that was *given*; None: there is none, or nothing to see in it."""
    value = given.get("text")
    if value is None or (isinstance(value, str) and incoming.is_blank(value)):
        return None
    if not isinstance(value, str):
        raise ClaimError("text", "it is not a text")
    if len(value) > incoming.MOST:
        most = Reason("it is longer than {most:# character|# characters}", most=incoming.MOST)
        raise ClaimError("text", most)
    return value


def _address(given: Mapping[str, Any]) -> str | None:
    value = clean_text(given, "sender_address")
    if value is not None and not addresses.is_address(value):
        raise ClaimError("sender_address", "it is not the address of a mailbox")
    return value


def prepare(
    connection: Connection, visit: Visit, wanted: Wanted, now: int, language: str | None = None
) -> Ready:
    """*wanted* as it can be filed for *visit*; *language*: that of the answer.

    It takes far longer than to write it down. Raises InputInvalidError, NotFoundError.
    """
    about = _about(connection, visit, wanted)
    product = about.product if about else _product(connection, visit, wanted)
    text = wanted.text
    if about is not None and about.number not in text:
        text = f"{about.number}\n\n{text}".strip()
    received = Received(
        PORTAL,
        text,
        customer=visit.customer.name,
        product=product,
        sender_address=wanted.sender_address or visit.mailbox,
        language=visit.customer.language or language,
        about=about.number if about else None,
        customers=visit.ids,
    )
    meaning = filing.read(connection, visit.actor, received, now)
    if wanted.wish == MOVE:
        _check_elsewhere(connection, about, meaning)
    number = about.number if about else None
    return Ready(wanted._replace(license=number, product=product), received, meaning)


def _about(connection: Connection, visit: Visit, wanted: Wanted) -> StoredLicense | None:
    number = wanted.license
    if number is None:
        return _given_back(connection, visit, wanted)
    try:
        return viewing.license_of(connection, visit, number)
    except NotFoundError as error:
        reason = Reason("you have no licence {number}", number=number)
        raise InputInvalidError(field="license", reason=reason) from error


def _given_back(connection: Connection, visit: Visit, wanted: Wanted) -> StoredLicense | None:
    """The one licence of theirs that a text gives back, which the desk checks.

    It is what ``license-cli return`` printed, or words that name the licence.
    """
    if wanted.wish != RETURN:
        return None
    said = symptoms.read(wanted.text)
    numbers = (said.returned.number,) if said.returned else said.numbers
    found = license_store.by_numbers(connection, numbers)
    theirs = [one for one in found if viewing.may_see(visit, one)]
    return theirs[0] if len({one.line for one in theirs}) == 1 else None


def _check_elsewhere(connection: Connection, about: StoredLicense | None, meaning: Reading) -> None:
    """Raise InputInvalidError where a licence is to move to the host that it is for."""
    asked = meaning.asked
    if about is None or asked is None:
        return
    (newest,) = license_store.newest_of_line(connection, about.line, 1)
    if newest.state == "active" and not planning.is_elsewhere(newest, asked):
        reason = Reason(
            "it is the host that {number} is for already: nothing is to be moved",
            number=newest.number,
        )
        raise InputInvalidError(field="text", reason=reason)


def _product(connection: Connection, visit: Visit, wanted: Wanted) -> str | None:
    """The product that is asked for; None: it is to be found in the text."""
    found = viewing.offered(connection, visit)
    if wanted.wish == TRIAL:
        found = viewing.with_trial(found)
    names = [one.name for one in found]
    if wanted.product is None:
        if visit.link.of is not None and len(names) != 1:
            raise InputInvalidError(field="product", reason="it is missing")
        return names[0] if len(names) == 1 else None
    if wanted.product not in names:
        reason = Reason("it is not one of {allowed}", allowed=", ".join(names) or "–")
        raise InputInvalidError(field="product", reason=reason)
    return wanted.product


def submit(connection: Connection, visit: Visit, ready: Ready, now: int) -> Done:
    """File what is *ready*, in this transaction.

    Raises RateLimitedError, and as filing.file does.
    """
    open_before = portal_store.count_open(connection, visit.ids)
    received = ready.received._replace(scope=_scope(connection, visit, ready))
    answered = _answered(connection, visit, ready)
    filed = filing.file(connection, visit.actor, received, now, ready.meaning, answered)
    if filed.is_new and open_before >= MOST_OPEN:
        limit = Reason("{count} requests that wait", count=MOST_OPEN)
        raise RateLimitedError(seconds=_TRY_AGAIN, limit=limit)
    if portal_store.filed(connection, filed.request.id) is None:
        wanted, link = ready.wanted, visit.link
        kept = Filed(filed.request.id, visit.customer.id, link.id, now, wanted.wish, wanted.license)
        portal_store.add_request(connection, kept)
    return Done(viewing.request_of(connection, visit, filed.request.id), filed.is_new)


def _scope(connection: Connection, visit: Visit, ready: Ready) -> str:
    """What sets a request apart from those of others: the customer's row, and what is wished.

    That of a customer who was merged into this one, where theirs waits.
    """
    scopes = [scope(id_, ready.wanted.wish, ready.wanted.license) for id_ in visit.ids]
    for one in scopes:
        scoped = ready.received._replace(scope=one)
        key = filing.open_key(scoped, ready.meaning, _meant(ready))
        if request_store.by_open_key(connection, key) is not None:
            return one
    return scopes[0]


def scope(customer_id: int, wish: str, number: str | None) -> str:
    """The scope of what a customer's row wishes, of the licence of this *number*."""
    return f"{customer_id} {wish} {number or ''}"


def _answered(connection: Connection, visit: Visit, ready: Ready) -> StoredRequest | None:
    """The same that was wished for the host before, and was issued."""
    asked, wanted = ready.meaning.asked, ready.wanted
    if asked is None:
        return None
    return portal_store.answered(
        connection, visit.ids, asked.key, _meant(ready), wanted.wish, wanted.license
    )


def _meant(ready: Ready) -> str | None:
    """The product, as far as it is known."""
    product = ready.meaning.matched.product
    return product.value if product else None
