"""Keeps the audit log: links new events and makes checkpoints while the server runs.

It also forgets what has been kept for long enough (db/passing.py).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from license_core.errors import LicenseError
from license_server.audit import chain
from license_server.audit.checkpoints import Notary
from license_server.background.loop import every_second
from license_server.db import passing
from license_server.site import Site

_FORGETS_EVERY = 3600  # seconds
_log = structlog.get_logger()


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
            async with every_second(self._keep_on):
                yield
        finally:
            await self.keep(every=0)

    async def keep(self, every: int) -> None:
        """Link all that is committed by now; a checkpoint where the last is *every* seconds old.

        Once an hour, also forget what is older than it is kept.
        """
        now = self.site.clock()
        try:
            linked = chain.BATCH
            while linked == chain.BATCH:
                linked = await self.site.write(
                    lambda connection: self.notary.keep(connection, now, every)
                )
            await self._forget(now)
        except LicenseError as error:
            _log.warning("record not kept", slug=error.slug, sentence=error.sentence)
        except Exception:  # noqa: BLE001  # it is tried again, and the acts go on meanwhile
            _log.exception("record not kept")

    async def _forget(self, now: int) -> None:
        if self._forgot_at is not None and 0 <= now - self._forgot_at < _FORGETS_EVERY:
            return
        await self.site.write(lambda connection: passing.forget(connection, now))
        self._forgot_at = now

    async def _keep_on(self) -> None:
        await self.keep(self.site.settings.checkpoint_minutes * 60)
