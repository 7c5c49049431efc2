"""Ends erasures that were begun, and erases what the settings keep no longer.

Every server looks; which of them comes first makes no difference: what is erased is not found
again.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import structlog
from starlette.concurrency import run_in_threadpool

from license_core.errors import DatabaseUnavailableError
from license_server.actor import SERVER, Actor
from license_server.background.loop import repeated
from license_server.erasure import customer_erasure, place, retention, user_erasure
from license_server.erasure.place import GoOn, Place
from license_server.erasure.retention import Kept
from license_server.site import Site

_LOOKS_EVERY = 600
"""Seconds: it is about days."""
_log = structlog.get_logger()


class Eraser:
    """One for each process."""

    def __init__(self, site: Callable[[], Site]) -> None:
        """*site* gives the present one."""
        self._site = site

    def at_work(self) -> AbstractAsyncContextManager[None]:
        """Look every now and then meanwhile."""
        return repeated(self.look, "nothing erased", _LOOKS_EVERY)

    async def look(self) -> None:
        """Go on with what was begun, and erase what is due."""
        site = self._site()
        now = site.clock()
        for id_ in await site.read(lambda c: customer_erasure.unfinished(c, now)):
            await erase(site, customer_erasure.go_on, id_, SERVER)
            _log.info("customer erased", customer=id_)
        for id_ in await site.read(lambda c: user_erasure.unfinished(c, now)):
            await erase(site, user_erasure.go_on, id_, SERVER)
            _log.info("user erased", user=id_)
        if await run_in_threadpool(site.database.owes_scrub):
            await scrub(site)
        given, total = site.settings, 0
        kept = Kept(given.mail_text_days, given.sender_days, given.address_days)
        while count := await site.write(lambda c: retention.forget(c, kept, now)):
            total += count
        if total:
            _log.info("old data erased", count=total)


async def erase(site: Site, go_on: GoOn, id_: int, actor: Actor) -> bool:
    """Do all that is left of an erasure that was begun; whether the file waits to be scrubbed."""
    at: Place | None = place.START
    while at is not None:
        at = await site.write(place.batch(go_on, id_, actor, site.clock(), at))
    return not await scrub(site)


async def scrub(site: Site) -> bool:
    """Let SQLite's files forget what was erased; where others are at them, it is tried again.

    Whether that is done.
    """
    try:
        await run_in_threadpool(site.database.scrub)
    except DatabaseUnavailableError as error:
        _log.warning("scrubbing waits", reason=error.reason)
        return False
    return True
