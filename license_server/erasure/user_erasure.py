"""Erases a user of the desk: who it was that did what is not known any more; that it was done is.

It is begun in one transaction, which disables the account and says who wants it and why. The rest
is done a batch at a time, each with an event that binds what is left, as for customers
(customer_erasure.py). Whoever was stopped goes on: the account keeps its address until all else is
done.
"""

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import Connection

from license_server.access import access_store, accounts, passwords
from license_server.access.access_store import StoredUser
from license_server.actor import NOBODY, Actor
from license_server.audit import audit_store, changes, digests, events, seals
from license_server.audit.audit_store import Event, EventFilter
from license_server.audit.events import Row
from license_server.db import sqlite
from license_server.db.errors import or_not_found
from license_server.erasure import erasure_store, event_words, rows, traces, user_store
from license_server.erasure.erasure_store import LICENSES, LINKS, MAILS, PROPOSALS, REQUESTS
from license_server.erasure.naming import Naming
from license_server.erasure.place import PATIENCE, START, Place
from license_server.erasure.user_store import CUSTOMERS, MESSAGES
from license_server.finding import finding_store, following
from license_server.finding.finding_store import Use
from license_server.finding.texts import Kind
from license_server.licenses import license_store
from license_server.requests import message_store

PERMISSION = "people:erase"
STAGES = (MAILS, REQUESTS, MESSAGES, PROPOSALS, LINKS, LICENSES, CUSTOMERS, "events", "user")
"""In this order; last it is looked again for what was written meanwhile."""
_BEGUN = "user.erasure-begun"
_BATCH = 100


class Preview(NamedTuple):
    """Whom it is about, and how much there is of them."""

    user: StoredUser
    counts: dict[str, int]
    """How many rows there are that they wrote or decided, by their table."""


def find(connection: Connection, name: str) -> StoredUser:
    """The user of this address, or of this number: ``#7``, or as they are called once erased.

    Raises NotFoundError, or InputInvalidError where it is neither.
    """
    numbered = re.fullmatch(r"(?:user )?#([0-9]{1,18})(?:, erased)?", name.strip())
    if numbered is None:
        return accounts.find(connection, accounts.read_email(name))
    user = access_store.user_by_id(connection, int(numbered[1]))
    return or_not_found(user, what="user", name=f"#{numbered[1]}")


def preview(connection: Connection, id_: int, actor: Actor) -> Preview:
    """What it would mean to erase the user in this row. Raises NotPermittedError, NotFoundError."""
    actor.need(PERMISSION)
    user = accounts.by_id(connection, id_)
    of = Naming.of(user)
    tables = (LICENSES, PROPOSALS, REQUESTS, MESSAGES, MAILS, LINKS)
    return Preview(user, user_store.counts(connection, tables, of))


def begin(connection: Connection, id_: int, actor: Actor, now: int, reason: str) -> StoredUser:
    """Disable the user in this row, and begin to erase them; of one who is erased: do nothing.

    Raises NotPermittedError, NotFoundError or LastAdministratorError.
    """
    actor.need(PERMISSION)
    user = accounts.by_id(connection, id_)
    if accounts.is_erased(user):
        return user
    accounts.check_manager(connection, user, actor)
    user_store.forget_counters(connection, id_)
    user = accounts.end(connection, user, actor, now)
    if not _begun(connection, id_):
        name = accounts.erased_name(id_)
        events.record(connection, now, actor, "user.erasure-begun", name, reason=reason)
    return user


def begun(connection: Connection) -> list[Event]:
    """The events that say whose erasure was begun, by whom and why; the oldest first."""
    return audit_store.every(connection, EventFilter(action=_BEGUN))


def unfinished(connection: Connection, now: int) -> list[int]:
    """The users whose erasure was begun a while before *now*, and is not done."""
    ids = {_id_in(event.subject) for event in begun(connection) if event.at < now - PATIENCE}
    users = (access_store.user_by_id(connection, id_) for id_ in sorted(ids))
    return [user.id for user in users if user is not None and not accounts.is_erased(user)]


def go_on(connection: Connection, id_: int, actor: Actor, now: int, place: Place) -> Place | None:
    """Erase some more of a user whose erasure was begun; where to go on. None: it is done."""
    user = access_store.user_by_id(connection, id_)
    if user is None or accounts.is_erased(user) or not _begun(connection, id_):
        return None
    work = _Work(connection, Naming.of(user), actor, now)
    if STAGES[place.stage] == "user" and work.is_more():
        return START
    last = work.do(place)
    if last is not None:
        return place._replace(after=last)
    return Place(place.stage + 1, 0) if place.stage + 1 < len(STAGES) else None


def _begun(connection: Connection, id_: int) -> bool:
    wanted = EventFilter(action=_BEGUN, subject=accounts.erased_name(id_))
    return bool(audit_store.events(connection, wanted, before=None, limit=1))


def _id_in(erased_name: str) -> int:
    return int(erased_name.partition("#")[2].partition(",")[0])


def _without_provider(changed: Any) -> Any:
    """What an event says that changed of an account, without who it is to a provider."""
    if not isinstance(changed, dict) or "issuer_subject" not in changed:
        return changed
    return changed | {"issuer_subject": [None, None]}


class _Work(NamedTuple):
    """A batch of an erasure."""

    connection: Connection
    of: Naming
    actor: Actor
    now: int

    def do(self, place: Place) -> int | None:
        """Do some of the stage at *place*; the id of its last row, None: that was all."""
        stage = STAGES[place.stage]
        if stage == "user":
            self._finish()
            return None
        if stage == "events":
            return self._events(place.after)
        found = user_store.rows(self.connection, stage, self.of, place.after, _BATCH)
        if not found:
            return None
        left = [(row, values) for row in found if (values := self._instead(stage, row))]
        if stage == MESSAGES:
            self._messages(left)
        elif left:
            self._rows(stage, left)
        return int(found[-1]["id"])

    def is_more(self) -> bool:
        """Whether rows that name them were written since their stage was done."""
        return any(
            self._instead(stage, row)
            for stage in STAGES[: STAGES.index("events")]
            for row in user_store.rows(self.connection, stage, self.of, 0, _BATCH)
        )

    def _instead(self, table: str, row: erasure_store.Row) -> dict[str, Any]:
        """What changes of a row."""
        of, names = self.of, (*user_store.ACTORS[table], *user_store.TEXTS[table])
        values = {name: of.replaced(row[name]) for name in names}
        if table == MAILS and row["recipient"].lower() == of.email:
            values |= rows.of_mail(row, self.now, rows.NOBODY)
        if table == REQUESTS and (row["sender_address"] or "").lower() == of.email:
            values |= dict.fromkeys(erasure_store.SENDER)
        if table == CUSTOMERS and values["owner"] != row["owner"]:
            values["owner"] = None
        return {name: value for name, value in values.items() if value != row[name]}

    def _rows(self, table: str, found: list[tuple[erasure_store.Row, dict[str, Any]]]) -> None:
        left: list[Row] = [
            (table, user_store.change(self.connection, table, row["id"], **values))
            for row, values in found
        ]
        if table == PROPOSALS:
            for row, _ in found:
                finding_store.forget(self.connection, Kind.PROPOSAL, row["id"])
        bound = [digests.name(*row) for row in left]
        told = event_words.erase_all(
            self.connection,
            rows.subjects(table, (row for row, _ in found)),
            lambda event: event_words.rows_of(event, bound),
        )
        self._tell([*left, *told.rows], table, len(left), len(told.rows), told.unsealed)

    def _messages(self, found: Iterable[tuple[erasure_store.Row, dict[str, Any]]]) -> None:
        """What was written about requests; no event binds it."""
        ids = set[int]()
        for row, values in found:
            user_store.change(self.connection, MESSAGES, row["id"], **values)
            ids.add(row["request_id"])
        for id_ in ids:
            finding_store.forget(self.connection, Kind.CONVERSATION, id_)
        written = user_store.messages_of(self.connection, ids)
        uses = [message_store.use(row["request_id"], row["text"]) for row in written]
        finding_store.add(self.connection, uses)

    def _events(self, after: int) -> int | None:
        ids, last = user_store.events(self.connection, self.of, after)
        left: list[Row] = []
        unsealed, reasons = 0, set[str]()
        for event in audit_store.by_ids(self.connection, ids):
            instead = self._words(event)
            if instead and not seals.is_sealed(event):
                unsealed += 1
                continue
            bare = seals.without(event, instead, further=True)
            if bare is event:
                continue
            audit_store.rewrite(self.connection, bare)
            left.append((digests.EVENTS, bare._asdict()))
            if bare.reason != event.reason:
                reasons.add(event.subject)
        for subject in reasons:
            self._find_anew(subject)
        if left or unsealed:
            self._tell(left, "events", 0, len(left), unsealed)
        return last or None

    def _words(self, event: Event) -> dict[str, Any]:
        """What of an event is replaced, by its path."""
        of, gone = self.of, dict[str, Any]()
        for path, word in seals.words(event).items():
            left = of.replaced(word)
            if path == f"details/{changes.CHANGED}" and event.subject == of.email:
                left = _without_provider(left)
            if not path.startswith("rows/") and left != word:
                gone[path] = left
        is_theirs = event.actor == of.actor or (
            event.subject == of.email and event.actor == NOBODY.name
        )
        if is_theirs and event.address is not None:
            gone["address"] = None
        return gone | event_words.rows_of(event, [f"users/{of.id}"])

    def _find_anew(self, number: str) -> None:
        """Let a licence be found by the reasons as they are now."""
        row = license_store.columns_of(self.connection, number)
        if row is None:
            return
        finding_store.forget(self.connection, Kind.LICENCE, row["id"])
        finding_store.add(self.connection, following.uses([(LICENSES, row)]))
        given = [event.reason for event in audit_store.trail(self.connection, [number])]
        uses = [Use(Kind.LICENCE, row["id"], reason) for reason in given if reason is not None]
        finding_store.add(self.connection, uses)

    def _tell(self, left: list[Row], what: str, count: int, of_events: int, unsealed: int) -> None:
        more: dict[str, Any] = {"unsealed": unsealed} if unsealed else {}
        events.record(
            self.connection,
            self.now,
            self.actor,
            "user.data-erased",
            self.of.erased_name,
            rows=left,
            what=what,
            count=count,
            events=of_events,
            **more,
        )

    def _finish(self) -> None:
        """The account itself, and what passes."""
        connection, of = self.connection, self.of
        sqlite.owe_scrub(connection)
        traces.forget_naming(connection, of.pattern)
        user_store.forget_access(connection, of)
        user_store.hand_over_passing(connection, of)
        count = user_store.forget_values(connection, of)
        blank = dict.fromkeys(("totp", "totp_used", "issuer", "issuer_subject"))
        user = access_store.change_user(
            connection, of.id, email=of.erased_name, password_hash=passwords.NONE, **blank
        )
        row = ("users", user._asdict())
        events.record(
            connection,
            self.now,
            self.actor,
            "user.erased",
            of.erased_name,
            rows=[row],
            values=count,
        )
