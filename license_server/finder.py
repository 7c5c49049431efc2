"""Finds anything by any part of it, for one page.

Customers, products, licences, proposals and requests.
"""

import re
from typing import NamedTuple

from sqlalchemy import Connection

from license_server.actor import Actor
from license_server.audit import audit_store
from license_server.audit.audit_store import Event, EventFilter
from license_server.catalog import customers, row_store
from license_server.catalog.catalog_store import Customer, Product
from license_server.db.questions import Question, Questions, ask_all, known
from license_server.finding.texts import Kind, fold
from license_server.finding.words import Words
from license_server.licenses import license_store, proposal_store, typed_text
from license_server.licenses.license_store import StoredLicense
from license_server.licenses.proposal_store import Proposal
from license_server.licenses.search import Filter, Search
from license_server.licenses.typed_text import Typed
from license_server.requests import request_store
from license_server.requests.request_store import StoredRequest

MOST = 20
"""So many of a kind are listed; the lists have the others."""
_REQUEST_NUMBER = re.compile(r"(?:request|授权请求)?[\s#/]*([0-9]{1,18})", re.IGNORECASE)
_MOST_EVENTS = 200
"""Among so many events those are looked for that have what was typed."""


class Found(NamedTuple):
    """What has what was typed, at most MOST of a kind."""

    licenses: list[StoredLicense]
    """Those that have it in one piece first; each time the newest first."""
    more: bool
    """Whether there may be more licences."""
    said: dict[str, list[Event]]
    """Of these licences, by number: the notes and reasons that have it."""
    customers: list[Customer]
    products: list[Product]
    proposals: list[Proposal]
    requests: list[StoredRequest]
    """The newest first; one whose number was typed before all others."""


NOTHING = Found([], False, {}, [], [], [], [])


def find(connection: Connection, typed: str, actor: Actor, now: int) -> Found:
    """What *actor* may see of what has *typed*, at the instant *now*.

    Who is for some products only finds customers by nothing but their names, and no request of a
    product that nobody knows; who may not read requests finds none. Raises
    InputInvalidError for a telephone code that was misheard.
    """
    typed = typed.strip()
    typed_text.check(typed, "q")
    each = typed_text.folded_words(typed)
    if not each:
        return NOTHING
    of = actor.products
    having = Typed(connection, [*each, fold(typed)])
    found, more = _licenses(having, typed, of, now)
    host = typed_text.host_of(typed)
    ways = [[host.key], [fold(host.name)]] if host else [each]
    others: Questions = {
        "customers": known([]) if host else customers.some_with_all(having, each, actor, MOST),
        "products": _products(having, each, of),
        "proposals": _proposals(having, each, of),
    }
    answers = ask_all(connection, {**others, **_requests(having, typed, ways, actor)})
    told = {name: answers.pop(name) for name in others}
    requests: dict[int, StoredRequest] = {}
    for some in answers.values():
        requests |= {one.id: one for one in some if one.id not in requests}
    return Found(
        licenses=found,
        more=more,
        said=_said(connection, found, each),
        requests=list(requests.values())[:MOST],
        **told,
    )


def _licenses(
    having: Typed, typed: str, of: frozenset[str] | None, now: int
) -> tuple[list[StoredLicense], bool]:
    """The licences, and whether there may be more."""
    ways = [typed] if typed_text.is_one(typed) else [f'"{typed}"', typed]
    ids: list[int] = []
    more = False
    for way in ways:
        if len(ids) >= MOST:
            more = True
            break
        wanted = Filter(text=way, products=of)
        # What has the words in one piece was found by the first way.
        search = Search(having.connection, wanted, now, having, some=True, as_whole=False)
        found = search.found(None, MOST, patient=True)
        ids = list(dict.fromkeys([*ids, *found.ids]))
        more = found.below is not None or search.some or len(ids) > MOST
    return license_store.by_ids(having.connection, ids[:MOST]), more


def _said(
    connection: Connection, found: list[StoredLicense], each: list[str]
) -> dict[str, list[Event]]:
    numbers = [one.number for one in found]
    if not numbers:
        return {}
    wanted = EventFilter(subjects=numbers)
    said: dict[str, list[Event]] = {}
    for event in audit_store.events(connection, wanted, before=None, limit=_MOST_EVENTS):
        text = fold(event.reason or "")
        if any(one in text for one in (*each, "".join(each)) if len(one) > 1 or len(each) == 1):
            said.setdefault(event.subject, []).append(event)
    return said


def _products(having: Words, each: list[str], of: frozenset[str] | None) -> Question[list[Product]]:
    ids, _ = having.some_with_all((Kind.PRODUCT,), each)
    return row_store.products_by_ids(ids, of, MOST) if ids else known([])


def _proposals(
    having: Words, each: list[str], of: frozenset[str] | None
) -> Question[list[Proposal]]:
    ids, _ = having.some_with_all((Kind.PROPOSAL,), each)
    return proposal_store.by_ids(ids, of, MOST) if ids else known([])


def _requests(having: Words, typed: str, ways: list[list[str]], actor: Actor) -> Questions:
    """For the one of the number that was typed, then those that have all words of each way."""
    if "requests:read" not in actor.permissions:
        return {}
    number = _REQUEST_NUMBER.fullmatch(typed)
    each = [[int(number[1])]] if number else []
    of_requests = (Kind.REQUEST, Kind.CONVERSATION)
    each += [having.some_with_all(of_requests, words)[0] for words in ways if all(words)]
    return {
        f"requests {at}": request_store.by_ids(ids, actor.products, MOST)
        for at, ids in enumerate(each)
        if ids
    }
