"""Licences that are held until the commit, while acts on them are checked and done.

However many they are, they are read by one statement, and those that leave their state in the same
way are written by one. Who comes second is told so, before anything is written.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import Connection

from license_core.errors import NotFoundError
from license_core.reason import Reason
from license_server.audit import digests, events
from license_server.db.errors import ChangedMeanwhileError
from license_server.licenses import held_store, states
from license_server.licenses.acts import Act
from license_server.licenses.license_store import StoredLicense

_CHANGES = ("state", "replaced_by", "token")
"""What tells whether an act is possible on a licence, of what may be otherwise than it was."""


class Leaving(NamedTuple):
    """How a licence is to leave its state."""

    former: StoredLicense
    """It, as it was when that was planned."""
    act: Act
    expected: str | None
    """Its ETag, as somebody saw it."""
    replaced_by: str | None = None
    """The number of the licence that replaces it; None: it is ended."""


class Held:
    """The licences of these *numbers*, which nobody else changes before the commit."""

    def __init__(self, connection: Connection, numbers: Iterable[str]) -> None:
        self._connection = connection
        self._rows = held_store.hold(connection, frozenset(numbers))
        self._ended: dict[str, list[str]] = defaultdict(list)
        self._successors: dict[str, str] = {}

    def leave(self, one: Leaving) -> events.Row:
        """Let a licence leave its state, which ``write`` writes; its row then.

        Raises LicenseStateError, NotFoundError or ChangedMeanwhileError where somebody else was
        first: then nothing becomes of it.
        """
        number = one.former.number
        row = self._rows.get(number)
        if row is None:
            raise NotFoundError(what="licence", name=number)
        if one.expected is not None:
            check_expected(number, one.expected, digests.digest("licenses", row))
        present = one.former._replace(**{name: row[name] for name in _CHANGES})
        states.check(present, one.act)
        left: dict[str, Any] = {"state": one.act.leaves}
        if one.replaced_by is None:
            self._ended[one.act.leaves].append(number)
        else:
            self._successors[number] = left["replaced_by"] = one.replaced_by
        self._rows[number] = row | left
        return "licenses", self._rows[number]

    def customer_of(self, number: str) -> int | None:
        """The id of the customer of one of them, as it is now."""
        row = self._rows.get(number)
        return None if row is None else int(row["customer_id"])

    def write(self) -> None:
        """Write what has left its state."""
        for state, numbers in self._ended.items():
            held_store.leave(self._connection, state, numbers)
        if self._successors:
            held_store.replace(self._connection, self._successors)


def check_expected(number: str, expected: str | None, present: str | None) -> None:
    """Raise ChangedMeanwhileError where a licence, which is *present*, is not as it was seen."""
    if None not in (expected, present) and expected != present:
        raise ChangedMeanwhileError(what=Reason("licence {number}", number=number))
