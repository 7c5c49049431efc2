"""Closes requests that nobody dealt with, and forgets what was written about closed ones.

Every server looks; which of them comes first makes no difference, since a request is closed by its
state.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import structlog

from license_server.background.loop import repeated
from license_server.requests import expiring
from license_server.site import Site

_LOOKS_EVERY = 600
"""Seconds: it is about days."""
_log = structlog.get_logger()


class Clerk:
    """One for each process."""

    def __init__(self, site: Callable[[], Site]) -> None:
        """*site* gives the present one."""
        self._site = site

    def at_work(self) -> AbstractAsyncContextManager[None]:
        """Look every now and then meanwhile."""
        return repeated(self.look, "no request expired", _LOOKS_EVERY)

    async def look(self) -> None:
        """Close and forget what is due."""
        site = self._site()
        now, days = site.clock(), site.settings.requests_days
        closed = await site.write(lambda connection: expiring.expire(connection, now, days))
        if closed:
            _log.info("requests expired", requests=closed)
