"""Picks up a newly installed keyset, and its signing key, while the server runs.

It looks every second. Between the commit of an installation and that look nothing is recorded
that the former key signed (issuing.check_in_force): who asks then is told to try again.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import structlog
from starlette.concurrency import run_in_threadpool

from license_server.background.loop import repeated
from license_server.db.database import Database
from license_server.settings import ServerSettings
from license_server.signing.issuer import Issuer, open_issuer, read_trust, signer_uri
from license_server.signing.keysets import Trust
from license_server.signing.signature_count import tally
from license_server.site import Clock

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

    def at_work(self) -> AbstractAsyncContextManager[None]:
        """Look every second meanwhile."""
        return repeated(self.look, "keyset not taken up")

    async def look(self) -> None:
        """Take up what is in force by now, if it is not what is in use."""
        await run_in_threadpool(self._take_up)

    def _take_up(self) -> None:
        trust, uri = self._present()
        if (trust.text, uri) == self._known:
            return
        issuer = open_issuer(self._settings, trust, self._clock(), tally(self._database))
        self._use(issuer)
        self._known = trust.text, uri
        _log.info("keyset taken up", version=issuer.version, kid=issuer.signer.public_key.kid)

    def _present(self) -> tuple[Trust, str]:
        """What is in force, and where the key is that signs by it."""
        trust = read_trust(self._settings, self._database)
        return trust, signer_uri(self._settings, trust, self._clock())
