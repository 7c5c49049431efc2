"""Gives the reminders that are due, and tells owners of them. Every server looks.

Which of them gives one makes no difference: a second one breaks a unique key, finds it given, and
goes on. Without a mail server nothing is given, so that nothing is lost once there is one.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple

import structlog
from sqlalchemy import Connection

from license_core.errors import DatabaseUnavailableError, LicenseError
from license_server.background.loop import repeated
from license_server.db.errors import ServerStoppingError
from license_server.mail import mail_servers, outgoing
from license_server.mail.outbox_store import Mail
from license_server.renewals import leaving, owners, reminding
from license_server.renewals.reminding import Reminding
from license_server.site import Site

_LOOKS_EVERY = 300
"""Seconds: it is about days."""
_log = structlog.get_logger()


class Texts(NamedTuple):
    """Writes the mails, in words that are not this package's."""

    customer: reminding.Write
    owner: owners.Write


class Reminder:
    """One for each process."""

    def __init__(self, site: Callable[[], Site], texts: Callable[[Site], Texts]) -> None:
        """*site* gives the present one, *texts* what writes its mails."""
        self._site, self._texts = site, texts
        self._hindered: LicenseError | None = None

    def at_work(self) -> AbstractAsyncContextManager[None]:
        """Look every now and then meanwhile."""
        return repeated(self.look, "reminders not given", _LOOKS_EVERY)

    def may_leave(self, connection: Connection, mail: Mail, now: int) -> bool:
        """Whether a claimed *mail* says what is so, as it leaves; else it is withdrawn."""
        site = self._site()
        texts, new_id = self._texts(site), lambda: _new_id(site)
        return leaving.may_leave(connection, mail, now, texts.customer, texts.owner, new_id)

    async def look(self) -> None:
        """Give what is due, where mails can be sent; what hindered one is raised in the end."""
        site, self._hindered = self._site(), None
        now = site.clock()
        if not site.settings.sends_mail:
            return
        given = await self._give(site, now)
        told = await self._tell(site, now)
        if given or told:
            _log.info("reminders given", reminders=given, owners=told)
        if self._hindered is not None:
            raise self._hindered

    async def _give(self, site: Site, now: int) -> int:
        """Give what is due, each customer's in a transaction; how many reminders that were."""
        texts = self._texts(site)

        def find(connection: Connection) -> tuple[Reminding, list[int]]:
            known = Reminding.read(connection)
            return known, reminding.due(connection, known, now)

        _, found = await site.read(find)
        given = 0
        for customer_id in found:

            def work(connection: Connection, id_: int = customer_id) -> int:
                known = Reminding.read(connection)
                write, new_id = texts.customer, lambda: _new_id(site)
                return reminding.give(connection, id_, known, now, write, new_id)

            given += await self._each(site, work)
        return given

    async def _tell(self, site: Site, now: int) -> int:
        """Tell each owner what they were not told yet; how many mails that are."""
        zone = site.settings.time_zone
        day = owners.today(now, zone)
        if day is None:
            return 0
        texts, of_day = self._texts(site), day
        found = await site.read(lambda connection: owners.due(connection, of_day, now))
        told = 0
        for owner in found:

            def work(connection: Connection, owner: str = owner) -> bool:
                write, new_id = texts.owner, lambda: _new_id(site)
                return owners.tell(connection, owner, of_day, now, write, new_id)

            told += await self._each(site, work)
        return told

    async def _each(self, site: Site, work: Callable[[Connection], int]) -> int:
        """What *work* gives; what hinders one customer, or owner, holds up no other."""
        try:
            return await site.write(work)
        except (DatabaseUnavailableError, ServerStoppingError):
            raise
        except LicenseError as error:
            self._hindered = self._hindered or error
            return 0


def _new_id(site: Site) -> str:
    return outgoing.new_id(site.random(16), mail_servers.sender(site.settings))
