"""Verifies the audit log against itself: every link and every checkpoint (SPEC section 11.3).

Nothing is written: what is examined may be evidence. Each link is computed from the one that is
stored before it, so one fault is told once, and not again at every event behind it.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from sqlalchemy import Connection

from license_core.publickey import PublicKey
from license_server.audit import audit_store, chain
from license_server.audit.audit_store import Event, StoredCheckpoint
from license_server.audit.checkpoints import Checkpoint


class Fault(NamedTuple):
    """One thing that is not as it should be."""

    kind: str
    """One of SPEC section 11.3."""
    subject: str
    """What is wrong: an event, a checkpoint, a row."""
    detail: str


class Given(NamedTuple):
    """A checkpoint that was kept elsewhere."""

    name: str
    token: str


Tell = Callable[[Fault], object]
Advance = Callable[[int], object]
"""Called with how many more rows were looked at."""


class _Mark(NamedTuple):
    """What the chain's link must be at a position."""

    name: str
    link: bytes


_Marks = dict[int, list[_Mark]]


def inspect(
    connection: Connection,
    key: PublicKey,
    given: Iterable[Given],
    tell: Tell,
    advance: Advance,
    read: Callable[[Event], object] = lambda _: None,
) -> None:
    """Check the chain, the stored checkpoints and the *given* ones; *key* signed them.

    *read* is given every event, those last that are not in the chain yet.
    """
    marks = _marks(connection, key, given, tell)
    previous, position = chain.GENESIS, 0
    for event in audit_store.whole_chain(connection):
        advance(1)
        read(event)
        stored = bytes(event.link or b"")
        expected, position = position + 1, _number(event.position, position + 1)
        if position != expected:
            found = f"the next one is at {position}"
            tell(Fault("chain-gap", f"position {expected}", f"there is no event; {found}"))
        if _link(previous, event) != stored:
            detail = f"it differs from the event linked at position {position}"
            tell(Fault("chain-broken", f"event {event.id}", detail))
        for mark in marks.pop(position, ()):
            if mark.link != stored:
                detail = f"the chain differs at its position {position}"
                tell(Fault("checkpoint-differs", mark.name, detail))
        previous = stored
    for wanted, left in sorted(marks.items()):
        for mark in left:
            detail = f"the chain has no event at its position {wanted}; it ends at {position}"
            tell(Fault("chain-cut", mark.name, detail))
    for event in audit_store.all_unlinked(connection):
        advance(1)
        read(event)
        if event.link is not None:
            detail = "it has a hash chain value, but no position"
            tell(Fault("chain-broken", f"event {event.id}", detail))


def _marks(connection: Connection, key: PublicKey, given: Iterable[Given], tell: Tell) -> _Marks:
    marks: _Marks = {}
    missing: dict[str, str] = {}
    for name, token in given:
        opened = _open(token, key, name, tell)
        if opened is not None:
            marks.setdefault(opened.position, []).append(_Mark(name, opened.link))
            missing[token] = name
    previous = 0
    for stored in audit_store.all_checkpoints(connection):
        missing.pop(stored.token, None)
        name = f"checkpoint {stored.position}"
        opened = _open(stored.token, key, name, tell)
        if opened is not None:
            _check_columns(stored, opened, name, previous, tell)
            marks.setdefault(opened.position, []).append(_Mark(name, opened.link))
        previous = stored.position
    for name in missing.values():
        tell(Fault("checkpoint-gone", name, "it is not one of the stored checkpoints"))
    return marks


def _open(token: str, key: PublicKey, name: str, tell: Tell) -> Checkpoint | None:
    try:
        return Checkpoint.open(token, key)
    except (TypeError, ValueError) as error:
        tell(Fault("checkpoint-invalid", name, str(error)))
        return None


def _check_columns(
    stored: StoredCheckpoint, opened: Checkpoint, name: str, previous: int, tell: Tell
) -> None:
    if (stored.position, stored.created_at) != (opened.position, opened.iat):
        tell(Fault("checkpoint-invalid", name, "its columns do not match what was signed"))
    if opened.previous != previous:
        detail = f"the one before it was at {opened.previous}, and is at {previous}"
        tell(Fault("checkpoint-gone", name, detail))


def _link(previous: bytes, event: Event) -> bytes | None:
    """The link that *event* should have; None where it holds what no event can."""
    try:
        return chain.link(previous, event)
    except (TypeError, ValueError):
        return None


def _number(value: object, otherwise: int) -> int:
    """A position as it is stored, if it is a number at all: SQLite takes anything."""
    return value if isinstance(value, int) else otherwise
