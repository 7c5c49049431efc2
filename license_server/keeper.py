"""The keeper of the record: in the background of a server it links events and makes checkpoints."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

import structlog

from license_core.errors import LicenseError
from license_server import chain
from license_server.checkpoints import Notary
from license_server.site import Site

_PAUSE = 1.0  # seconds
_log = structlog.get_logger()


class Keeper(NamedTuple):
    """One for each process; what they know of one another is in the database."""

    site: Site
    notary: Notary

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Keep the record meanwhile, and once more at the end, with a last checkpoint."""
        task = asyncio.create_task(self._keep_on())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await self.keep(every=0)

    async def keep(self, every: int) -> None:
        """Link all that is committed by now; a checkpoint where the last is *every* seconds old."""
        now = self.site.clock()
        try:
            linked = chain.BATCH
            while linked == chain.BATCH:
                linked = await self.site.write(
                    lambda connection: self.notary.keep(connection, now, every)
                )
        except LicenseError as error:
            _log.warning("record not kept", slug=error.slug, sentence=error.sentence)
        except Exception:  # noqa: BLE001  # it is tried again, and the acts go on meanwhile
            _log.exception("record not kept")

    async def _keep_on(self) -> None:
        while True:
            await asyncio.sleep(_PAUSE)
            await self.keep(self.site.settings.checkpoint_minutes * 60)
