"""A restored server sends nothing again of what was sent since its backup was made."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from license_server.access import accounts
from license_server.actor import COMMAND
from license_server.background.fetching import Fetcher
from license_server.background.outbox import Postman
from license_server.background.reminders import Reminder
from license_server.background.rules import Rules
from license_server.background.webhooks import Sender
from license_server.catalog import customers, products
from license_server.catalog.terms import DAY
from license_server.cli import backup
from license_server.licenses import issuing
from license_server.mail import mail_servers, outbox_store
from license_server.mail.outbox_store import OPEN, Mail
from license_server.operations import data_folder
from license_server.portal import mailing as portal_mailing
from license_server.portal.mailing import PLACE, Letter
from license_server.requests import request_store
from license_server.requests.request_store import Filter
from license_server.settings import ServerSettings
from license_server.web import mailing, reminder_letters
from license_server.webhooks import endpoints
from license_server.webhooks.endpoints import Sealing
from tests.support import hooks, imap, server, smtp
from tests.support.desk import Clock
from tests.support.hooks import LOOPBACK, names
from tests.support.imap import PASSWORD, USER
from tests.support.ledger import ISSUER, Ledger, line, open_ledger
from tests.support.reminding import at

CONTACT = "li@customer.example"
KNOWN = "Authentication-Results: mx.vendor.example; dmarc=pass header.from=customer.example"
BEGIN = date(2026, 11, 18)


class Running:
    """A server, of which each loop looks when it is told to; what is around it is there once."""

    def __init__(self, settings: ServerSettings, clock: Clock, around: "Around") -> None:
        more = around.settings | {"webhook_networks": LOOPBACK, "portal": True}
        settings = settings.model_copy(update=more)
        made = open_ledger(settings)
        self.site = made.site._replace(settings=settings, clock=clock)
        self.ledger: Ledger = made._replace(site=self.site)
        self.clock, self.seeds = clock, data_folder.open_seeds(settings)
        reminder = Reminder(lambda: self.site, reminder_letters.texts)
        relay = mail_servers.relay(settings, clock)
        self._loops: dict[str, Callable[[], Any]] = {
            "reminders": reminder.look,
            "rules": Rules(lambda: self.site, mailing.answers(lambda: self.site)).look,
        }
        self._postman = Postman(lambda: self.site, relay, self.seeds.portal, reminder.may_leave)
        self._sender = Sender(lambda: self.site, self.seeds, names({}))

    def write(self, work: Callable[..., Any]) -> Any:
        return self.site.database.write(work)

    def fetch(self) -> None:
        """Read the mailbox."""
        box = mail_servers.mailbox(self.site.settings, self.clock)
        assert box is not None
        own = mail_servers.own(self.site.settings)
        Fetcher(self.site.database, box, own, 30, self.clock).fetch()

    def look(self, *loops: str) -> None:
        for one in loops:
            asyncio.run(self._loops[one]())

    def send(self) -> None:
        """Send all that is due, mails and deliveries."""
        asyncio.run(self._send())

    async def _send(self) -> None:
        async with self._sender.open_client() as client:
            for _ in range(5):
                await self._postman.look()
                await self._postman.idle()
                await self._sender.look(client)
                await self._sender.idle()

    def run(self, *days: int) -> None:
        """Let a day after BEGIN pass with all that a server does."""
        for day in days:
            self.clock.now = at(BEGIN, 12) + day * DAY
            self.fetch()
            self.look("rules", "reminders")
            self.send()

    def open_mails(self) -> list[Mail]:
        return self.site.database.read(lambda c: outbox_store.in_states(c, OPEN, 100))

    def rules_of_requests(self) -> list[tuple[str, str | None]]:
        found = self.site.database.read(
            lambda c: request_store.listed(c, Filter(("new", "issued")), limit=100)
        )
        return sorted((one.state, one.rule) for one in found)


class Around:
    """A mailbox, a relay and the end of a webhook."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self.relay = stack.enter_context(smtp.serving())
        self.mailbox = stack.enter_context(imap.serving())
        self.end = stack.enter_context(hooks.end())
        (folder / "password").write_text(f"{PASSWORD}\n", "utf-8")
        host = "127.0.0.1"
        self.settings = {
            "smtp_host": host,
            "smtp_port": self.relay.port,
            "smtp_tls": "none",
            "imap_host": host,
            "imap_port": self.mailbox.port,
            "imap_tls": "none",
            "imap_user": USER,
            "imap_password_file": folder / "password",
            "imap_authserv_id": "mx.vendor.example",
            "mail_from": "Vendor <support@vendor.example>",
            "public_url": "https://licences.vendor.example",
        }

    def come(self, host: int) -> None:
        """A mail of a known sender."""
        self.mailbox.put(
            f"{KNOWN}\r\nFrom: {CONTACT}\r\nSubject: a licence, please\r\n"
            f"Message-ID: <{host}@customer.example>\r\n\r\n{line(host)}\r\n".encode()
        )

    @property
    def sent(self) -> tuple[int, int]:
        """How many mails and webhooks left."""
        return len(self.relay.taken), len(self.end.received)


@pytest.fixture
def around(tmp_path: Path) -> Iterator[Around]:
    with ExitStack() as stack:
        yield Around(stack, tmp_path)


def furnish(running: Running, around: Around) -> None:
    """All that can be sent, before any of it was."""
    write, now = running.write, running.clock.now
    issuer = ISSUER.name.removeprefix("user:")
    write(lambda c: accounts.add(c, issuer, "a password of the issuer", "issuer", COMMAND, 1))
    given = {"plans": {"Standard": {"days": 300}}, "mail_plan": "Standard"}
    reminded = {"name": "darwin", "reminders": {"days": [30]}} | given
    write(lambda c: products.add(c, reminded, COMMAND, now))
    whose = {"name": "ACME", "contact_email": CONTACT, "domains": ["customer.example"]}
    write(lambda c: customers.add(c, whose, COMMAND, now))
    sealing = Sealing(running.seeds.webhooks, running.site.random)
    hook = {"name": "CRM", "url": around.end.url}
    write(lambda c: endpoints.add(c, hook, LOOPBACK, COMMAND, now, sealing))
    first, _, _ = (running.ledger.issue(n, days=days) for n, days in enumerate((40, 48, 60)))
    running.clock.now = at(BEGIN, 12) + 10 * DAY
    around.come(0xAB101)
    running.fetch()
    running.look("reminders")
    now, site = running.clock.now, running.site
    stored = site.database.read(lambda c: issuing.find(c, first))
    vendor = site.issuer.name
    write(lambda c: mailing.send(c, site.settings, stored, vendor, COMMAND, now, site.random))
    letter, key = Letter("A way in", f"Open {PLACE}\n"), running.seeds.portal
    write(
        lambda c: portal_mailing.send(
            c, site.settings, CONTACT, lambda _: letter, key, now, site.random
        )
    )


def test_restored_server_sends_nothing_that_was_sent_since_its_backup_was_made(
    around: Around, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    clock.now = at(BEGIN, 6)
    monkeypatch.setattr(backup, "time", SimpleNamespace(time=lambda: clock.now))
    made = server.make(tmp_path / "server", now=clock.now)
    running = Running(made, clock, around)
    furnish(running, around)
    assert around.sent == (0, 0)
    file = tmp_path / "backup.tar"
    done = server.at_once(
        "backup", "-o", str(file), "--with-keys", env=server.environment(made.data)
    )
    assert done.returncode == 0, done.stderr
    around.come(0xAB102)  # which the backup does not know
    running.run(10, 18, 20)
    assert running.open_mails() == []
    assert running.rules_of_requests() == [("issued", "issued")] * 2
    # Two reminders and the owner's mails of them, the licence, the link, and two by the rule.
    mails, told = around.sent
    assert mails == 8
    assert told > 0
    running.site.database.close()

    clock.now = at(BEGIN, 13) + 20 * DAY
    again = tmp_path / "again"
    done = server.at_once("restore", str(file), env=server.environment(again))
    assert done.returncode == 0, done.stderr
    restored = Running(server.settings(again), clock, around)
    restored.run(21, 25)
    assert around.sent == (mails, told)
    assert {one.state for one in restored.open_mails()} == {"held"}
    assert restored.rules_of_requests() == [("new", "restored")] * 2
    # What comes later is dealt with as ever.
    around.come(0xAB103)
    restored.run(30)
    subjects = [one.content.decode() for one in around.relay.taken[mails:]]
    assert len(subjects) == 3  # a reminder, the owner's mail of it, and a licence
    assert restored.rules_of_requests()[0] == ("issued", "issued")
    assert len(around.end.received) == told
    restored.ledger.link()
    assert restored.ledger.faults() == []
    restored.site.database.close()
