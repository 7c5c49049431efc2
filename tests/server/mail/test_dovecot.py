"""A real Dovecot: ten mails are filed once, though who reads them is killed again and again."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import psycopg
import pytest

from tests.support import dovecot, forked, imap, mails, server
from tests.support.dovecot import Dovecot
from tests.support.forked import Forked
from tests.support.imap import PASSWORD, USER, Server
from tests.support.postgres import new_database

MANY = 10
MADE = [mails.made(number) for number in range(MANY)]
REQUESTS = sum(max(1, len(one.hosts)) for one in MADE)


class Vendor:
    """A server that reads a mailbox."""

    def __init__(self, folder: Path, database: str | None, port: int) -> None:
        self.data, self.database, self._folder = folder / "server", database, folder
        server.make(self.data, database)
        (folder / "password").write_text(f"{PASSWORD}\n", "utf-8")
        (folder / "password").chmod(0o600)
        self.env = server.environment(self.data, database) | {
            "LICENSE_SERVER_IMAP_HOST": "127.0.0.1",
            "LICENSE_SERVER_IMAP_PORT": str(port),
            "LICENSE_SERVER_IMAP_TLS": "none",
            "LICENSE_SERVER_IMAP_USER": USER,
            "LICENSE_SERVER_IMAP_PASSWORD_FILE": str(folder / "password"),
        }

    def run(self, *arguments: str, code: int = 0) -> str:
        done = server.at_once(*arguments, env=self.env)
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    def start(self) -> Forked:
        with (self._folder / "log").open("ab") as log:
            return forked.shared().start("mail", "fetch", env=self.env, stderr=log)

    def count(self, query: str) -> int:
        if self.database is not None:
            with psycopg.connect(self.database) as connection:
                found = connection.execute(query.encode()).fetchone()
        else:
            with sqlite3.connect(self.data / "hostseal.db", timeout=60) as opened:
                found = opened.execute(query).fetchone()
        assert found is not None
        return int(found[0])

    @property
    def mails(self) -> int:
        return self.count("select count(*) from mailbox_mails")

    def check(self) -> None:
        """All ten are filed, each once."""
        assert self.mails == MANY
        assert self.count("select count(*) from requests") == REQUESTS
        assert self.count("select coalesce(sum(repeats), 0) from requests") == 0
        assert self.count("select count(distinct host_key) from requests") == sum(
            len(one.hosts) for one in MADE
        )
        self.run("fsck")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str | None:
    return None if request.param == "sqlite" else new_database()


@pytest.fixture(scope="module")
def holding() -> Iterator[Dovecot]:
    with dovecot.running() as running:
        running.put(*(one.data for one in MADE))
        yield running


def test_ten_mails_are_filed_once_though_the_reader_is_killed_after_each(
    holding: Dovecot, tmp_path: Path, database: str | None
) -> None:
    vendor = Vendor(tmp_path, database, holding.port)
    while (before := vendor.mails) < MANY:
        with vendor.start() as process:
            server.until(process, lambda before=before: vendor.mails > before)  # type: ignore[misc]
            process.kill()
    vendor.run("mail", "fetch")
    vendor.check()
    names = [one.name.partition(":")[2] for one in holding.files()]
    assert [one for one in names if one not in ("", "2,")] == []  # no flag was set
    assert "New mails: 0; requests filed: 0." in vendor.run("mail", "fetch")


def test_two_servers_that_read_dovecot_at_once_file_each_mail_once(
    holding: Dovecot, tmp_path: Path, database: str | None
) -> None:
    vendor = Vendor(tmp_path, database, holding.port)
    with vendor.start() as first, vendor.start() as second:
        assert (first.wait(120), second.wait(120)) == (0, 0)
        assert first.stdout is not None
        assert second.stdout is not None
        told = [one.stdout.read().decode() for one in (first, second) if one.stdout]
    assert sum(int(one.partition(": ")[2].partition(";")[0]) for one in told) == MANY
    vendor.check()


def test_a_restored_server_files_nothing_twice(holding: Dovecot, tmp_path: Path) -> None:
    vendor = Vendor(tmp_path, None, holding.port)
    assert f"New mails: {MANY}; requests filed: {REQUESTS}." in vendor.run("mail", "fetch")
    vendor.run("backup", "-o", str(tmp_path / "b.tar"), "--with-keys")
    vendor.data = tmp_path / "again"
    vendor.env |= {"LICENSE_SERVER_DATA": str(vendor.data)}
    vendor.run("restore", str(tmp_path / "b.tar"))
    assert "New mails: 0; requests filed: 0." in vendor.run("mail", "fetch")
    vendor.check()


# Where it is killed at each step of a session, the server says when


@pytest.fixture
def scripted() -> Iterator[Server]:
    with imap.serving() as there:
        there.put(*(one.data for one in MADE), size=imap.ALONE)
        yield there


def test_a_reader_that_is_killed_at_any_step_of_a_session_loses_nothing(
    scripted: Server, tmp_path: Path, database: str | None
) -> None:
    vendor = Vendor(tmp_path, database, scripted.port)
    for step in ("AUTH", "EXAMINE", "UID SEARCH", "(UID RFC822.SIZE", "FETCH 4 ", "FETCH 7 "):
        begun, running = Event(), list[Forked]()

        def says(
            command: str, step: str = step, begun: Event = begun, running: list[Forked] = running
        ) -> str | None:
            assert begun.wait(60)
            if step not in command:
                return ""
            running[0].kill()
            return None

        scripted.says = says
        with vendor.start() as process:
            running.append(process)
            begun.set()
            process.wait(60)
        assert process.returncode == -9, step
    scripted.says = None
    assert vendor.mails == 6  # up to the one at which it was killed last
    vendor.run("mail", "fetch")
    vendor.check()


def test_a_server_without_a_mailbox_says_so(data: Path) -> None:
    done = server.at_once("mail", "fetch", env=server.environment(data))
    assert done.returncode == 109
    assert "LICENSE_SERVER_IMAP_HOST" in done.stderr


def test_a_server_reads_by_itself_and_stops_though_the_mailbox_does_not_answer(
    scripted: Server, tmp_path: Path
) -> None:
    vendor, asked, over = Vendor(tmp_path, None, scripted.port), Event(), Event()

    def says(command: str) -> str:
        if "FETCH 4 " in command:
            asked.set()
            assert over.wait(120)
        return ""

    scripted.says = says
    try:
        with server.serving(vendor.data, **vendor.env) as (_, process):
            assert asked.wait(60)
            process.terminate()
            assert process.wait(60) == 0
    finally:
        over.set()
    assert vendor.mails == 3
    scripted.says = None
    vendor.run("mail", "fetch")
    vendor.check()
