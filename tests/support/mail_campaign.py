"""Two servers with one mailbox and one relay, which are killed while all around them fails.

Half of the mails are of a known sender, and a rule answers them; a clerk answers the others.
"""

import email
import email.policy
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from threading import Event, Thread

from sqlalchemy import text

from license_core.errors import DatabaseUnavailableError
from license_core.verify import open_license
from license_server.actor import COMMAND
from license_server.catalog import customers, products
from license_server.db.database import Database
from license_server.mail import outbox, outbox_store
from license_server.operations import data_folder
from license_server.requests import request_store
from license_server.requests.request_store import DUE, Filter
from tests.support import forked, server, smtp, wire
from tests.support.clerk import Clerk
from tests.support.dovecot import Dovecot
from tests.support.forked import Forked
from tests.support.imap import PASSWORD, USER
from tests.support.postgres import OwnServer
from tests.support.wire import OPEN, REFUSES, STALLS

KINDS = ("kill", "refuses", "stalls", "cut")
CUSTOMER, PLAN = "Customer", "Standard"
KNOWN = b"Authentication-Results: mx.vendor.example; dmarc=pass header.from=customer.example\r\n"
"""What the receiving server writes over a mail of the customer's domain."""
_ON_THE_WAY = "select id from mails where state in ('waiting', 'claimed', 'sending')"
_ID = re.compile(rb"(?im)^message-id: *(<[^>\r\n]+>)")
_PATIENCE = 600
"""Seconds in which all must come to its end, on a machine that has much to do."""


class Vendor:
    """A server's data, and how it is told of its mailbox and of the relay."""

    def __init__(
        self, folder: Path, database: str | None, imap_port: int, smtp_port: int | None = None
    ) -> None:
        self.data, self.database, self._folder = folder / "server", database, folder
        self.settings = server.make(self.data, database)
        (folder / "password").write_text(f"{PASSWORD}\n", "utf-8")
        (folder / "password").chmod(0o600)
        self.env = {
            "LICENSE_SERVER_IMAP_HOST": "127.0.0.1",
            "LICENSE_SERVER_IMAP_PORT": str(imap_port),
            "LICENSE_SERVER_IMAP_TLS": "none",
            "LICENSE_SERVER_IMAP_USER": USER,
            "LICENSE_SERVER_IMAP_PASSWORD_FILE": str(folder / "password"),
            "LICENSE_SERVER_IMAP_SECONDS": "1",
        }
        if smtp_port is not None:
            self.env |= {
                "LICENSE_SERVER_IMAP_AUTHSERV_ID": "mx.vendor.example",
                "LICENSE_SERVER_SMTP_HOST": "127.0.0.1",
                "LICENSE_SERVER_SMTP_PORT": str(smtp_port),
                "LICENSE_SERVER_SMTP_TLS": "none",
                "LICENSE_SERVER_MAIL_FROM": "Vendor <support@vendor.example>",
            }

    def open(self) -> Database:
        return data_folder.open_database(self.settings)

    def fetching(self) -> Forked:
        env = server.environment(self.data, self.database) | self.env
        with (self._folder / "log").open("ab") as log:
            return forked.shared().start("mail", "fetch", env=env, stderr=log)

    def check(self) -> None:
        done = server.at_once("fsck", env=server.environment(self.data, self.database))
        assert done.returncode == 0, done.stdout + done.stderr


def number(database: Database, query: str) -> int:
    return database.read(lambda c: int(c.execute(text(query)).scalar_one()))


class Campaign:
    """Two servers, one mailbox, one relay; what stands between them fails."""

    def __init__(
        self, folder: Path, database: str | None, own: OwnServer | None, holding: Dovecot, seed: int
    ) -> None:
        self._stack, self._drawn, self._ticks = ExitStack(), random.Random(seed), Event()
        self._own, self.holding = own, holding
        self.relay = self._stack.enter_context(smtp.serving())
        self._ways = [
            self._stack.enter_context(wire.to(port)) for port in (holding.port, self.relay.port)
        ]
        self.vendor = Vendor(folder, database, self._ways[0].port, self._ways[1].port)
        self.database = self.vendor.open()
        self._known()
        self._servers = [ExitStack(), ExitStack()]
        self._urls = dict[ExitStack, str]()
        self.mails = 0
        self.troubles: Counter[str] = Counter()
        for one in self._servers:
            self._start(one)
        self._clerk = Clerk(lambda: list(self._urls.values()), CUSTOMER)

    def _known(self) -> None:
        """A customer whose mails a rule answers."""
        rule = {"plans": {PLAN: {"days": 30}}, "mail_plan": PLAN, "mail_daily": 1000}
        write = self.database.write
        write(lambda c: products.add(c, {"name": "darwin"} | rule, COMMAND, 1))
        whose = {"name": CUSTOMER, "domains": ["customer.example"]}
        write(lambda c: customers.add(c, whose, COMMAND, 1))

    def _start(self, one: ExitStack) -> None:
        served = server.serving(self.vendor.data, self.vendor.database, **self.vendor.env)
        self._urls[one] = one.enter_context(served)[0]

    def _stop(self, one: ExitStack) -> None:
        """Kill it."""
        self._urls.pop(one, None)
        one.close()

    def come(self, *mails: bytes) -> None:
        """Let mails come in, every other one from a known sender."""
        for one in mails:
            self.mails += 1
            self.holding.put(KNOWN + one if self.mails % 2 else one)

    def answer(self) -> None:
        """Let the clerk answer every request that the rule does not."""
        wanted = Filter(("new",))
        for one in self.database.read(lambda c: request_store.listed(c, wanted, limit=500)):
            if one.rule != DUE:
                self._clerk.answer(one.id)

    def trouble(self, kind: str) -> None:
        """Let something fail for a moment, while the clerk is at work."""
        self.troubles[kind] += 1
        with self._clerk_at_work():
            self._trouble(kind, self._drawn.uniform(0.2, 1.5))

    @contextmanager
    def _clerk_at_work(self) -> Iterator[None]:
        at_work = Thread(target=self.surely, args=(self.answer,))
        at_work.start()
        yield
        at_work.join()

    def _trouble(self, kind: str, wait: float) -> None:
        if kind == "kill":
            one = self._drawn.choice(self._servers)
            self._ticks.wait(wait)
            self._stop(one)
            self._start(one)
        elif kind == "database" and self._own is not None:
            self._own.stop_at_once()
            self._ticks.wait(wait)
            self._own.start()
        elif kind in ("refuses", "stalls"):
            way = self._drawn.choice(self._ways)
            way.state = REFUSES if kind == "refuses" else STALLS
            self._ticks.wait(wait)
            way.state = OPEN
        elif kind == "cut":
            self._ticks.wait(wait)
            self._drawn.choice(self._ways).cut()

    def surely(self, work: Callable[[], None]) -> None:
        """Do *work*, again where the database is just away."""
        for _ in range(100):
            try:
                return work()
            except DatabaseUnavailableError:
                self._ticks.wait(0.2)
        return work()

    def end(self, hosts: Sequence[str]) -> tuple[int, int]:
        """Let all come to its end: how many mails were sent, and of how many nobody knew.

        Each of the *hosts* has one licence, which came to who asked for it once; nobody else has.
        """
        self._until("select count(*) from mailbox_mails", self.mails)
        self._until("select count(*) from requests where state = 'new'", 0)
        counts = self._until_nothing_is_on_its_way()
        if self._decide():
            self._until_nothing_is_on_its_way()
        self._check(hosts)
        return counts["sent"], counts["unsure"]

    def _until(self, query: str, wanted: int) -> None:
        end = time.monotonic() + _PATIENCE
        while (found := number(self.database, query)) != wanted:
            assert time.monotonic() < end, f"{query}: {found}"
            self.surely(self.answer)
            self._ticks.wait(0.2)

    def _until_nothing_is_on_its_way(self) -> Counter[str]:
        """Ten minutes later; how many mails are in each state then."""
        # What servers that are gone had claimed, another takes up. None sends meanwhile.
        for one in self._servers:
            self._stop(one)
        self._due(f"id in ({_ON_THE_WAY})")
        self._start(self._servers[0])
        end = time.monotonic() + _PATIENCE
        while number(self.database, f"select count(*) from ({_ON_THE_WAY}) as w"):
            assert time.monotonic() < end
            self._due("state = 'waiting'")
            self._ticks.wait(0.5)
        found = self.database.read(lambda c: c.execute(text("select state from mails")).scalars())
        return Counter(map(str, found))

    def _due(self, which: str) -> None:
        query = text(f"update mails set due_at = 0 where {which}")
        self.database.write(lambda c: c.execute(query))

    def _decide(self) -> int:
        """A person looks into the relay's log for each mail of which nobody knows: how many."""
        taken, now = self._taken(), int(time.time())
        unsure = (outbox_store.UNSURE,)
        found = self.database.read(lambda c: outbox_store.in_states(c, unsure, 1000))
        for one in found:
            decide = outbox.cancel if taken[one.message_id] else outbox.retry
            self.database.write(partial(decide, id_=one.id, actor=COMMAND, now=now))
        return len(found)

    def _taken(self) -> Counter[str]:
        """How often the relay took the mail of each id."""
        return Counter(
            found[1].decode() for one in self.relay.taken if (found := _ID.search(one.content))
        )

    def _check(self, hosts: Sequence[str]) -> None:
        for one in self._servers:
            self._stop(one)
        rows = self.database.read(
            lambda c: c.execute(
                text(
                    "select r.host_key, r.sender_address, r.license, r.state, l.host_key, r.rule"
                    " from requests r left join licenses l on l.number = r.license"
                )
            ).all()
        )
        issued = {row[0]: row for row in rows if row[3] == "issued"}
        assert sorted(row[0] for row in rows if row[0]) == sorted(issued) == sorted(hosts)
        assert all(row[0] == row[4] for row in issued.values())
        assert {row[3] for row in rows if row[0] is None} <= {"refused"}
        assert number(self.database, "select count(*) from licenses") == len(hosts)
        assert number(self.database, "select count(distinct license) from mails") == len(hosts)
        assert number(self.database, "select count(*) from mails") == len(hosts)
        taken = self._taken()
        assert [id_ for id_, times in taken.items() if times > 1] == []
        assert len(taken) == len(hosts)
        self._check_files({row[0]: (row[1], row[2]) for row in rows if row[0]})
        self.by_rule = sum(row[5] == "issued" for row in rows)
        self.vendor.check()

    def _check_files(self, asked: dict[str, tuple[str, str]]) -> None:
        """Who asked got the licence for their host; each file verifies."""
        roots = server.roots(self.vendor.data)
        for one in self.relay.taken:
            mail = email.message_from_bytes(one.content, policy=email.policy.default)
            (attached,) = mail.iter_attachments()
            license_ = open_license(attached.get_content(), roots=roots).license
            assert asked.pop(license_.host.key) == (one.recipient, license_.jti)
        assert asked == {}

    def close(self) -> None:
        for one in self._servers:
            self._stop(one)
        self._clerk.close()
        self.database.close()
        self._stack.close()
