"""Mails in and out while servers are killed and all around them fails: none lost, none twice.

The long ones print what they measured; that fails no test.
"""

import os
import random
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import httpx
import pytest
from sqlalchemy import text

from license_server.mail import collecting, incoming
from license_server.mail.incoming import Own
from tests.support import dovecot, mails, server
from tests.support.dovecot import Dovecot
from tests.support.mail_campaign import KINDS, Campaign, Vendor, number
from tests.support.mailroom import LINE, key, written
from tests.support.postgres import OwnServer, new_database


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str | None:
    return None if request.param == "sqlite" else new_database()


@pytest.fixture
def holding() -> Iterator[Dovecot]:
    with dovecot.running() as running:
        yield running


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
        httpx.Client(base_url=url, headers=bearer, timeout=60) as client,
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


def some(many: int) -> list[tuple[str, bytes]]:
    """Mails, each with the host that it names."""
    keys = [key() for _ in range(many)]
    return [(one, written(LINE.format(one))) for one in keys]


def told(campaign: Campaign, sent: int, unsure: int) -> str:
    troubles = dict(campaign.troubles)
    return f"{troubles}: {sent} sent, {unsure} perhaps; {campaign.by_rule} answered by a rule"


def test_two_servers_lose_nothing_and_answer_nothing_twice_whatever_fails(
    holding: Dovecot, tmp_path: Path
) -> None:
    campaign, hosts = Campaign(tmp_path, None, None, holding, 3), list[str]()
    try:
        for kind in KINDS:
            for host, mail in some(3):
                hosts.append(host)
                campaign.come(mail)
            campaign.trouble(kind)
        sent, unsure = campaign.end(hosts)
    finally:
        campaign.close()
    print(told(campaign, sent, unsure))


@pytest.mark.torture
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_two_servers_lose_nothing_and_answer_nothing_twice_in_a_long_campaign(
    holding: Dovecot, tmp_path: Path, kind: str
) -> None:
    own = OwnServer() if kind == "postgresql" else None
    campaign, hosts = Campaign(tmp_path, own.url if own else None, own, holding, 7), list[str]()
    drawn = random.Random(9)
    kinds = (*KINDS, "database") if own else KINDS
    begun = time.monotonic()
    try:
        for _ in range(100):
            for host, mail in some(drawn.randrange(6)):
                hosts.append(host)
                campaign.come(mail)
            campaign.trouble(drawn.choice(kinds))
        sent, unsure = campaign.end(hosts)
    finally:
        campaign.close()
    print(f"{told(campaign, sent, unsure)}; {time.monotonic() - begun:.0f} s")


@pytest.mark.torture
@pytest.mark.timeout(3600)
def test_300_mails_are_each_answered_once_though_servers_are_killed_100_times(
    holding: Dovecot, tmp_path: Path, database: str | None
) -> None:
    """As programs and people write them; what names no host is never answered with a licence."""
    campaign, begun = Campaign(tmp_path, database, None, holding, 20), time.monotonic()
    campaign.relay.says = slow(random.Random(21))
    made = [mails.made(one) for one in range(300)]
    try:
        for number_ in range(100):
            campaign.come(*(one.data for one in made[number_ * 3 : number_ * 3 + 3]))
            campaign.trouble("kill")
        sent, unsure = campaign.end([host for one in made for host in one.hosts])
    finally:
        campaign.close()
    print(f"{told(campaign, sent, unsure)}; {time.monotonic() - begun:.0f} s")


def slow(drawn: random.Random) -> Callable[[str], str]:
    """A relay that takes its time before it says that it took a mail."""
    ticks = Event()

    def says(command: str) -> str:
        if command == ".":
            ticks.wait(drawn.uniform(0, 0.5))
        return ""

    return says
