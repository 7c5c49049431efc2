"""What comes into the mailbox is read at once where its server announces it (IDLE, RFC 2177)."""

import asyncio
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from license_core.errors import LicenseError
from license_server.background.fetching import Fetched
from license_server.background.mailbox import Collector
from license_server.mail import imap_connection, mailbox
from license_server.mail.errors import MailboxUnreadableError
from license_server.mail.mailbox import Mailbox
from tests.support import imap
from tests.support.certificates import certificate
from tests.support.imap import Server
from tests.support.mailroom import LINE, Hall, key, written
from tests.support.postgres import on_sqlite
from tests.support.waiting import LONG, until

pytestmark = on_sqlite


@pytest.fixture
def announcing(there: Server) -> Server:
    there.capabilities += " IDLE"
    return there


class Watch:
    """A mailbox that is watched in a thread; *sees* is released when something was filed."""

    def __init__(self, hall: Hall, box: Mailbox | None = None) -> None:
        self.over, self.error = threading.Event(), list[LicenseError]()
        self._fetcher = hall.fetcher(box)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._fetcher.watch(lambda: not self.over.is_set())
        except LicenseError as error:
            self.error.append(error)

    def end(self) -> None:
        self.over.set()
        self._thread.join(LONG)
        assert not self._thread.is_alive()


@pytest.fixture
def watched(hall: Hall, announcing: Server) -> Iterator[Watch]:
    watch = Watch(hall)
    assert announcing.idling.wait(LONG)
    yield watch
    watch.end()


def test_a_mail_is_filed_as_soon_as_it_is_announced_on_the_same_connection(
    hall: Hall, announcing: Server, watched: Watch
) -> None:
    for count in (1, 2):
        assert announcing.idling.wait(LONG)
        announcing.put(written(LINE.format(key())))
        until(lambda count=count: len(hall.requests()) == count)  # type: ignore[misc]
    watched.end()
    assert not watched.error
    signed_in = [one for one in announcing.commands if one.startswith("AUTHENTICATE")]
    assert len(signed_in) == 1
    assert announcing.commands[-1] == "LOGOUT"


def test_what_is_announced_of_other_things_asks_for_nothing(
    announcing: Server, watched: Watch
) -> None:
    asked = len(announcing.commands)
    for line in ("* OK Still here", "* 1 FETCH (FLAGS (\\Seen))", "* 1 EXPUNGE"):
        announcing.announce(line)
    watched.end()
    assert announcing.commands[asked:] == ["LOGOUT"]


def test_what_came_while_the_folder_was_read_is_not_waited_for(
    hall: Hall, announcing: Server
) -> None:
    late = [written(LINE.format(key()))]
    hall.there.put(written(LINE.format(key())))

    def says(command: str) -> str:
        if "BODY.PEEK" in command and late:
            announcing.put(late.pop())
            uid = command.split()[2]
            content = announcing.mails[0].content
            head = f"* 2 EXISTS\r\n* 1 FETCH (UID {uid} BODY[]<0> {{{len(content)}}}\r\n"
            return head + content.decode() + ")\r\nTAG OK done"
        return ""

    announcing.says = says
    watch = Watch(hall)
    until(lambda: len(hall.requests()) == 2)
    watch.end()


@pytest.mark.parametrize(
    "line", ["* BYE the server is going down", "* BYE Autologout; idle for too long", None]
)
def test_a_connection_that_ends_while_it_waits_is_told_and_made_anew(
    hall: Hall, announcing: Server, watched: Watch, line: str | None
) -> None:
    announcing.announce(line)
    until(lambda: bool(watched.error))
    assert isinstance(watched.error[0], MailboxUnreadableError)
    assert hall.place().failing_since == hall.desk.clock.now
    announcing.put(written(LINE.format(key())))
    again = Watch(hall)
    until(lambda: len(hall.requests()) == 1)
    again.end()


@pytest.mark.parametrize("answer", ["TAG NO not now", "TAG BAD what", "* BYE", None])
def test_a_server_that_does_not_keep_what_it_promised_is_told(
    hall: Hall, announcing: Server, answer: str | None
) -> None:
    announcing.says = lambda command: answer if command == "IDLE" else ""
    announcing.put(written(LINE.format(key())))
    watch = Watch(hall)
    until(lambda: bool(watch.error))
    assert isinstance(watch.error[0], MailboxUnreadableError)
    assert len(hall.requests()) == 1


def test_a_server_that_says_nothing_any_more_is_noticed(hall: Hall, announcing: Server) -> None:
    over = threading.Event()

    def says(command: str) -> str:
        if command == "IDLE":
            assert over.wait(LONG)
        return ""

    announcing.says = says
    try:
        watch = Watch(hall, hall.box._replace(answers_within=0.3))
        until(lambda: bool(watch.error))
        assert "timed out" in str(watch.error[0])
    finally:
        over.set()


def test_it_is_looked_now_and_then_though_nothing_was_announced(
    hall: Hall, announcing: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("license_server.background.fetching.ANNOUNCES_FOR", 1)
    watch = Watch(hall)
    assert announcing.idling.wait(LONG)
    announcing.waiting.clear()  # the server forgets to whom it promised
    mail = written(LINE.format(key()))
    announcing.mails.append(imap.Stored(announcing.next, mail))
    until(lambda: len(hall.requests()) == 1)
    watch.end()


def test_news_come_over_tls_too(hall: Hall, tmp_path: Path) -> None:
    context, authority = certificate(tmp_path)
    for tls in ("starttls", "tls"):
        with imap.serving(context, at_once=tls == "tls") as server:
            server.capabilities += " IDLE"
            verified = ssl.create_default_context(cafile=authority)
            there = hall.box._replace(port=server.port, host="localhost", place=f"idle {tls}")
            watch = Watch(hall, there._replace(context=verified, tls=tls))
            assert server.idling.wait(LONG)
            before = len(hall.requests())
            server.put(written(LINE.format(key())))
            until(lambda before=before: len(hall.requests()) == before + 1)  # type: ignore[misc]
            watch.end()


def test_what_is_said_before_tls_begins_is_not_taken_for_the_servers(
    hall: Hall, tmp_path: Path
) -> None:
    context, authority = certificate(tmp_path)
    with imap.serving(context) as server:
        server.injects = "\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN IDLE"
        verified = ssl.create_default_context(cafile=authority)
        box = hall.box._replace(tls="starttls", port=server.port, host="localhost")
        with mailbox.opened(box._replace(context=verified)) as folder:
            assert not folder.announces


def test_the_end_of_the_process_waits_for_no_news(hall: Hall, announcing: Server) -> None:
    site = hall.desk.site._replace(settings=hall.settings)
    collector = Collector(site, hall.box)

    async def work() -> None:
        async with collector.at_work():
            await asyncio.to_thread(announcing.idling.wait, LONG)

    asyncio.run(asyncio.wait_for(work(), LONG))
    until(lambda: announcing.commands[-1] == "LOGOUT")


def test_a_server_without_idle_is_read_once(hall: Hall) -> None:
    hall.there.put(written(LINE.format(key())))
    assert hall.fetcher().watch(lambda: True) == Fetched(1, 1)
    assert "IDLE" not in hall.there.commands


def test_a_line_without_an_end_is_not_kept(
    hall: Hall, announcing: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imap_connection, "LONGEST_LINE", 10_000)
    announcing.says = lambda command: "x" * 20_000 if command == "IDLE" else ""
    watch = Watch(hall)
    until(lambda: bool(watch.error))
    assert "a line without an end" in str(watch.error[0])


def test_a_line_that_goes_on_and_on_while_nothing_is_asked_is_not_kept(
    hall: Hall, announcing: Server, watched: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imap_connection, "LONGEST_LINE", 10_000)
    announcing.announce("x" * 20_000, end="")
    until(lambda: bool(watched.error))
    assert "a line without an end" in str(watched.error[0])


def test_a_server_that_talks_of_nothing_makes_the_wait_no_longer(
    hall: Hall, announcing: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("license_server.background.fetching.ANNOUNCES_FOR", 1)
    watch = Watch(hall)

    def has_looked_again() -> bool:
        announcing.announce("* OK Still here")
        return sum(one.startswith("UID SEARCH") for one in announcing.commands) > 1

    until(has_looked_again)
    watch.end()


def test_a_wait_that_the_server_neither_begins_nor_ends_is_broken_off(
    hall: Hall, announcing: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("license_server.background.fetching.ANNOUNCES_FOR", 0)
    over = threading.Event()
    announcing.says = lambda command: "" if command != "IDLE" or over.wait(LONG) else None
    try:
        watch = Watch(hall, hall.box._replace(answers_within=LONG, ends_within=1))
        until(lambda: bool(watch.error))
    finally:
        over.set()


def test_an_answer_of_lines_without_an_end_is_not_kept(
    hall: Hall, there: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imap_connection, "LARGEST_ANSWER", 10_000)
    there.says = lambda command: "* OK x\r\n" * 2_000 if command.startswith("UID SEARCH") else ""
    with pytest.raises(MailboxUnreadableError, match="an answer without an end"):
        hall.fetch()
