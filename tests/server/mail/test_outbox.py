"""The outbox: each mail is sent once, whatever becomes of servers, relays and connections."""

import asyncio
import email
import email.message
import email.policy
import ssl
import threading
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from license_core.errors import LicenseError
from license_server.actor import COMMAND, Actor
from license_server.background.outbox import Postman
from license_server.db.errors import InputInvalidError
from license_server.mail import mail_servers, outbox, outbox_store
from license_server.mail.errors import MailStateError
from license_server.mail.outbox import Draft, Outcome
from license_server.mail.outbox_store import Mail
from license_server.mail.relay import Relay
from tests.support import ports, smtp
from tests.support.api import Caller, issue
from tests.support.certificates import certificate
from tests.support.desk import Desk
from tests.support.scripted_server import answering
from tests.support.smtp import Server
from tests.support.waiting import LONG

TO = "li@customer.example"
_NUMBERS = count(1)


@pytest.fixture
def relay() -> Iterator[Server]:
    with smtp.serving() as server:
        yield server


@pytest.fixture
def office(desk: Desk, relay: Server) -> "Office":
    return Office(desk, relay)


class Office:
    """A server with an outbox of which each test sees its own mails."""

    def __init__(self, desk: Desk, relay: Server) -> None:
        self.desk, self.relay = desk, relay
        settings = desk.site.settings.model_copy(
            update={"smtp_host": "127.0.0.1", "smtp_port": relay.port, "smtp_tls": "none"}
            | {"mail_from": "Vendor <support@vendor.example>"}
        )
        self.site = desk.site._replace(settings=settings)
        made = mail_servers.relay(settings, desk.clock)
        assert made is not None
        self.made = made._replace(answers_within=LONG)
        self.ids: list[int] = []
        for one in self.site.database.read(
            lambda c: outbox_store.in_states(c, outbox_store.OPEN, 1000)
        ):
            self.settle(one.id, "cancelled")

    def settle(self, id_: int, state: str) -> None:
        states = outbox_store.STATES
        self.site.database.write(
            lambda c: outbox_store.change(c, id_, states, state=state, ended_at=1, leased_by=None)
        )

    def queue(self, **more: object) -> Mail:
        number = next(_NUMBERS)
        id_ = f"<hostseal.{number}.{self.desk.clock.now}@vendor.example>"
        draft = Draft(TO, f"mail {number}", "Hello,\n\n您好\n")._replace(**more)  # type: ignore[arg-type]
        now = self.desk.clock.now
        return self.site.database.write(lambda c: outbox.queue(c, draft, COMMAND, now, id_))

    def postman(self, relay: Relay | None = None) -> Postman:
        return Postman(lambda: self.site, relay or self.made, bytes(32), lambda *_: True)

    def send(self, *postmen: Postman) -> None:
        """Let each look once."""

        async def look() -> None:
            some = postmen or (self.postman(),)
            await asyncio.gather(*(one.look() for one in some))
            await asyncio.gather(*(one.idle() for one in some))

        asyncio.run(look())

    def now(self, mail: Mail) -> Mail:
        found = self.site.database.read(lambda c: outbox_store.by_id(c, mail.id))
        assert found is not None
        return found

    def subjects(self) -> list[str]:
        read = (email.message_from_bytes(one.content) for one in self.relay.taken)
        return sorted(str(one["Subject"]) for one in read)


def text_of(read: email.message.EmailMessage) -> str:
    return str(read.get_content()).replace("\r\n", "\n")


def test_a_mail_is_sent_once_it_is_committed(office: Office) -> None:
    mail = office.queue(recipient_name="Li, Lei", thread=("<1@customer.example>",), automatic=True)
    office.send()
    office.send()
    (taken,) = office.relay.taken
    assert (taken.sender, taken.recipient) == ("support@vendor.example", TO)
    read = email.message_from_bytes(taken.content, policy=email.policy.default)
    assert read["From"] == "Vendor <support@vendor.example>"
    assert read["To"] == '"Li, Lei" <li@customer.example>'
    assert read["Message-ID"] == mail.message_id
    assert read["In-Reply-To"] == read["References"] == "<1@customer.example>"
    assert read["Auto-Submitted"] == "auto-replied"
    assert read["Date"].datetime.timestamp() == office.desk.clock.now
    assert text_of(read) == "Hello,\n\n您好\n"
    assert (office.now(mail).state, office.now(mail).answer) == ("sent", "250 queued as 1")


@pytest.mark.parametrize("local", ["a..b", "a.", ".a"])
def test_an_address_of_a_phone_with_dots_of_its_own_is_quoted(office: Office, local: str) -> None:
    mail = office.queue(recipient=f"{local}@docomo.example", recipient_name="Sato")
    office.send()
    assert office.now(mail).state == "sent"
    (taken,) = office.relay.taken
    assert taken.recipient == f'"{local}"@docomo.example'
    read = email.message_from_bytes(taken.content, policy=email.policy.default)
    (to,) = read["To"].addresses
    assert (to.display_name, to.username, to.domain) == ("Sato", local, "docomo.example")
    assert not read["To"].defects


@pytest.mark.parametrize("break_", ["\u2028", "\x85", "\x0b", "\r\nBcc: x@evil.example\r\n"])
def test_a_subject_with_breaks_is_sent_as_one_line(office: Office, break_: str) -> None:
    mail = office.queue()
    office.site.database.write(
        lambda c: outbox_store.change(c, mail.id, ("waiting",), subject=f"a{break_}b")
    )
    office.send()
    assert office.now(mail).state == "sent"
    (taken,) = office.relay.taken
    read = email.message_from_bytes(taken.content, policy=email.policy.default)
    assert read["Subject"].split()[0] == "a"
    assert read["Bcc"] is None


def test_a_mail_that_cannot_be_written_fails_at_once_and_says_so(office: Office) -> None:
    mail = office.queue()
    office.site.database.write(
        lambda c: outbox_store.change(c, mail.id, ("waiting",), recipient="a@b.example\r\nx")
    )
    office.send()
    assert office.now(mail).state == "failed"
    assert str(office.now(mail).answer).startswith("the mail could not be written: ")
    assert office.relay.taken == []


def test_a_mail_that_was_not_committed_is_never_sent(office: Office) -> None:
    def fails(connection: object) -> None:
        outbox.queue(connection, Draft(TO, "x", "x"), COMMAND, 1, "<x@y>")  # type: ignore[arg-type]
        raise InputInvalidError(field="x", reason="the act failed")

    with pytest.raises(LicenseError):
        office.site.database.write(fails)
    office.send()
    assert office.relay.taken == []


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA", "."])
def test_a_mail_that_is_put_off_is_sent_later(office: Office, command: str) -> None:
    mail = office.queue()
    office.relay.says = answering(command, "451 later")
    office.send()
    found = office.now(mail)
    assert (found.state, found.attempts) == ("waiting", 1)
    assert "451" in str(found.answer)
    office.send()
    assert office.now(mail).attempts == 1  # not yet
    office.desk.clock.now = found.due_at
    office.send()
    assert office.now(mail).state == "sent"
    assert office.subjects() == [mail.subject]


@pytest.mark.parametrize("command", ["RCPT", "DATA", "."])
def test_a_mail_that_is_refused_has_failed_and_is_told(office: Office, command: str) -> None:
    mail = office.queue()
    office.relay.says = answering(command, "550 5.1.1 no such user\x1b[31m")
    office.send()
    found = office.now(mail)
    assert (found.state, found.answer) == ("failed", "550 5.1.1 no such user [31m")
    office.send()
    assert office.relay.taken == []


@pytest.mark.parametrize("command", ["EHLO", "MAIL", "RCPT"])
def test_a_connection_that_breaks_before_the_content_is_made_again(
    office: Office, command: str
) -> None:
    mail = office.queue()
    office.relay.says = answering(command, None)
    office.send()
    found = office.now(mail)
    assert found.state == "waiting"
    office.desk.clock.now = found.due_at
    office.send()
    assert office.subjects() == [mail.subject]


def test_a_mail_whose_acknowledgement_is_lost_waits_for_a_person(office: Office) -> None:
    mail = office.queue()
    office.relay.says = answering(".", None)
    office.send()
    assert office.now(mail).state == "unsure"
    office.desk.clock.now += 30 * 86400
    office.send()
    assert office.subjects() == [mail.subject]  # by the first try, as nobody knows
    office.site.database.write(lambda c: outbox.retry(c, mail.id, COMMAND, office.desk.clock.now))
    office.send()
    first, second = office.relay.taken
    assert email.message_from_bytes(first.content)["Message-ID"] == mail.message_id
    assert email.message_from_bytes(second.content)["Message-ID"] == mail.message_id
    assert office.now(mail).state == "sent"


def test_a_relay_that_is_not_there_or_stalls_loses_nothing(office: Office) -> None:
    mail = office.queue()
    office.send(office.postman(office.made._replace(port=ports.REFUSES)))
    assert office.now(mail).state == "waiting"
    office.desk.clock.now = office.now(mail).due_at
    over = threading.Event()
    office.relay.says = lambda said: "" if not said.startswith("MAIL") or over.wait(LONG) else None
    office.send(office.postman(office.made._replace(answers_within=0.2)))
    over.set()
    assert office.now(mail).state == "waiting"
    office.relay.says = None
    office.desk.clock.now = office.now(mail).due_at
    office.send()
    assert office.subjects() == [mail.subject]


def test_a_mail_that_nobody_takes_for_days_has_failed(office: Office) -> None:
    mail = office.queue()
    office.relay.says = lambda said: "451 later" if said.startswith("RCPT") else ""
    waits: list[int] = []
    while office.now(mail).state == "waiting":
        before = office.desk.clock.now
        office.send()
        waits.append(office.now(mail).due_at - before)
        office.desk.clock.now = max(before + 1, office.now(mail).due_at)
        assert len(waits) < 60
    assert office.now(mail).state == "failed"
    assert 48 <= waits[0] <= 72
    assert max(waits) <= outbox.LONGEST_WAIT * 1.2
    assert len(waits) > 15


def test_of_two_servers_each_mail_is_sent_by_one(office: Office) -> None:
    mails = [office.queue() for _ in range(30)]
    one, other = office.postman(), office.postman()
    while any(office.now(mail).state != "sent" for mail in mails):
        office.send(one, other)
    assert office.subjects() == sorted(mail.subject for mail in mails)


def test_what_a_server_that_was_killed_had_claimed_is_sent_by_another(office: Office) -> None:
    mail, now = office.queue(), office.desk.clock.now
    office.site.database.write(lambda c: outbox.claim(c, "killed", now, 10))
    office.send()
    assert office.relay.taken == []
    office.desk.clock.now += outbox.LEASE + 1
    office.send()
    assert office.subjects() == [mail.subject]


def test_what_a_server_that_was_killed_was_sending_waits_for_a_person(office: Office) -> None:
    mail, now = office.queue(), office.desk.clock.now
    office.site.database.write(lambda c: outbox.claim(c, "killed", now, 10))
    assert office.site.database.write(lambda c: outbox.begin(c, mail.id, "killed", now))
    office.desk.clock.now += outbox.LEASE + 1
    office.send()
    found = office.now(mail)
    assert (found.state, office.relay.taken) == ("unsure", [])
    assert "stopped" in str(found.answer)


def test_a_server_that_was_taken_for_lost_sends_nothing_and_changes_nothing(office: Office) -> None:
    mail, now = office.queue(), office.desk.clock.now
    write = office.site.database.write
    write(lambda c: outbox.claim(c, "slow", now, 10))
    later = now + outbox.LEASE + 1
    assert [one.id for one in write(lambda c: outbox.claim(c, "other", later, 10))] == [mail.id]
    assert not write(lambda c: outbox.begin(c, mail.id, "slow", later))
    write(lambda c: outbox.finish(c, mail.id, "slow", Outcome("sent", "250"), later, 0.5))
    assert (office.now(mail).state, office.now(mail).leased_by) == ("claimed", "other")


def test_a_mail_is_cancelled_or_sent_again_while_it_is_not_sent(office: Office) -> None:
    mail, now = office.queue(), office.desk.clock.now
    write = office.site.database.write
    write(lambda c: outbox.cancel(c, mail.id, COMMAND, now))
    office.send()
    assert office.relay.taken == []
    with pytest.raises(MailStateError, match="cancelled"):
        write(lambda c: outbox.cancel(c, mail.id, COMMAND, now))
    with pytest.raises(MailStateError, match="cancelled"):
        write(lambda c: outbox.retry(c, mail.id, COMMAND, now))


def test_a_licence_that_was_revoked_does_not_leave(office: Office) -> None:
    number = issue(office.desk).json()["id"]
    mail = office.queue(license=number)
    other = office.queue()
    done = Caller(office.desk, number).post(f"/licenses/{number}/revoke", reason="a mistake")
    assert done.is_success
    office.send()
    assert (office.now(mail).state, office.now(mail).answer) == ("cancelled", outbox.WITHDRAWN)
    assert office.subjects() == [other.subject]


def test_a_restored_server_holds_what_was_not_sent(office: Office) -> None:
    waiting, sending, now = office.queue(), office.queue(), office.desk.clock.now
    write = office.site.database.write
    write(
        lambda c: outbox_store.change(c, sending.id, ("waiting",), state="sending", leased_by="x")
    )
    write(outbox_store.hold_open)
    office.send()
    assert (office.now(waiting).state, office.now(sending).state) == ("held", "unsure")
    assert office.relay.taken == []
    write(lambda c: outbox.retry(c, waiting.id, COMMAND, now))
    office.send()
    assert office.subjects() == [waiting.subject]


@pytest.mark.parametrize(
    "wrong",
    [
        {"recipient": "li@customer.example\r\nBcc: x@y.example"},
        {"recipient": "li"},
        {"recipient": "a@b.example, c@d.example"},
        {"subject": "\r\n"},
        {"body": ""},
    ],
)
def test_what_is_no_mail_is_not_queued(office: Office, wrong: dict[str, str]) -> None:
    with pytest.raises(InputInvalidError):
        office.queue(**wrong)


def test_no_text_brings_a_field_into_the_header(office: Office) -> None:
    office.queue(
        subject="a\r\nBcc: x@y.example\r\n\r\nb" + "c" * 900,
        recipient_name='"\r\nBcc: x@y.example',
        body="a\r\n.\r\nMAIL FROM:<x@y.example>\r\n..\n",
    )
    office.send()
    (taken,) = office.relay.taken
    read = email.message_from_bytes(taken.content, policy=email.policy.default)
    assert read["Bcc"] is None
    assert [one.addr_spec for one in read["To"].addresses] == [TO]
    assert text_of(read) == "a\n.\nMAIL FROM:<x@y.example>\n..\n"
    assert max(map(len, taken.content.split(b"\r\n"))) <= 998


def test_the_ids_of_a_thread_leave_as_they_came_and_no_other_text_does(office: Office) -> None:
    long = f"<{'SN6PR02MB' * 25}@prod.example>"
    many = [f"<{number}@customer.example>" for number in range(300)]
    asked = ("<first@customer.example>", *many, "<é@x>", "a\r\nBcc: x@y.example", "<a b@x>", long)
    office.queue(thread=asked)
    office.send()
    (taken,) = office.relay.taken
    assert f"In-Reply-To: {long}\r\n".encode() in taken.content
    read = email.message_from_bytes(taken.content, policy=email.policy.default)
    assert read["Bcc"] is None
    assert read["References"].split() == ["<first@customer.example>", *many[-18:], long]
    assert max(map(len, taken.content.split(b"\r\n"))) <= 998


def test_who_may_not_issue_sends_nothing(office: Office) -> None:
    reader = Actor("reader", frozenset({"licenses:read"}))
    limited = Actor("limited", frozenset({"licenses:issue"}), frozenset({"other"}))
    mail, now = office.queue(product="darwin"), office.desk.clock.now
    for actor in (reader, limited):
        cancel = partial(outbox.cancel, id_=mail.id, actor=actor, now=now)
        with pytest.raises(LicenseError):
            office.site.database.write(cancel)
    assert office.now(mail).state == "waiting"


def test_a_password_is_sent_over_tls_to_a_server_that_is_verified(
    office: Office, tmp_path: Path
) -> None:
    context, authority = certificate(tmp_path)
    for tls in ("starttls", "tls"):
        with smtp.serving(context, at_once=tls == "tls") as server:
            server.extensions = ("AUTH PLAIN",)
            verified = ssl.create_default_context(cafile=authority)
            made = office.made._replace(
                tls=tls, port=server.port, host="localhost", user="u", password=lambda: "secret"
            )
            mail = office.queue()
            office.send(office.postman(made))  # the system knows no such authority
            assert office.now(mail).state == "waiting"
            assert "CERTIFICATE_VERIFY_FAILED" in str(office.now(mail).answer)
            assert not [one for one in server.commands if one.startswith("AUTH")]
            office.desk.clock.now = office.now(mail).due_at
            office.send(office.postman(made._replace(context=verified)))
            assert office.now(mail).state == "sent", office.now(mail)
            assert [one for one in server.commands if one.startswith("AUTH")] == [
                "AUTH PLAIN AHUAc2VjcmV0"
            ]


def test_nothing_is_sent_where_starttls_is_missing(office: Office) -> None:
    mail = office.queue()
    office.send(
        office.postman(office.made._replace(tls="starttls", user="u", password=lambda: "secret"))
    )
    assert office.now(mail).state == "waiting"
    assert [one for one in office.relay.commands if one.startswith(("AUTH", "MAIL"))] == []
