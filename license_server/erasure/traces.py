"""Where else words of a person are written: what passes in a week, saved views, deliveries."""

import json
from collections.abc import Collection, Iterator
from typing import Any
from urllib.parse import unquote_plus

from sqlalchemy import Connection

from license_server.db.leases import WAITING
from license_server.deliveries import payload
from license_server.erasure import erasure_store
from license_server.erasure.erasure_store import Passing
from license_server.erasure.whose import Whose

_SHORTEST = 3
"""A word of fewer characters is in too much that is another's."""


def forget_passing(connection: Connection, words: Collection[str]) -> int:
    """Delete what passes in a week, and has one of *words*; how much that was."""
    wanted = {one.casefold() for word in words for one in _forms(word) if len(word) >= _SHORTEST}
    if not wanted:
        return 0
    found = [one for one in erasure_store.passing(connection) if _has(one, wanted)]
    return erasure_store.forget_passing(connection, found)


def _forms(word: str) -> Iterator[str]:
    """A word as it is, and as JSON has it."""
    yield word
    yield json.dumps(word)[1:-1]
    yield json.dumps(word, ensure_ascii=False)[1:-1]


def _has(one: Passing, wanted: Collection[str]) -> bool:
    for text in (one.text, unquote_plus(one.text)):
        folded = text.casefold()
        if any(word in folded for word in wanted):
            return True
    return False


def empty_deliveries(connection: Connection, subjects: Collection[str], of: Whose, now: int) -> int:
    """Leave of what webhooks were told of *subjects* that it was told; how many there were.

    What was not sent yet is not sent. A name is called as an erased customer is by now, and passed
    over where it may have meant another.
    """
    found = [
        one
        for one in erasure_store.deliveries(connection, subjects)
        if one.subject not in of.names or of.is_meant(one.subject, one.created_at)
    ]
    for one in found:
        values: dict[str, Any] = {
            "body": payload.body(one.event, one.created_at, {}),
            "subject": of.erased_name if one.subject in of.names else one.subject,
        }
        if one.state == WAITING:
            values |= {"state": "discarded", "done_at": now, "lease": None, "lease_until": None}
        erasure_store.empty_delivery(connection, one.id, **values)
    return len(found)
