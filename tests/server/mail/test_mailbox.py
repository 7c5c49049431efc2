"""The mailbox: each mail is read once, and filed, whatever becomes of servers and connections."""

import asyncio
import ssl
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete
from starlette.testclient import TestClient

from license_server.background.fetching import Fetched, Fetcher
from license_server.background.mailbox import Collector
from license_server.db.errors import InputInvalidError
from license_server.db.mail_tables import mailbox_mails
from license_server.mail import limits, mail_servers, mailbox_store
from license_server.mail.errors import MailboxUnreadableError
from license_server.mail.incoming import Own
from license_server.operations import mailbox_check
from license_server.requests import filing
from tests.support import imap, mails, ports
from tests.support.certificates import certificate
from tests.support.imap import ALONE, TOKEN, Stored
from tests.support.mailroom import LINE, NUMBERS, Hall, key, written
from tests.support.pages import sign_in
from tests.support.scripted_server import answering
from tests.support.waiting import LONG


def test_a_mail_becomes_a_request_for_each_host_that_it_names(hall: Hall) -> None:
    first, second = key(), key()
    mail = written(
        f"您好\n{LINE.format(first)}\n{LINE.format(second)}\n",
        "References: <1@vendor.example> <2@vendor.example>",
    )
    hall.there.put(mail)
    assert hall.fetch() == Fetched(1, 2)
    found = hall.requests()
    assert {one["host_key"] for one in found} == {first, second}
    for one in found:
        assert (one["source"], one["state"], one["language"]) == ("mail", "new", "zh")
        assert (one["sender_name"], one["sender_address"]) == ("Li Lei", "li@customer.example")
        assert one["message_id"].endswith("of-this-test@customer.example>")
        assert one["thread"] == "<1@vendor.example> <2@vendor.example>"
        assert first in hall.received(one["id"])
    assert hall.outcomes() == [("filed", 2)]
    assert hall.fetch() == Fetched(0, 0)


def test_the_hosts_of_the_corpus_are_filed_and_none_is_invented(hall: Hall) -> None:
    made = [mails.made(number) for number in range(96)]
    hall.there.put(*(one.data for one in made))
    assert hall.fetch().mails == len(made)
    wanted = {host for one in made for host in one.hosts}
    found = hall.requests()
    assert {one["host_key"] for one in found if one["host_key"]} == wanted
    assert len(found) == len(wanted) + sum(1 for one in made if not one.hosts)


def test_a_mail_without_a_host_is_one_request_that_says_what_was_not_read(hall: Hall) -> None:
    picture = mails.attached("screenshot.png", "image/png", bytes(300))
    text = mails.part("text/plain", "utf-8", f"see the picture {next(NUMBERS)}", "8bit")
    head = written("").partition(b"Content-Type")[0]
    hall.there.put(head + mails.multipart("mixed", "=-of-this-test-=", text, picture))
    assert hall.fetch() == Fetched(1, 1)
    (one,) = hall.requests()
    assert (one["host"], one["source"]) == (None, "mail")
    assert "see the picture" in hall.received(one["id"])
    assert "[Attachments: screenshot.png]" in hall.received(one["id"])


def test_what_programs_send_is_remembered_and_not_filed(hall: Hall) -> None:
    line = LINE.format(key())
    hall.there.put(
        written(line, "Auto-Submitted: auto-replied"),
        written(line, "X-Failed-Recipients: li@customer.example"),
        written(line, "List-Id: <all.customer.example>"),
        written(line, "X-Hostseal: letter"),
    )
    assert hall.fetch() == Fetched(4, 0)
    assert [one for one, _ in hall.outcomes()] == ["automatic", "bounce", "list", "own"]
    assert hall.requests() == []
    assert hall.fetch() == Fetched(0, 0)


def test_the_mailbox_is_opened_for_reading_and_no_flag_is_set(hall: Hall) -> None:
    hall.there.put(written("hello"))
    hall.fetch()
    words = {" ".join(one.split()[:2]) for one in hall.there.commands}
    assert words == {
        *("CAPABILITY", "AUTHENTICATE PLAIN", 'EXAMINE "INBOX"', "UID SEARCH", "UID FETCH"),
        "LOGOUT",
    }
    assert all("PEEK" in one for one in hall.there.commands if "BODY" in one)


def test_another_uidvalidity_files_nothing_twice(hall: Hall) -> None:
    hall.there.put(written(LINE.format(key())), written("no id").replace(b"Message-ID", b"X-Id"))
    assert hall.fetch().requests == 2
    hall.there.uidvalidity = 7
    hall.there.mails = [Stored(one.uid + 100, one.content) for one in hall.there.mails]
    hall.there.put(written(LINE.format(key())))
    assert hall.fetch() == Fetched(1, 1)
    assert len(hall.requests()) == 3
    assert hall.place().uidvalidity == 7


def test_of_a_mailbox_that_is_new_only_mails_of_the_last_days_are_read(hall: Hall) -> None:
    hall.fetch()
    hall.there.put(written("hello"))
    hall.fetch()
    asked = [one for one in hall.there.commands if one.startswith("UID SEARCH")]
    assert "SINCE" in asked[0]
    assert asked[1:] == ["UID SEARCH UID 1:*"]
    hall.there.tells_next = False
    hall.fetch()
    assert hall.there.commands[-2] == "UID SEARCH UID 2:*"


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("CAPABILITY", None),
        ("CAPABILITY", "* BYE the server is full"),
        ("AUTHENTICATE", "TAG NO [UNAVAILABLE] try later"),
        ("EXAMINE", "TAG NO there is no such folder"),
        ("EXAMINE", "* OK [UIDVALIDITY x] what\r\nTAG OK done"),
        ("UID SEARCH", None),
        ("UID SEARCH", "* SEARCH a b\r\nTAG OK done"),
        ("UID SEARCH", "TAG BAD what"),
        ("UID FETCH 1,2,3", None),
        ("UID FETCH 2 ", None),
        ("UID FETCH 2 ", "* 2 FETCH (UID 2 BODY[]<0> {99999999999}\r\nx"),
        ("UID FETCH 2 ", "* 2 FETCH (UID 2 BODY[]<0> {50}\r\nFrom: "),
        ("UID FETCH 2 ", "TAG NO it is locked"),
    ],
)
def test_a_server_that_fails_in_the_middle_does_no_harm(
    hall: Hall, command: str, answer: str | None
) -> None:
    hall.there.put(*(written(LINE.format(key())) for _ in range(3)), size=ALONE)
    hall.there.says = answering(command, answer)
    with pytest.raises(MailboxUnreadableError):
        hall.fetch(hall.box._replace(answers_within=0.5))
    failed = hall.place()
    assert failed.failing_since == hall.desk.clock.now
    assert failed.problem
    hall.desk.clock.now += 60
    hall.fetch()
    assert len(hall.requests()) == 3
    assert (hall.place().failing_since, hall.place().problem) == (None, None)
    assert hall.place().read_at == hall.desk.clock.now


def test_a_session_ends_however_slowly_the_server_answers(hall: Hall) -> None:
    over = threading.Event()

    def says(command: str) -> str:
        if command.startswith("UID SEARCH"):
            assert over.wait(60)
        return ""

    hall.there.says = says
    try:
        with pytest.raises(MailboxUnreadableError):
            hall.fetch(hall.box._replace(answers_within=50, ends_within=0.3))
    finally:
        over.set()


def test_nobody_is_there(hall: Hall) -> None:
    with pytest.raises(MailboxUnreadableError, match="refused"):
        hall.fetch(hall.box._replace(port=ports.REFUSES))


def test_a_mail_that_is_too_large_is_not_fetched_whole(hall: Hall) -> None:
    mail = written("x")
    hall.there.mails.append(Stored(1, mail, limits.LARGEST + 1))
    assert hall.fetch() == Fetched(1, 1)
    assert [one for one in hall.there.commands if "BODY" in one] == [
        f"UID FETCH 1 (UID BODY.PEEK[HEADER]<0.{limits.HEADER}>)"
    ]
    (one,) = hall.requests()
    assert "larger than 25 MiB" in hall.received(one["id"])
    assert one["sender_address"] == "li@customer.example"


def test_one_mail_that_cannot_be_filed_holds_up_no_other(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [key() for _ in range(3)]
    hall.there.put(*(written(LINE.format(one)) for one in keys))
    file = filing.file

    def breaks(*given: Any) -> filing.Filed:
        if keys[1] in given[2].host:
            raise RuntimeError("a fault of the server")
        return file(*given)

    with monkeypatch.context() as broken:
        broken.setattr(filing, "file", breaks)
        with pytest.raises(MailboxUnreadableError, match="UID 2"):
            hall.fetch()
    assert len(hall.requests()) == 2
    assert hall.fetch() == Fetched(1, 1)
    assert len(hall.requests()) == 3


def test_servers_that_read_at_once_file_each_mail_once(hall: Hall) -> None:
    hall.there.put(*(written(LINE.format(key())) for _ in range(20)))
    together, results = threading.Barrier(4), list[Fetched]()

    def work() -> None:
        together.wait(60)
        results.append(hall.fetch())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert len(results) == 4
    assert sum(one.mails for one in results) == 20
    assert [one["repeats"] for one in hall.requests()] == [0] * 20


def test_a_session_leaves_what_is_too_much_for_the_next(hall: Hall) -> None:
    hall.there.put(*(written(LINE.format(key())) for _ in range(3)), size=ALONE)
    times = iter((0.0, 1.0, 2.0, 500.0, *range(501, 600)))
    fetcher = Fetcher(
        hall.desk.site.database, hall.box, Own(), 30, hall.desk.clock, lambda: next(times)
    )
    assert fetcher.fetch() == Fetched(2, 2, more=True)
    assert hall.fetch() == Fetched(1, 1)


def test_a_folder_may_have_any_name(hall: Hall) -> None:
    hall.there.folder = "&U,BTFw-/R&-D \\\"x\\\""  # fmt: skip
    hall.there.put(written("x"))
    assert hall.fetch(hall.box._replace(folder='台北/R&D "x"')).mails == 1


def test_a_password_is_sent_over_tls_to_a_server_that_is_verified(
    hall: Hall, tmp_path: Path
) -> None:
    context, authority = certificate(tmp_path)
    for tls in ("starttls", "tls"):
        with imap.serving(context, at_once=tls == "tls") as server:
            server.put(written("x"))
            box = hall.box._replace(tls=tls, port=server.port, host="localhost", place=tls)
            with pytest.raises(MailboxUnreadableError, match="CERTIFICATE_VERIFY_FAILED"):
                hall.fetch(box)  # the system knows no such authority
            assert not [one for one in server.commands if one.startswith("AUTH")]
            verified = ssl.create_default_context(cafile=authority)
            assert hall.fetch(box._replace(context=verified)).mails == 1
            assert "AUTHENTICATE PLAIN" in server.commands


def test_no_password_is_sent_where_starttls_is_missing(hall: Hall) -> None:
    with pytest.raises(MailboxUnreadableError):
        hall.fetch(hall.box._replace(tls="starttls"))
    assert not [one for one in hall.there.commands if one.startswith(("AUTH", "LOGIN"))]


def test_a_server_without_plain_is_signed_in_at_by_login(hall: Hall) -> None:
    hall.there.capabilities = "IMAP4rev1"
    hall.there.put(written("x"))
    assert hall.fetch().mails == 1


def test_an_access_token_signs_in_and_one_that_is_refused_is_forgotten(hall: Hall) -> None:
    refused, tokens = list[bool](), iter(("old", TOKEN))
    box = hall.box._replace(
        password=None, token=lambda: next(tokens), refused=lambda: refused.append(True)
    )
    hall.there.put(written("x"))
    with pytest.raises(MailboxUnreadableError, match="AUTHENTICATE failed"):
        hall.fetch(box)
    assert refused == [True]
    assert hall.fetch(box).mails == 1


def test_the_server_looks_every_so_many_seconds_and_tells_when_it_cannot(hall: Hall) -> None:
    site = hall.desk.site._replace(settings=hall.settings)
    slept, least, enough = list[float](), list[float](), asyncio.Event()
    woke = time.monotonic() - 29

    async def sleep(seconds: float) -> None:
        nonlocal woke
        slept.append(seconds)
        least.append(max(1, 30 - (time.monotonic() - woke)))  # the look took as long, or less
        assert len(hall.requests()) == len(slept) - 1
        if len(slept) == 3:
            enough.set()
            await asyncio.Event().wait()
        hall.there.put(written(LINE.format(key())))
        woke = time.monotonic()

    collector = Collector(site, hall.box._replace(place=str(hall.settings.imap_place)), sleep)

    async def run() -> None:
        async with collector.at_work():
            await asyncio.wait_for(enough.wait(), LONG)

    asyncio.run(run())
    assert slept[0] == 1
    assert all(few <= seconds <= 30 for few, seconds in zip(least, slept, strict=True))
    assert len(hall.requests()) == 2
    state = hall.desk.client.app.state.server  # type: ignore[attr-defined]
    former, state.site = state.site, site
    try:
        sign_in(hall.desk)
        assert "The mailbox has not been read" not in hall.desk.client.get("/").text
        hall.there.says = lambda command: "TAG NO <no>" if command.startswith("EXAM") else ""
        hall.desk.clock.now += 30
        since = hall.desk.clock.now
        for _ in range(2):
            with pytest.raises(MailboxUnreadableError, match="<no>"):
                asyncio.run(collector.look())
            hall.desk.clock.now += 300
        page = hall.desk.client.get("/").text
        assert "The mailbox has not been read to its end since" in page
        assert "&lt;no&gt;" in page
        local = TestClient(hall.desk.client.app, client=("127.0.0.1", 1))
        told = dict(
            line.split(" ", 1)
            for line in local.get("/metrics").text.splitlines()
            if line.startswith("hostseal_mailbox")
        )
        assert float(told["hostseal_mailbox_failing_timestamp_seconds"]) == since
        assert float(told["hostseal_mailbox_read_timestamp_seconds"]) == since - 30
    finally:
        state.site = former


@pytest.mark.parametrize(
    ("missing", "field"),
    [
        ({"imap_user": None}, "LICENSE_SERVER_IMAP_USER"),
        ({"imap_password_file": None}, "LICENSE_SERVER_IMAP_PASSWORD_FILE"),
        ({"imap_password_file": Path("/nowhere")}, "LICENSE_SERVER_IMAP_PASSWORD_FILE"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(
    hall: Hall, missing: dict[str, Any], field: str
) -> None:
    settings = hall.settings.model_copy(update=missing)
    with pytest.raises(InputInvalidError, match=field):
        mail_servers.mailbox(settings, hall.desk.clock)


def test_the_check_of_the_ledger_tells_of_mails_whose_requests_are_not_there(hall: Hall) -> None:
    database = hall.desk.site.database
    assert list(database.read(lambda c: list(mailbox_check.faults(c)))) == []
    values = {"place": hall.box.place, "uidvalidity": 1, "uid": 1, "read_at": 1}
    wrong = {"digest": f"{next(NUMBERS):064x}", "outcome": "filed", "requests": 1} | values
    database.write(lambda c: mailbox_store.add(c, request=10**9, **wrong))
    odd = {"digest": f"x{next(NUMBERS)}", "outcome": "lost", "requests": 0} | values
    database.write(lambda c: mailbox_store.add(c, request=None, **odd))
    told = [detail for _, detail in database.read(lambda c: list(mailbox_check.faults(c)))]
    database.write(lambda c: c.execute(delete(mailbox_mails).where(mailbox_mails.c.uid == 1)))
    assert told == [
        "request 1000000000, which it names, does not exist",
        "there is no outcome lost",
        "its digest is none",
    ]
