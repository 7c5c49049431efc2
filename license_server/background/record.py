"""Keeps the audit log: links new events and makes checkpoints while the server runs.

It also forgets what has been kept for long enough (db/passing.py).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from license_server.audit import chain
from license_server.audit.checkpoints import Notary
from license_server.background.loop import repeated, tell
from license_server.db import passing
from license_server.deliveries import delivery_store
from license_server.site import Site

_FORGETS_EVERY = 3600  # seconds


class Keeper:
    """One for each process; what they know of one another is in the database."""

    def __init__(self, site: Site, notary: Notary) -> None:
        self.site = site
        self.notary = notary
        self._forgot_at: int | None = None

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Keep the audit log meanwhile, and once more at the end, with a last checkpoint."""
        try:
            async with repeated(self._keep_on, "record not kept"):
                yield
        finally:
            try:
                await self.keep(every=0)
            except Exception as error:  # noqa: BLE001  # the next server that starts goes on
                tell("record not kept", error)

    async def keep(self, every: int) -> None:
        """Link all that is committed by now; a checkpoint where the last is *every* seconds old.

        Once an hour, also forget what is older than it is kept.
        """
        now = self.site.clock()
        linked = chain.BATCH
        while linked == chain.BATCH:
            linked = await self.site.write(
                lambda connection: self.notary.keep(connection, now, every)
            )
        await self._forget(now)

    async def _forget(self, now: int) -> None:
        if self._forgot_at is not None and 0 <= now - self._forgot_at < _FORGETS_EVERY:
            return
        await self.site.write(lambda connection: passing.forget(connection, now))
        long_ago = now - self.site.settings.webhook_days * 86400
        await self.site.write(lambda connection: delivery_store.forget(connection, long_ago))
        self._forgot_at = now

    async def _keep_on(self) -> None:
        await self.keep(self.site.settings.checkpoint_minutes * 60)
