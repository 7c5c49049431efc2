"""What customers and products share: a row with a unique name, recorded as it changes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection

from license_core.reason import Reason
from license_server.actor import Actor
from license_server.audit import changes, digests, events
from license_server.catalog.catalog_store import Customer, Product
from license_server.db.errors import (
    ChangedMeanwhileError,
    InputInvalidError,
    NameTakenError,
    or_not_found,
)

R = TypeVar("R", Customer, Product)
_LONGEST_TOLD = 200


@dataclass(frozen=True, slots=True)
class NamedRows(Generic[R]):
    """The rows of one table."""

    what: str
    """Of one row, in events and errors: ``customer``."""
    one: Callable[[str], Reason]
    """The row of a name, in a sentence: ``customer acme``."""
    table: str
    added: str
    """The action of the event that adds one: ``customer.added``."""
    archived: str
    """Of the one after which a row takes no new licences: ``customer.archived``."""
    unarchived: str
    """Of the one after which it takes them again."""
    by_name: Callable[[Connection, str], R | None]
    insert: Callable[..., R | None]
    """Adds a row: connection, name, now, and other columns; None where the name is taken."""
    change: Callable[..., R]
    """Changes columns: connection, id, and their values."""
    told: Callable[[R], dict[str, Any]]
    """The fields of a row, as the audit log tells of them."""
    personal: frozenset[str] = frozenset()
    """Those of them that are about people."""

    def find(self, connection: Connection, name: str) -> R:
        """The row of this name. Raises NotFoundError."""
        return or_not_found(
            self.by_name(connection, name), what=self.what, name=name[:_LONGEST_TOLD]
        )

    def add(self, connection: Connection, values: dict[str, Any], actor: Actor, now: int) -> R:
        """The new row of these *values*. Raises InputInvalidError, NameTakenError."""
        name = values.pop("name", None)
        if name is None:
            raise InputInvalidError(field="name", reason="it is missing")
        row = self.insert(connection, name, now, **values)
        if row is None:
            raise NameTakenError(what=self.what, name=name)
        return self.record(connection, row, actor, self.added, now)

    def ensure(
        self,
        connection: Connection,
        name: str,
        actor: Actor,
        now: int,
        more: Mapping[str, Any] | None = None,
    ) -> R:
        """The row of this name, which is added with a first licence, with the values *more*."""
        row = self.by_name(connection, name)
        if row is None:
            row = self.insert(connection, name, now, **(more or {}))
            if row is None:  # another process was first
                return self.find(connection, name)
            self.record(connection, row, actor, self.added, now)
        return row

    def archive(
        self,
        connection: Connection,
        former: R,
        actor: Actor,
        now: int,
        *,
        archived: bool,
    ) -> R:
        """*former*, once it takes no new licences, or takes them again; as it is where it does."""
        if (former.archived_at is not None) == archived:
            return former
        row = self.change(connection, former.id, archived_at=now if archived else None)
        action = self.archived if archived else self.unarchived
        return self.record(connection, row, actor, action, now, former)

    def expect(self, former: R, expected: str | None) -> None:
        """Raise ChangedMeanwhileError unless *former* is as the caller saw it (``etag``)."""
        if expected is not None and expected != self.etag(former):
            raise ChangedMeanwhileError(what=self.one(former.name))

    def etag(self, row: R) -> str:
        """What a caller names to say which state of the row it saw."""
        return digests.digest(self.table, row._asdict())

    def record(
        self,
        connection: Connection,
        row: R,
        actor: Actor,
        action: str,
        now: int,
        former: R | None = None,
        **more: Any,
    ) -> R:
        """*row*, once the event that added or changed it is written; *former* is what it was.

        *more* are other details of the event: its reason, or what it holds beside the changes.
        """
        left = (self.table, row._asdict())
        changed = changes.between({} if former is None else self.told(former), self.told(row))
        owner = digests.name(*left)
        changed = changes.keep(connection, owner, changed, self.personal)
        events.record(
            connection, now, actor, action, row.name, rows=[left], changed=changed, **more
        )
        return row
