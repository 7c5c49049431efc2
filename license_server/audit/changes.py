"""What an act changed: the old and the new value of each field, in its event's details.

An event stays as it is for good, since its text is hashed. So values that are about people are not
in it: a digest with a salt stands for each, and the value is stored beside the event until it is
erased (SPEC section 11.1).
"""

import hashlib
import hmac
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection

from license_core import b64url, strictjson
from license_core.wording import utc
from license_server.audit import audit_store
from license_server.audit.audit_store import Event, KeptValue

CHANGED = "changed"
"""The member of an event's details that has the changes: a field's old and new value, by its
name."""
KEPT = "kept"
"""The one member of what stands for a value that is stored beside its event."""
_INSTANTS = "_at"
"""How the names of fields end that are instants, in seconds."""
Values = Mapping[str, Any]
"""Fields and what they hold, as JSON can; one that is not there holds nothing."""


class Change(NamedTuple):
    """One field that an act changed."""

    field: str
    old: Any
    """As JSON has it; None: nothing, or it was erased."""
    new: Any
    erased: bool = False
    """Whether one of both is not known any more."""


def between(former: Values, present: Values) -> dict[str, list[Any]]:
    """The old and new value of each field in which *former* and *present* differ."""
    names = dict.fromkeys((*former, *present))
    pairs = {name: [former.get(name), present.get(name)] for name in names}
    return {
        name: [_written(name, old), _written(name, new)]
        for name, (old, new) in pairs.items()
        if old != new
    }


def keep(
    connection: Connection, owner: str, changed: Mapping[str, list[Any]], personal: Collection[str]
) -> dict[str, list[Any]]:
    """*changed* as an event may hold it: the *personal* values of *owner* are stored beside it.

    *owner* names a row of the ledger (digests.name).
    """

    def stands_for(value: Any) -> Any:
        if value is None:
            return None
        salt, text = audit_store.new_salt(connection), strictjson.dumps(value).decode("utf-8")
        digest = digest_of(salt, text)
        audit_store.add_value(connection, KeptValue(digest, salt, text, owner))
        return {KEPT: b64url.encode(digest)}

    return {
        name: [stands_for(old), stands_for(new)] if name in personal else [old, new]
        for name, (old, new) in changed.items()
    }


def digest_of(salt: bytes, text: str) -> bytes:
    """What an event holds in place of a value: the SHA-256 of a salt and the value as JSON."""
    return hashlib.sha256(salt + text.encode("utf-8")).digest()


def is_whole(value: KeptValue) -> bool:
    """Whether a stored value is the one that its event tells of."""
    return hmac.compare_digest(digest_of(value.salt, value.value), value.digest)


def of_events(connection: Connection, listed: Iterable[Event]) -> dict[int, list[Change]]:
    """What each of these events changed, by its id; with the values that are stored beside it."""
    found = {event.id: _pairs(event) for event in listed}
    digests = {
        digest
        for pairs in found.values()
        for pair in pairs.values()
        for digest in map(_digest, pair)
        if digest is not None
    }
    kept = audit_store.values(connection, digests)
    return {
        id_: [_change(name, pair, kept) for name, pair in pairs.items()]
        for id_, pairs in found.items()
    }


def in_words(change: Change) -> str:
    """A change as one line of text: ``days: 30 → 365``."""
    if change.erased:
        return f"{change.field}: (erased)"
    return f"{change.field}: {_in_words(change.old)} → {_in_words(change.new)}"


def _in_words(value: Any) -> str:
    if value is None:
        return "–"
    return value if isinstance(value, str) else strictjson.dumps(value).decode("utf-8")


def _pairs(event: Event) -> dict[str, list[Any]]:
    if f'"{CHANGED}"' not in event.details:
        return {}
    pairs = strictjson.loads(event.details.encode("utf-8")).get(CHANGED)
    return pairs if isinstance(pairs, dict) else {}


def _change(name: str, pair: list[Any], kept: Mapping[bytes, str]) -> Change:
    told, erased = [], False
    for value in pair:
        digest = _digest(value)
        if digest is None:
            told.append(value)
            continue
        text = kept.get(digest)
        erased = erased or text is None
        told.append(None if text is None else strictjson.loads(text.encode("utf-8")))
    old, new = told
    return Change(name, old, new, erased)


def _digest(value: Any) -> bytes | None:
    """The digest that stands for a value; None where the value is there itself."""
    if not isinstance(value, dict) or value.keys() != {KEPT}:
        return None
    return b64url.decode(value[KEPT])


def _written(name: str, value: Any) -> Any:
    """A value as an event holds it: an instant as people read it."""
    return utc(value) if name.endswith(_INSTANTS) and isinstance(value, int) else value
