"""A server that runs takes up the keyset that was installed meanwhile, and the key that it names.

It looks every second. Between the commit of an installation and that look nothing is recorded
that the former key signed (issuing.check_in_force): who asks then is told to try again.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import structlog
from starlette.concurrency import run_in_threadpool

from license_core.errors import LicenseError
from license_server import vault
from license_server.db import Database
from license_server.issuing import Issuer
from license_server.settings import ServerSettings
from license_server.site import Clock

_PAUSE = 1.0  # seconds
_log = structlog.get_logger()


class Succession:
    """Tells whoever signs of the keyset that is in force."""

    def __init__(
        self,
        settings: ServerSettings,
        database: Database,
        clock: Clock,
        issuer: Issuer,
        use: Callable[[Issuer], None],
    ) -> None:
        """*issuer* is in use; *use* is given each that is to take its place."""
        self._settings, self._database, self._clock, self._use = settings, database, clock, use
        self._known = issuer.keyset_token, self._present()[1]
        self._failed: str | None = None

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Look every second meanwhile."""
        task = asyncio.create_task(self._look_on())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def look(self) -> None:
        """Take up what is in force by now, if it is not what is in use."""
        try:
            await run_in_threadpool(self._take_up)
        except LicenseError as error:
            if self._failed != error.sentence:
                _log.warning("keyset not taken up", slug=error.slug, sentence=error.sentence)
            self._failed = error.sentence
        except Exception:  # noqa: BLE001  # it is tried again, and what is in use goes on
            _log.exception("keyset not taken up")

    def _take_up(self) -> None:
        present = self._present()
        if present == self._known:
            return
        now, trust = self._clock(), vault.read_trust(self._settings, self._database)
        issuer = vault.open_issuer(self._settings, trust, now, self._database.tally)
        self._use(issuer)
        self._known, self._failed = present, None
        _log.info("keyset taken up", version=issuer.version, kid=issuer.signer.public_key.kid)

    def _present(self) -> tuple[str, str]:
        """The keyset in force, as it is stored, and where the key is that signs by it."""
        trust = vault.read_trust(self._settings, self._database)
        return trust.text, vault.signer_uri(self._settings, trust, self._clock())

    async def _look_on(self) -> None:
        while True:
            await asyncio.sleep(_PAUSE)
            await self.look()
