"""Publishes revocation lists by itself, where the settings say so.

A list follows a revocation, suspension or rehost by so many minutes, so that what is done together
is published together. One that is past half of its days is followed too, or sites would be told
that theirs is old.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext

import structlog
from sqlalchemy import Connection

from license_server.actor import SERVER
from license_server.background.loop import repeated
from license_server.db.reply_store import Reply
from license_server.signing import revocation_store
from license_server.signing.list_days import LISTED_DAYS
from license_server.signing.revocation_store import StoredList
from license_server.site import Site

_LOOKS_EVERY = 15
"""Seconds: a look reads the audit log."""
_log = structlog.get_logger()


class Publisher:
    """One for each process; whose list comes second finds that nothing waits any more."""

    def __init__(self, site: Callable[[], Site]) -> None:
        """*site* gives the one that signs at present."""
        self._site = site

    def at_work(self) -> AbstractAsyncContextManager[None]:
        """Look every now and then meanwhile; not at all where the settings do not say so."""
        if not self._minutes():
            return nullcontext()
        return repeated(self.look, "no list published", _LOOKS_EVERY)

    async def look(self) -> None:
        """Publish a list, if one is due."""
        site = self._site()
        now = site.clock()
        if await site.read(lambda connection: _is_due(connection, now, self._minutes())):
            await site.publish_revocations(SERVER, now, LISTED_DAYS, _logged)

    def _minutes(self) -> int:
        return self._site().settings.revocations_minutes


def _is_due(connection: Connection, now: int, minutes: int) -> bool:
    """Whether an act has waited for so many *minutes*, or the list in force is half over."""
    last = revocation_store.standing(connection)
    if last is not None and now - last.created_at >= (last.expires_at - last.created_at) // 2:
        return True
    waiting = revocation_store.waiting_since(connection, 0 if last is None else last.created_at)
    return waiting is not None and now - waiting >= minutes * 60


def _logged(new: StoredList, count: int) -> Reply:
    _log.info("revocation list published", number=new.number, licenses=count, whole=new.is_whole)
    return Reply(201, None, b"")
