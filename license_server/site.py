"""A running server's parts, and the one way in which they issue a licence."""

import asyncio
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError
from starlette.concurrency import run_in_threadpool

from license_core.errors import DatabaseUnavailableError
from license_server import issuing
from license_server.db import Database
from license_server.issuing import Idempotency, Issuer
from license_server.orders import Order
from license_server.settings import ServerSettings
from license_server.store import StoredLicense

T = TypeVar("T")
Clock = Callable[[], int]
Random = Callable[[int], bytes]
_TRIES = 4


class Site(NamedTuple):
    """What every request may use."""

    settings: ServerSettings
    database: Database
    issuer: Issuer
    clock: Clock
    """The present instant, in seconds."""
    random: Random
    """So many unpredictable bytes."""

    async def read(self, query: Callable[[Connection], T]) -> T:
        """The result of *query*, read in a thread."""

        def work() -> T:
            with self.database.reading() as connection:
                return query(connection)

        return await run_in_threadpool(work)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """The result of *work*, once it is committed."""
        return await asyncio.wrap_future(self.database.writer.submit(work))

    async def issue(
        self, order: Order, actor: str, now: int, idempotency: Idempotency | None = None
    ) -> StoredLicense:
        """Issue what *order* asks for; what is stored, once it is committed.

        Raises what issuing.draw_up and issuing.record raise, or DatabaseUnavailableError.
        """
        replaces = None
        if order.replaces or order.request.replaces:
            replaces = await self.read(lambda connection: issuing.replaced(connection, order))
        for _ in range(_TRIES):
            number = issuing.new_number(now, self.random)
            drawn = issuing.draw_up(order, self.issuer, number, replaces, now)
            try:
                return await self.write(_recording(drawn, self.issuer, actor, idempotency))
            except IntegrityError:
                continue  # somebody took the number or the key meanwhile
        raise DatabaseUnavailableError(reason="no number for the licence could be stored")


def _recording(
    drawn: issuing.Drawn, issuer: Issuer, actor: str, idempotency: Idempotency | None
) -> Callable[[Connection], StoredLicense]:
    return lambda connection: issuing.record(connection, drawn, issuer, actor, idempotency)
