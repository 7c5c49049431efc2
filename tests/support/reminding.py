"""A vendor that reminds, customers of its own, and a clock that a test sets."""

import asyncio
import email
from datetime import date, datetime
from email import policy
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from license_server.access import accounts
from license_server.actor import COMMAND
from license_server.background.outbox import Postman
from license_server.background.reminders import Reminder
from license_server.catalog import customers, products
from license_server.catalog.catalog_store import Customer
from license_server.catalog.terms import DAY
from license_server.licenses import license_store
from license_server.mail import mail_servers, outbox_store
from license_server.mail.outbox_store import Mail
from license_server.renewals import reminder_store
from license_server.renewals.reminder_store import Given
from license_server.settings import ServerSettings
from license_server.site import Site
from license_server.web import reminder_letters
from tests.support.desk import Clock
from tests.support.ledger import Ledger, finished
from tests.support.smtp import Server

MAILS = {
    "smtp_host": "127.0.0.1",
    "smtp_tls": "none",
    "mail_from": "Vendor <support@vendor.example>",
    "public_url": "https://licences.vendor.example",
}
BEGIN = date(2026, 11, 18)
_NUMBERS = count(1)


class Office:
    """A vendor, and customers of whom each test has its own."""

    def __init__(self, ledger: Ledger, settings: ServerSettings) -> None:
        self.clock = Clock()
        self.clock.now = at(BEGIN, 6)
        site = ledger.site._replace(settings=settings, clock=self.clock)
        self.site: Site = site
        self.ledger = ledger._replace(site=site)
        self._before = len(self._all_mails())

    def product(self, *days: int, **more: Any) -> str:
        """A product that reminds on these days."""
        name = f"product-{next(_NUMBERS)}"
        members = {"name": name, "reminders": {"days": list(days)} | more if days else None}
        self.write(lambda c: products.add(c, members, COMMAND, self.clock.now))
        return name

    def customer(self, **more: Any) -> Customer:
        """A customer with an address."""
        name = f"Customer {next(_NUMBERS)}"
        members = {"name": name, "contact_email": "li@customer.example"} | more
        now = self.clock.now
        return self.site.database.write(lambda c: customers.add(c, members, COMMAND, now))

    def user(self, name: str) -> str:
        """The address of a user who can sign in."""
        address = f"{name}{next(_NUMBERS)}@vendor.example"
        self.write(lambda c: accounts.add(c, address, "a password of theirs", "issuer", COMMAND, 1))
        return address

    def issue(self, customer: Customer, product: str, days: int | None = 100, **more: Any) -> str:
        """A licence whose last day is so many days from today; for a host of its own."""
        order = {"customer": customer.name, "product": product, "days": days} | more
        return self.ledger.issue(5000 + next(_NUMBERS), **order)

    def write(self, work: Any) -> Any:
        return self.site.database.write(work)

    def to(self, days: int, hour: int = 12) -> None:
        """Go to an hour, in UTC, of the day so many days after BEGIN."""
        self.clock.now = at(BEGIN, hour) + days * DAY

    def reminder(self) -> Reminder:
        """A process that looks."""
        return Reminder(lambda: self.site, reminder_letters.texts)

    def leave(self, relay: Server) -> list[str]:
        """Let a process send what waits; the subjects of what it sent."""
        self.site = self.site._replace(
            settings=self.site.settings.model_copy(update={"smtp_port": relay.port})
        )
        made = mail_servers.relay(self.site.settings, self.clock)
        postman = Postman(lambda: self.site, made, bytes(32), self.reminder().may_leave)
        before = len(relay.taken)

        async def send() -> None:
            await postman.look()
            await postman.idle()

        asyncio.run(send())
        read = (email.message_from_bytes(one.content, policy=policy.default) for one in relay.taken)
        return [str(one["Subject"]) for one in read][before:]

    def look(self, *days: int) -> None:
        """Let a process look at noon of each of these days."""
        for day in days:
            self.to(day)
            finished(self.reminder().look())

    def mails(self, to: str = "li@customer.example") -> list[Mail]:
        """The mails to an address, the first one first; those of other tests, too."""
        return [one for one in self._all_mails() if one.recipient == to]

    def own_mails(self, to: str = "li@customer.example") -> list[Mail]:
        """Those of this test."""
        return [one for one in self._all_mails()[self._before :] if one.recipient == to]

    def _all_mails(self) -> list[Mail]:
        return self.site.database.read(
            lambda c: outbox_store.listed(c, None, before=None, limit=10_000)
        )[::-1]

    def given(self, number: str) -> list[tuple[int, str]]:
        """The reminders of a licence's line: days before its end, and what became of each."""
        return [(one.days, one.outcome) for one in self.rows(number)]

    def rows(self, number: str) -> list[Given]:
        """The same, whole, the first one first."""
        stored = self.site.database.read(lambda c: license_store.by_number(c, number))
        assert stored is not None
        return self.site.database.read(lambda c: reminder_store.given(c, [stored.line])).get(
            stored.line, []
        )[::-1]


def at(day: date, hour: int, zone: str = "UTC") -> int:
    """An hour of a day."""
    return int(datetime(day.year, day.month, day.day, hour, tzinfo=ZoneInfo(zone)).timestamp())
