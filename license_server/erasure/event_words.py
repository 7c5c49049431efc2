"""Erases words of events: their seals stay, their keys are gone (audit/seals.py).

What is left of each is bound by the event of the erasure, as a row of the ledger is.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection

from license_server.audit import audit_store, digests, seals
from license_server.audit.audit_store import Event
from license_server.audit.events import Row

Instead = Callable[[Event], Mapping[str, Any]]
"""What of an event is erased, by its path, and what stands in its place."""
_AT_ONCE = 500
TOLD = frozenset(
    {
        *("product", "license", "mail", "act", "plan", "kind", "replaces", "stands_for", "despite"),
        *("days", "outcome", "link", "expires_at", "numbers", "licenses", "values", "proposal"),
        *(
            "proposed",
            "approved",
            "source",
            "line",
            "what",
            "count",
            "events",
            "unsealed",
            "undecided",
        ),
    }
)
"""The members of details that are about no customer; all others are erased."""


class Left(NamedTuple):
    """What an erasure left of events."""

    rows: list[Row]
    """The events that changed."""
    unsealed: int
    """Of so many nothing could be erased: an earlier version recorded them."""
    last: int
    """The id of the last one that was looked at; 0: there was none."""


def erase(
    connection: Connection, subjects: Collection[str], after: int, instead: Instead, most: int
) -> Left:
    """Erase words of at most *most* events of *subjects* with an id over *after*."""
    rows: list[Row] = []
    unsealed = last = 0
    for event in audit_store.subject_events(connection, subjects, after, most):
        last = event.id
        if not seals.is_sealed(event):
            unsealed += 1
            continue
        left = seals.without(event, instead(event))
        if left is not event:
            audit_store.rewrite(connection, left)
            rows.append((digests.EVENTS, left._asdict()))
    return Left(rows, unsealed, last)


def erase_all(
    connection: Connection, subjects: Collection[str], instead: Instead, after: int = 0
) -> Left:
    """Erase words of every event of *subjects* with an id over *after*."""
    rows: list[Row] = []
    unsealed = 0
    while True:
        left = erase(connection, subjects, after, instead, _AT_ONCE)
        rows += left.rows
        unsealed += left.unsealed
        if not left.last:
            return Left(rows, unsealed, after)
        after = left.last


def of_customer(
    names: Collection[str], erased_name: str, bound: Collection[str]
) -> Callable[[Event], dict[str, Any]]:
    """What is erased of an event of a customer who has, or had, these *names*.

    *bound*: the rows that the event of the erasure binds anew. What earlier events say of them is
    a digest without a salt, which a guess could be tried against: it goes, too.
    """

    def instead(event: Event) -> dict[str, Any]:
        gone = rows_of(event, bound)
        if event.subject in names:
            gone["subject"] = erased_name
        if event.reason is not None:
            gone["reason"] = None
        if event.actor.startswith("contact:") and event.address is not None:
            gone["address"] = None
        for path, word in seals.words(event).items():
            kind, _, member = path.partition("/")
            if kind == "details" and member not in TOLD:
                gone[path] = erased_name if isinstance(word, str) and word in names else None
        return gone

    return instead


def rows_of(event: Event, bound: Collection[str]) -> dict[str, Any]:
    """The digests that an event has of rows which are *bound* anew."""
    paths = (f"rows/{name}" for name in bound)
    there = seals.words(event)
    return {path: "" for path in paths if path in there}
