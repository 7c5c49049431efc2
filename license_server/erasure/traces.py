"""Where else words of a person are written: what passes in a week, saved views, deliveries."""

import csv
import json
import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from sqlalchemy import Connection

from license_server.db.leases import WAITING
from license_server.deliveries import payload
from license_server.erasure import erasure_store
from license_server.erasure.whose import Whose

_FIELDS = frozenset(
    {
        *("customer", "customers", "contact", "contact_name", "contact_email", "recipient"),
        *("recipient_name", "sender", "sender_name", "sender_address", "email", "address", "name"),
        *(
            "host",
            "hosts",
            "host_name",
            "host_key",
            "key",
            "former",
            "former_names",
            "to",
            "q",
            "request",
        ),
    }
)
"""What members of replies, drafts, sheets and queries are called that hold a customer or a host."""


def forget_passing(connection: Connection, words: Collection[str]) -> int:
    """Delete what passes in a week and has one of *words* in such a field; how much that was.

    A word is the whole value: a customer may be called as a part of much that is another's.
    """
    wanted = {word.strip().casefold() for word in words} - {""}
    if not wanted:
        return 0
    found = [
        one
        for one in erasure_store.passing(connection)
        if any(not wanted.isdisjoint(_values(text)) for text in one.texts)
    ]
    return erasure_store.forget_passing(connection, found)


def forget_naming(connection: Connection, pattern: re.Pattern[str]) -> int:
    """Delete what passes in a week and has *pattern* anywhere in it; how much that was."""
    found = [
        one
        for one in erasure_store.passing(connection)
        if any(pattern.search(text) or pattern.search(unquote_plus(text)) for text in one.texts)
    ]
    return erasure_store.forget_passing(connection, found)


def _values(text: str) -> Iterator[str]:
    """What fields hold in a *text* that is JSON, a query, or a sheet with a line of titles."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        pairs = parse_qsl(text) if "\n" not in text else _cells(text)
        yield from (held for name, value in pairs if _is_meant(name) for held in _held(value))
        return
    yield from _members(found)


def _members(value: Any, *, is_meant: bool = False) -> Iterator[str]:
    if isinstance(value, dict):
        for name, member in value.items():
            yield from _members(member, is_meant=is_meant or _is_meant(name))
    elif isinstance(value, list):
        for one in value:
            yield from _members(one, is_meant=is_meant)
    elif isinstance(value, str) and is_meant:
        yield from _held(value)


def _held(value: str) -> Iterator[str]:
    """A value, and the parts of one that is a request of a host: a list in JSON."""
    yield value.strip().casefold()
    if value.lstrip().startswith(("[", "{")):
        with suppress(ValueError, RecursionError):
            yield from _members(json.loads(value), is_meant=True)


def _cells(text: str) -> Iterator[tuple[str, str]]:
    lines = text.removeprefix("\ufeff").splitlines()
    delimiter = max(",;\t", key=lines[0].count) if lines else ","
    try:
        for row in csv.DictReader(lines, delimiter=delimiter):
            for name, value in row.items():
                if isinstance(name, str) and isinstance(value, str):
                    yield name, value
    except csv.Error:
        return


def _is_meant(name: str) -> bool:
    return name.strip().casefold() in _FIELDS


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
