"""The licences that requests act on: each is read once, however many requests there are."""

from collections.abc import Iterable, Sequence
from typing import Self

from sqlalchemy import Connection

from license_core.errors import NotFoundError
from license_server.actor import Actor
from license_server.licenses import issuing, license_store
from license_server.licenses.license_store import StoredLicense


class Subjects:
    """What an actor sees of them, as it is in one transaction.

    Those that were *read* are not asked for again.
    """

    def __init__(
        self, connection: Connection, actor: Actor, read: Iterable[StoredLicense] = ()
    ) -> None:
        self._connection = connection
        self._actor = actor
        self._read = {one.number: one for one in read}

    @classmethod
    def of(cls, connection: Connection, actor: Actor, numbers: Sequence[str]) -> Self:
        """Those of these *numbers*, read together."""
        return cls(connection, actor, license_store.by_numbers(connection, numbers))

    def seen(self, number: str) -> StoredLicense:
        """The licence of this number. Raises NotFoundError."""
        found = self._read.get(number)
        if found is None:
            return issuing.seen(self._connection, number, self._actor)
        if not self._actor.may_use(found.product):
            raise NotFoundError(what="licence", name=number)
        return found
