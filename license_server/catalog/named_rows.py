"""What customers and products share: a row with a unique name, recorded as it changes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection

from license_server.actor import Actor
from license_server.audit import digests, events
from license_server.catalog.catalog_store import Customer, Product
from license_server.db.errors import (
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
    table: str
    added: str
    """The action of the event that adds one: ``customer.added``."""
    by_name: Callable[[Connection, str], R | None]
    insert: Callable[..., R | None]
    """Adds a row: connection, name, now, and other columns; None where the name is taken."""

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

    def etag(self, row: R) -> str:
        """What a caller names to say which state of the row it saw."""
        return digests.digest(self.table, row._asdict())

    def record(self, connection: Connection, row: R, actor: Actor, action: str, now: int) -> R:
        """*row*, once the event that added or changed it is written."""
        rows = [(self.table, row._asdict())]
        events.record(connection, now, actor, action, row.name, rows=rows)
        return row
