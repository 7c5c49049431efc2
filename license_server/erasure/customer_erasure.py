"""Erases a customer: what is known of it, in rows, events, mails, and what finds it.

It is begun in one transaction, which says who wants it and why; from then on the customer takes no
licences and its links lead nowhere. The rest is done a batch at a time, each with an event that
binds what is left, so a customer of any size can be erased while others work. Whoever was stopped
goes on: the customer keeps its name until all else is done.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from sqlalchemy import Connection

from license_core.errors import NotFoundError
from license_core.reason import Reason
from license_server.actor import Actor
from license_server.audit import audit_store, digests, events
from license_server.audit.events import Row
from license_server.catalog import (
    catalog_store,
    customer_names,
    customers,
    former_name_store,
    locks,
)
from license_server.catalog.catalog_store import Customer
from license_server.db import sqlite
from license_server.db.errors import InputInvalidError, or_not_found
from license_server.erasure import erasure_store, event_words, rows, traces, whose
from license_server.erasure.erasure_store import LICENSES, LINKS, MAILS, PROPOSALS, REQUESTS, Theirs
from license_server.erasure.errors import LicensesLiveError
from license_server.erasure.place import PATIENCE, START, Place
from license_server.erasure.whose import Whose
from license_server.finding import finding_store, following
from license_server.finding.texts import Kind
from license_server.licenses import license_store

PERMISSION = "customers:erase"
_BEGUN = "customer.erasure-begun"
_BATCH = 100
_FEW = 20


class Preview(NamedTuple):
    """What would be erased, and what is in the way of it."""

    customer: Customer
    names: list[str]
    """What it is called, and was."""
    counts: dict[str, int]
    """How many rows there are, by their table."""
    live: list[str]
    """The first of its licences that are in force."""
    undecided: int
    """How many requests and proposals have a name of its own that may mean another customer."""


def preview(connection: Connection, id_: int, actor: Actor, now: int) -> Preview:
    """What it would mean to erase the customer in this row.

    Raises NotPermittedError or NotFoundError.
    """
    actor.need(PERMISSION)
    of = whose.of(connection, _customer(connection, id_))
    tables = (LICENSES, REQUESTS, MAILS, PROPOSALS, LINKS)
    counts = erasure_store.counts(connection, tables, _theirs(of))
    live = erasure_store.live_numbers(connection, of.ids, now, _FEW)
    undecided = erasure_store.undecided(connection, _theirs(of))
    return Preview(of.customer, sorted(of.names), counts, live, undecided)


def begin(
    connection: Connection, id_: int, actor: Actor, now: int, reason: str, *, live: bool
) -> Customer:
    """Begin to erase the customer in this row; *live*: although it has licences in force.

    Raises NotPermittedError, NotFoundError or LicensesLiveError.
    """
    actor.need(PERMISSION)
    locks.whole(connection, [id_])
    customer = _customer(connection, id_)
    if customer.erased_at is not None:
        return customer
    of = whose.of(connection, customer)
    valid = erasure_store.live_numbers(connection, of.ids, now, 1)
    if valid and not live:
        raise LicensesLiveError(customer=customer.name, number=valid[0])
    customer = catalog_store.change_customer(
        connection, id_, erased_at=now, archived_at=customer.archived_at or now
    )
    left = ("customers", customer._asdict())
    events.record(
        connection,
        now,
        actor,
        "customer.erasure-begun",
        of.erased_name,
        rows=[left],
        reason=reason,
    )
    return customer


def go_on(connection: Connection, id_: int, actor: Actor, now: int, place: Place) -> Place | None:
    """Erase some more of a customer whose erasure was begun; where to go on. None: it is done."""
    customer = catalog_store.customer_by_id(connection, id_)
    if customer is None or customer.erased_at is None:
        return None
    if not is_unfinished(customer) and not erasure_store.has_licenses(connection, id_):
        return None
    locks.whole(connection, [id_])
    work = _Work(connection, whose.of(connection, customer), actor, now)
    if STAGES[place.stage] == "customer" and work.is_more():
        return START
    last = work.do(place)
    if last is not None:
        return place._replace(after=last)
    return Place(place.stage + 1, 0) if place.stage + 1 < len(STAGES) else None


STAGES = (MAILS, REQUESTS, PROPOSALS, LINKS, LICENSES, "events", "since", "customer")
"""In this order: mails are told by the senders of requests, and all by the customer's names.

Last it is looked again for what was written meanwhile."""
_FINDS = {
    REQUESTS: (Kind.REQUEST, Kind.CONVERSATION),
    PROPOSALS: (Kind.PROPOSAL,),
    LICENSES: (Kind.LICENCE,),
}


def unfinished(connection: Connection, now: int) -> list[int]:
    """The customers whose erasure was begun a while before *now*, and is not done."""
    return [
        id_
        for id_, name in erasure_store.begun(connection, now - PATIENCE)
        if name != customer_names.of_erased(id_) or erasure_store.has_licenses(connection, id_)
    ]


def begun(connection: Connection) -> list[audit_store.Event]:
    """The events that say whose erasure was begun, by whom and why; the oldest first."""
    return audit_store.every(connection, audit_store.EventFilter(action=_BEGUN))


def find(connection: Connection, name: str) -> int:
    """The customer of this *name*, or of this number: ``#7``, or as it is called once erased.

    Raises NotFoundError, or InputInvalidError where that is the name of one, the number of another.
    """
    id_ = _id_in(name)
    numbered = None if id_ is None else catalog_store.customer_by_id(connection, id_)
    named = catalog_store.customer_by_name(connection, name)
    if numbered is not None and named is not None and numbered.id != named.id:
        reason = Reason(
            "{name} is the name of customer #{id}, and the number of another",
            name=name,
            id=named.id,
        )
        raise InputInvalidError(field="name", reason=reason)
    found = named or numbered
    return customers.find(connection, name).id if found is None else found.id


def _id_in(name: str) -> int | None:
    digits = name.removeprefix("#").partition(",")[0]
    is_number = name.startswith("#") and digits.isascii() and digits.isdigit() and len(digits) < 19
    return int(digits) if is_number and name in (f"#{digits}", f"#{digits}, erased") else None


def is_unfinished(customer: Customer) -> bool:
    """Whether not all is done of an erasure that was begun."""
    return customer.erased_at is not None and customer.name != customer_names.of_erased(customer.id)


def _customer(connection: Connection, id_: int) -> Customer:
    found = or_not_found(
        catalog_store.customer_by_id(connection, id_), what="customer", name=str(id_)
    )
    if found.merged_into is not None:
        raise NotFoundError(what="customer", name=found.name)
    return found


def _theirs(of: Whose) -> Theirs:
    return Theirs(of.ids, of.own_names, of.shared, of.addresses, of.erased_name, of.mailbox)


class _Work(NamedTuple):
    """A batch of an erasure."""

    connection: Connection
    of: Whose
    actor: Actor
    now: int

    def do(self, place: Place) -> int | None:
        """Do some of the stage at *place*; the id of its last row, None: that was all."""
        stage = STAGES[place.stage]
        if stage == "customer":
            self._finish()
            return None
        if stage == "events":
            return self._events(place.after)
        if stage == "since":
            self._since()
            return None
        found = erasure_store.rows(self.connection, stage, _theirs(self.of), place.after, _BATCH)
        if not found:
            return None
        self._erase(stage, found)
        return int(found[-1]["id"])

    def _erase(self, table: str, found: list[erasure_store.Row]) -> None:
        ids = [row["id"] for row in found]
        self._forget_words(_words(found))
        owners = erasure_store.digests_to_owners(self.connection, ids) if table == MAILS else set()
        left: list[Row] = []
        for row in found:
            values = self._left_of(table, row, is_to_owner=row["id"] in owners)
            left.append((table, erasure_store.change(self.connection, table, row["id"], **values)))
        for row in found:
            for kind in _FINDS.get(table, ()):
                finding_store.forget(self.connection, kind, row["id"])
        if table == REQUESTS:
            erasure_store.forget_messages(self.connection, ids)
        if table == LINKS:
            erasure_store.end_sessions(self.connection, ids)
        self._record(left, rows.subjects(table, found), table)
        finding_store.add(self.connection, following.uses(left))

    def _left_of(self, table: str, row: erasure_store.Row, *, is_to_owner: bool) -> dict[str, Any]:
        name, by = self.of.erased_name, self.actor.name
        if table == MAILS:
            return rows.of_mail(row, self.now, None if is_to_owner else self.of.mailbox)
        if table == REQUESTS:
            return rows.of_request(row, name, by, self.now)
        if table == PROPOSALS:
            return rows.of_proposal(row, name, by, self.now)
        return rows.of_link(row, self.now) if table == LINKS else rows.of_license(row, name)

    def _record(self, left: list[Row], subjects: Iterable[str], what: str) -> None:
        """Erase the words of the events of *subjects*, and bind what is left."""
        subjects = set(subjects)
        bound = [digests.name(*row) for row in left]
        instead = event_words.of_customer(self.of.names, self.of.erased_name, bound)
        told = event_words.erase_all(self.connection, subjects, instead)
        traces.empty_deliveries(self.connection, subjects, self.of, self.now)
        self._tell([*left, *told.rows], what, len(left), len(told.rows), told.unsealed)

    def _tell(self, left: list[Row], what: str, count: int, of_events: int, unsealed: int) -> None:
        more: dict[str, Any] = {"unsealed": unsealed} if unsealed else {}
        events.record(
            self.connection,
            self.now,
            self.actor,
            "customer.data-erased",
            self.of.erased_name,
            rows=left,
            what=what,
            count=count,
            events=of_events,
            **more,
        )

    def _events(self, after: int) -> int | None:
        """Those of the customer itself; a product may be called so, too."""
        named = [("customers", row) for row in self._customer_rows()]
        instead = event_words.of_customer(
            self.of.names, self.of.erased_name, [digests.name(*row) for row in named]
        )

        def theirs(event: audit_store.Event) -> dict[str, Any]:
            about = event.action.partition(".")[0]
            is_told = about in ("customer", "portal") and self.of.is_told(event)
            return instead(event) if is_told else {}

        told = event_words.erase(self.connection, self.of.names, after, theirs, _BATCH)
        if not told.last:
            return None
        traces.empty_deliveries(self.connection, self.of.names, self.of, self.now)
        self._tell([*named, *told.rows], "events", 0, len(told.rows), told.unsealed)
        return told.last

    def is_more(self) -> bool:
        """Whether rows of it were written since their stage was done."""
        theirs = _theirs(self.of)
        return any(
            erasure_store.rows(self.connection, table, theirs, 0, 1)
            for table in (MAILS, REQUESTS, PROPOSALS, LICENSES)
        )

    def _since(self) -> None:
        """What was told of its licences and requests since the erasure was begun."""
        wanted = audit_store.EventFilter(action=_BEGUN, subject=self.of.erased_name)
        begun_ = audit_store.events(self.connection, wanted, before=None, limit=1)
        after = begun_[0].id if begun_ else 0
        numbers = erasure_store.numbers(self.connection, self.of.ids)
        asked = erasure_store.requests_of(self.connection, self.of.erased_name)
        erasure_store.forget_messages(self.connection, asked)
        subjects = [*numbers, *(f"request/{one}" for one in asked)]
        told = event_words.erase_all(self.connection, subjects, self._instead([]), after)
        meant = {row["subject"] for _, row in told.rows}
        for number in meant.intersection(numbers):
            self._find_anew(number)
        traces.empty_deliveries(self.connection, meant, self.of, self.now)
        for one in (one for one in asked if f"request/{one}" in meant):
            for kind in _FINDS[REQUESTS]:
                finding_store.forget(self.connection, kind, one)
        if told.rows:
            self._tell(told.rows, "events", 0, len(told.rows), told.unsealed)

    def _find_anew(self, number: str) -> None:
        """Let a licence be found by what is left of it alone."""
        row = license_store.columns_of(self.connection, number)
        if row is not None:
            finding_store.forget(self.connection, Kind.LICENCE, row["id"])
            finding_store.add(self.connection, following.uses([(LICENSES, row)]))

    def _instead(self, bound: list[str]) -> event_words.Instead:
        return event_words.of_customer(self.of.names, self.of.erased_name, bound)

    def _customer_rows(self) -> list[erasure_store.Row]:
        return erasure_store.customer_rows(self.connection, self.of.ids)

    def _finish(self) -> None:
        """The customer's own row, and what finds it."""
        connection, of = self.connection, self.of
        sqlite.owe_scrub(connection)
        known = [of.own_names, of.addresses, *map(_of_row, self._customer_rows())]
        self._forget_words(word for words in known for word in words)
        left: list[Row] = []
        undecided = erasure_store.undecided(connection, _theirs(of))
        more: dict[str, Any] = {"undecided": undecided} if undecided else {}
        for row in self._customer_rows():
            name = of.erased_name if row["id"] == of.customer.id else row["name"]
            values = rows.of_customer(name, row["erased_at"] or self.now)
            customer = catalog_store.change_customer(connection, row["id"], **values)
            left.append(("customers", customer._asdict()))
            if row["id"] == of.customer.id:
                former_name_store.forget(connection, customer)
            for kind in (Kind.CUSTOMER, Kind.CONTACT):
                finding_store.forget(connection, kind, row["id"])
        bound = [digests.name(*row) for row in left]
        values_ = audit_store.erase_values(connection, bound)
        told = event_words.erase_all(
            connection, [of.erased_name], lambda event: event_words.rows_of(event, bound)
        )
        events.record(
            connection,
            self.now,
            self.actor,
            "customer.erased",
            of.erased_name,
            rows=[*left, *told.rows],
            values=values_,
            **more,
        )

    def _forget_words(self, words: Iterable[str]) -> None:
        traces.forget_passing(self.connection, set(words))


def _of_row(row: erasure_store.Row) -> list[str]:
    return [row[name] for name in ("contact_name", "contact_email") if row[name]]


def _words(found: Iterable[erasure_store.Row]) -> Iterator[str]:
    """By which rows may be written about elsewhere: hosts and people."""
    names = ("host_key", "host_name", "sender_address", "sender_name")
    yield from (row[name] for row in found for name in names if row.get(name))
