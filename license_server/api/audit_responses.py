"""What the API replies of the audit log."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Self

from license_core import strictjson
from license_server.api import responses
from license_server.api.responses import Instant, instant
from license_server.audit import audit_store
from license_server.audit import changes as audit_changes


@dataclass(slots=True, kw_only=True)
class Change:
    """A field that an act changed; of what was erased, neither value is told."""

    field: str
    old: Any
    new: Any
    erased: bool


@dataclass(slots=True, kw_only=True)
class Event:
    """An event of the audit log."""

    id: int
    at: Instant
    actor: str
    address: str | None
    action: str
    subject: str
    reason: str | None
    details: dict[str, Any]
    changes: list[Change]
    position: int | None

    @classmethod
    def of(
        cls,
        stored: audit_store.Event,
        changed: Sequence[audit_changes.Change] = (),
        hidden: Collection[str] = (),
    ) -> Self:
        """The event *stored*, which *changed* something, without details that are *hidden*."""
        details = strictjson.loads(stored.details.encode("utf-8"))
        details = {name: value for name, value in details.items() if name not in hidden}
        told = [Change(**change._asdict()) for change in changed]
        return responses.from_row(cls, stored, details=details, changes=told)


@dataclass(slots=True)
class EventPage:
    """A page of the audit log."""

    events: list[Event]
    next_cursor: str | None


@dataclass(slots=True, kw_only=True)
class Checkpoint:
    """A checkpoint of the audit log, with its token, to keep elsewhere."""

    position: int
    made_at: Instant
    token: str

    @classmethod
    def of(cls, stored: audit_store.StoredCheckpoint) -> Self:
        """The checkpoint *stored*."""
        return cls(position=stored.position, made_at=instant(stored.created_at), token=stored.token)


@dataclass(slots=True)
class CheckpointPage:
    """A page of the list of checkpoints."""

    checkpoints: list[Checkpoint]
    next_cursor: str | None
