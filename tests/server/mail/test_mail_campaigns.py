"""Mails in and out while servers are killed and all around them fails: none lost, none twice.

The long ones print what they measured; that fails no test.
"""

import os
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Event

import httpx
import pytest
from sqlalchemy import Connection, text

from license_core.errors import DatabaseUnavailableError
from license_server.actor import COMMAND
from license_server.db.database import Database
from license_server.mail import collecting, incoming, outbox
from license_server.mail.incoming import Own
from license_server.mail.outbox import Draft
from license_server.operations import data_folder
from license_server.requests import handling, outcomes, request_store
from license_server.requests.request_store import Filter
from tests.support import dovecot, forked, mails, server, smtp, wire
from tests.support.dovecot import Dovecot
from tests.support.forked import Forked
from tests.support.imap import PASSWORD, USER
from tests.support.mailroom import LINE, key, written
from tests.support.postgres import OwnServer, new_database
from tests.support.wire import OPEN, REFUSES, STALLS

WAITING = "select id from mails where state in ('waiting', 'claimed', 'sending')"
_ID = re.compile(rb"(?im)^message-id: *(<[^>\r\n]+>)")


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


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str | None:
    return None if request.param == "sqlite" else new_database()


@pytest.fixture
def holding() -> Iterator[Dovecot]:
    with dovecot.running() as running:
        yield running


def number(database: Database, query: str) -> int:
    return database.read(lambda c: int(c.execute(text(query)).scalar_one()))


@pytest.mark.torture
def test_300_mails_are_filed_once_though_their_readers_are_killed_100_times(
    holding: Dovecot, tmp_path: Path, database: str | None
) -> None:
    made = [mails.made(one) for one in range(300)]
    holding.put(*(one.data for one in made))
    vendor, drawn, ticks = Vendor(tmp_path, database, holding.port), random.Random(20), Event()
    opened, killed, seen = vendor.open(), 0, {0}
    filed = "select count(*) from mailbox_mails"
    while killed < 100:
        with vendor.fetching() as first, vendor.fetching() as second:
            if killed % 3 == 0 and max(seen) < len(made):
                server.until(first, lambda: number(opened, filed) > max(seen))
            ticks.wait(drawn.uniform(0, 0.3))
            for process in (first, second):
                killed += process.poll() is None
                process.kill()
        seen.add(number(opened, filed))
        if max(seen) == len(made):  # once more from the beginning, as where the folder moved
            opened.write(lambda c: c.execute(text("update mailbox_places set uidvalidity = 1")))
    with vendor.fetching() as last:
        assert last.wait(600) == 0
    wanted = {host for one in made for host in one.hosts}
    assert number(opened, "select count(*) from mailbox_mails") == len(made)
    assert number(opened, "select count(distinct host_key) from requests") == len(wanted)
    asked = [
        (one.host, one.sender_address, None if one.host else one.text)
        for mail in made
        for one in collecting.asked(incoming.read(mail.data, Own("vendor.example")))
    ]
    # The same text without a host, from the same sender, is one request: counted, each time once.
    assert number(opened, "select count(*) from requests") == len(set(asked))
    repeats = number(opened, "select coalesce(sum(repeats), 0) from requests")
    assert repeats == len(asked) - len(set(asked))
    opened.close()
    vendor.check()
    print(f"killed {killed} times; so many were filed in between: {sorted(seen)}")


@pytest.mark.torture
@pytest.mark.timeout(3600)
def test_10000_mails_that_wait_at_the_start(
    holding: Dovecot, tmp_path: Path, database: str | None
) -> None:
    many = 10_000
    holding.put(*(written(f"您好\n{LINE.format(key())}\n") for _ in range(many)))
    vendor = Vendor(tmp_path, database, holding.port)
    opened, begun, ticks = vendor.open(), time.monotonic(), Event()
    with server.serving(vendor.data, database, **vendor.env) as (_, process):
        while number(opened, "select count(*) from mailbox_mails") < many:
            assert process.poll() is None
            ticks.wait(1)
        took = time.monotonic() - begun
        there = Path(f"/proc/{process.pid}")
        peak = re.search(r"VmHWM:\s+(\d+)", (there / "status").read_text("ascii"))
        user, system = (there / "stat").read_text("utf-8").rpartition(")")[2].split()[11:13]
    assert number(opened, "select count(*) from requests") == many
    opened.close()
    assert peak is not None
    busy = (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
    print(f"{many} mails in {took:.0f} s, {busy:.0f} s of a processor; {peak[1]} KiB at most")


@pytest.mark.torture
def test_200_mails_are_shown_soon_after_they_came(holding: Dovecot, tmp_path: Path) -> None:
    told = shown_after(holding, tmp_path, 200)
    print(f"from mail to request: median {told[99]:.2f} s, p95 {told[189]:.2f} s, {told[-1]:.2f} s")


def shown_after(holding: Dovecot, folder: Path, many: int) -> list[float]:
    """Seconds from a mail in the folder to its request over the API; the shortest first."""
    vendor, took, ticks = Vendor(folder, None, holding.port), list[float](), Event()
    vendor.env["LICENSE_SERVER_IMAP_SECONDS"] = "600"  # only what is announced is seen in time
    opened = vendor.open()
    bearer = {"Authorization": f"Bearer {server.new_token(opened, 'test')}"}
    with (
        server.serving(vendor.data, **vendor.env) as (url, _),
        httpx.Client(base_url=url, headers=bearer) as client,
    ):
        while not number(opened, "select count(*) from mailbox_places where read_at is not null"):
            ticks.wait(0.05)
        for _ in range(many):
            host, begun = key(), time.monotonic()
            holding.put(written(LINE.format(host)))
            while not client.get("/api/v1/requests", params={"host_key": host}).json()["requests"]:
                assert time.monotonic() - begun < 120
                ticks.wait(0.02)
            took.append(time.monotonic() - begun)
    opened.close()
    return sorted(took)


# Everything fails


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
        self._servers = [ExitStack(), ExitStack()]
        self.hosts: list[str] = []
        self.troubles: Counter[str] = Counter()
        for one in self._servers:
            self._start(one)

    def _start(self, one: ExitStack) -> None:
        one.enter_context(server.serving(self.vendor.data, self.vendor.database, **self.vendor.env))

    def come(self, many: int) -> None:
        """Let mails come in."""
        for _ in range(many):
            self.hosts.append(key())
            self.holding.put(written(LINE.format(self.hosts[-1])))

    def answer(self) -> None:
        """Answer every request that is new, and close it, in one transaction each."""
        now = int(time.time())
        for one in self.database.read(
            lambda c: request_store.listed(c, Filter(("new",)), limit=500)
        ):
            id_ = f"<hostseal.{one.id:032x}@vendor.example>"

            def work(
                connection: Connection, one: request_store.StoredRequest = one, id_: str = id_
            ) -> None:
                draft = Draft(
                    str(one.sender_address), "Re: x", "No.", thread=(str(one.message_id),)
                )
                outbox.queue(connection, draft, COMMAND, now, id_)
                handling.sent(connection, one, draft.body, id_, COMMAND, now)
                outcomes.refuse(connection, one.id, COMMAND, "no", now)

            self.database.write(work)

    def trouble(self, kind: str) -> None:
        """Let something fail for a moment."""
        self.troubles[kind] += 1
        wait = self._drawn.uniform(0.2, 1.5)
        if kind == "kill":
            one = self._drawn.choice(self._servers)
            self._ticks.wait(wait)
            one.close()
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

    def until(self, query: str, wanted: int) -> None:
        end = time.monotonic() + 300
        while (found := number(self.database, query)) != wanted:
            assert time.monotonic() < end, f"{query}: {found}"
            self.surely(self.answer)
            self._ticks.wait(0.2)

    def end(self) -> tuple[int, int]:
        """Let all come to its end; how many mails were sent, and of how many nobody knows."""
        self.until("select count(*) from requests where state = 'refused'", len(self.hosts))
        for one in self._servers:
            one.close()
        # Ten minutes later: what servers that are gone had claimed, another takes up.
        later = text(f"update mails set due_at = 0 where id in ({WAITING})")
        self.database.write(lambda c: c.execute(later))
        for one in self._servers:
            self._start(one)
        soon = text("update mails set due_at = 0 where state = 'waiting'")
        while number(self.database, f"select count(*) from ({WAITING}) as w"):
            self.database.write(lambda c: c.execute(soon))
            self._ticks.wait(0.5)
        for one in self._servers:
            one.close()
        return self._check()

    def _check(self) -> tuple[int, int]:
        many = len(self.hosts)
        assert number(self.database, "select count(*) from mailbox_mails") == many
        assert number(self.database, "select count(*) from requests") == many
        assert number(self.database, "select count(distinct host_key) from requests") == many
        assert number(self.database, "select coalesce(sum(repeats), 0) from requests") == 0
        rows = self.database.read(
            lambda c: c.execute(text("select message_id, state from mails")).all()
        )
        states = {str(id_): str(state) for id_, state in rows}
        assert len(states) == many
        assert set(states.values()) <= {"sent", "unsure"}
        taken = Counter(
            found[1].decode() for one in self.relay.taken if (found := _ID.search(one.content))
        )
        assert [id_ for id_, times in taken.items() if times > 1] == []
        assert [id_ for id_, state in states.items() if state == "sent" and not taken[id_]] == []
        self.vendor.check()
        counts = Counter(states.values())
        return counts["sent"], counts["unsure"]

    def close(self) -> None:
        for one in self._servers:
            one.close()
        self.database.close()
        self._stack.close()


KINDS = ("kill", "refuses", "stalls", "cut")


def test_two_servers_lose_nothing_and_send_nothing_twice_whatever_fails(
    holding: Dovecot, tmp_path: Path
) -> None:
    campaign = Campaign(tmp_path, None, None, holding, 3)
    try:
        for kind in KINDS:
            campaign.come(3)
            campaign.trouble(kind)
            campaign.answer()
        sent, unsure = campaign.end()
    finally:
        campaign.close()
    print(f"{sent} sent, {unsure} perhaps sent")


@pytest.mark.torture
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_two_servers_lose_nothing_and_send_nothing_twice_in_a_long_campaign(
    holding: Dovecot, tmp_path: Path, kind: str
) -> None:
    own = OwnServer() if kind == "postgresql" else None
    campaign = Campaign(tmp_path, own.url if own else None, own, holding, 7)
    drawn = random.Random(9)
    kinds = (*KINDS, "database") if own else KINDS
    begun = time.monotonic()
    try:
        for _ in range(100):
            campaign.come(drawn.randrange(6))
            campaign.trouble(drawn.choice(kinds))
            campaign.surely(campaign.answer)
        sent, unsure = campaign.end()
    finally:
        campaign.close()
    took = time.monotonic() - begun
    print(f"{dict(campaign.troubles)}: {sent} sent, {unsure} perhaps sent, in {took:.0f} s")
