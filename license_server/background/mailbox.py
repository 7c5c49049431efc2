"""Reads the mailbox while the server runs: at once what its server announces, else now and then.

Each process does; of several that read the same mail at once, one files it
(background/fetching.py).
"""

import asyncio
import threading
from collections.abc import AsyncIterator
from concurrent.futures import Future
from contextlib import asynccontextmanager

from license_server.background.fetching import Fetched, Fetcher
from license_server.background.loop import Sleep, repeated
from license_server.mail import mail_servers
from license_server.mail.mailbox import Mailbox
from license_server.site import Site


class Collector:
    """One for each process."""

    def __init__(self, site: Site, box: Mailbox | None, sleep: Sleep = asyncio.sleep) -> None:
        """*box*: None where the settings name no mailbox."""
        self._site, self._box, self._sleep = site, box, sleep
        self._over = threading.Event()

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Read it meanwhile; not at all where there is no mailbox."""
        if self._box is None:
            yield
            return
        seconds = self._site.settings.imap_seconds
        try:
            async with repeated(self.look, "mailbox not read", seconds, self._sleep):
                yield
        finally:
            self._over.set()

    async def look(self) -> None:
        """Read the mailbox to its end, and as long as its server announces what comes."""
        while (await asyncio.wrap_future(self._begun())).more:
            pass

    def _begun(self) -> Future[Fetched]:
        """Read it, in a thread for which no end of this process waits: it may be broken off."""
        future: Future[Fetched] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(self._fetch())
            except BaseException as error:  # noqa: BLE001  # who waits for it is told
                future.set_exception(error)

        threading.Thread(target=run, name="mailbox", daemon=True).start()
        return future

    def _fetch(self) -> Fetched:
        site, box = self._site, self._box
        if box is None:
            return Fetched()
        own, days = mail_servers.own(site.settings), site.settings.imap_days
        fetcher = Fetcher(site.database, box, own, days, site.clock)
        return fetcher.watch(lambda: not self._over.is_set())
