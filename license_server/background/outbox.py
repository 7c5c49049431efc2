"""Sends what is in the outbox, once the act is committed that it goes with.

Each process looks every second. A mail is one process's before it is tried, so that with several of
them each is sent by one; and what became of it is written down even where the process is to end.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog
from sqlalchemy import Connection

from license_core.errors import LicenseError
from license_server.actor import SERVER
from license_server.background.loop import repeated, tell
from license_server.licenses import issuing
from license_server.mail import addresses, mail_servers, outbox, outgoing, relay
from license_server.mail.outbox import Outcome
from license_server.mail.outbox_store import FAILED, WAITING, Mail
from license_server.mail.relay import Begin, Relay
from license_server.portal import mailing
from license_server.portal.errors import PortalLinkOverError
from license_server.site import Site

_ENDS_WITHIN = 20
"""Seconds for which a process that is to end waits for mails that are being sent."""
_OVER = ("revoked", "returned")
"""The states of licences whose files are not sent any more."""
_AT_ONCE = 4
"""So many mails does a process send at a time."""
MayLeave = Callable[[Connection, Mail, int], bool]
"""Asked in the transaction after which a claimed mail leaves; what says no has withdrawn it."""
_log = structlog.get_logger()


class Postman:
    """One for each process; what they know of one another is in the database."""

    def __init__(
        self,
        site: Callable[[], Site],
        server: Relay | None,
        portal_key: bytes,
        may_leave: MayLeave,
    ) -> None:
        """*site* gives the one that signs at present; *server* takes the mails, if there is one.

        *portal_key*: what portal links are drawn from that leave by mail.
        """
        self._site, self._server, self._portal_key = site, server, portal_key
        self._may_leave = may_leave
        self._drawn: str | None = None
        self._underway: set[asyncio.Task[None]] = set()

    @property
    def _name(self) -> str:
        """By which the database knows this process."""
        if self._drawn is None:
            self._drawn = self._site().random(8).hex()
        return self._drawn

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Look every second meanwhile; not at all where the settings name no server."""
        if self._server is None:
            yield
            return
        try:
            async with repeated(self.look, "outbox not looked at"):
                yield
        finally:
            if self._underway:
                await asyncio.wait(self._underway, timeout=_ENDS_WITHIN)

    async def look(self) -> None:
        """Begin to send what is due; ``idle`` tells when that is done."""
        free = _AT_ONCE - len(self._underway)
        if self._server is None or free <= 0:
            return
        site = self._site()
        now = site.clock()
        mails = await site.write(lambda connection: outbox.claim(connection, self._name, now, free))
        for mail in mails:
            task = asyncio.create_task(self._send(site, mail, self._server))
            self._underway.add(task)
            task.add_done_callback(self._underway.discard)

    async def idle(self) -> None:
        """Wait until nothing is being sent."""
        while self._underway:
            await asyncio.wait(self._underway)

    async def _send(self, site: Site, mail: Mail, server: Relay) -> None:
        try:
            outcome = await asyncio.to_thread(self._try, site, mail, server)
            if outcome is not None:
                await self._keep(site, mail, outcome)
        except Exception as error:  # noqa: BLE001  # its lease ends, and it is tried again or told
            tell("mail not sent", error, mail=mail.id)

    def _try(self, site: Site, mail: Mail, server: Relay) -> Outcome | None:
        """Hand *mail* in, in a thread; None where it is another server's by now."""
        sender = mail_servers.sender(site.settings)
        try:
            file = None
            if mail.license is not None:
                number = mail.license
                stored = site.database.read(lambda connection: issuing.find(connection, number))
                file = issuing.file_of(stored)
            base, now, key = site.settings.public_url, site.clock(), self._portal_key
            whole = site.database.read(lambda c: mailing.filled(c, mail, base, key, now))
        except PortalLinkOverError as error:
            return Outcome(FAILED, error.sentence)
        except LicenseError as error:
            return Outcome(WAITING, error.sentence)
        try:
            content = outgoing.write(whole, sender, file, now)
        except Exception as error:  # noqa: BLE001  # it would be the same next time
            _log.exception("mail not written", mail=mail.id)
            return Outcome(
                FAILED, f"the mail could not be written: {type(error).__name__}: {error}"
            )
        address = outgoing.address_of(sender)
        recipient = addresses.written(mail.recipient)
        return relay.send(server, address, recipient, content, self._begin(site, mail))

    def _begin(self, site: Site, mail: Mail) -> Begin:
        """What commits that the content of *mail* is about to leave."""

        def begin() -> bool:
            def work(connection: Connection) -> bool:
                now = site.clock()
                if not (_holds(connection, mail, now) and self._may_leave(connection, mail, now)):
                    return False
                return outbox.begin(connection, mail.id, self._name, now)

            return site.database.writer.submit(work).result()

        return begin

    async def _keep(self, site: Site, mail: Mail, outcome: Outcome) -> None:
        chance = int.from_bytes(site.random(4), "big") / 0xFFFFFFFF

        def work(connection: Connection) -> None:
            outbox.finish(connection, mail.id, self._name, outcome, site.clock(), chance)

        await site.write(work)
        _log.info("mail tried", mail=mail.id, state=outcome.state, answer=outcome.answer[:200])


def _holds(connection: Connection, mail: Mail, now: int) -> bool:
    """Whether the licence that a claimed *mail* brings is not over; else the mail is withdrawn."""
    if mail.license is None or issuing.find(connection, mail.license).state not in _OVER:
        return True
    outbox.withdraw(connection, mail, SERVER, now)
    return False
