"""Mails of one thread: what is written about a request is found at that request."""

import re
from collections.abc import Iterator

import pytest

from license_server.actor import COMMAND, SERVER
from license_server.background.fetching import Fetched
from license_server.mail import outbox, outbox_store
from license_server.mail.outbox import Draft, Outcome
from license_server.operations import requests_check
from license_server.requests import finding, handling, outcomes, request_store
from license_server.requests.request_store import StoredRequest
from tests.support import pages
from tests.support.desk import Desk, last_event
from tests.support.mailroom import LINE, NUMBERS, Hall, key, written
from tests.support.pages import text_of
from tests.support.portal import customer


def first(hall: Hall, body: str, *fields: str) -> StoredRequest:
    """The request of a new mail."""
    hall.there.put(written(body, *fields))
    assert hall.fetch() == Fetched(1, 1)
    return stored(hall, hall.requests()[-1]["id"])


def by(sender: str, body: str, *fields: str) -> bytes:
    """A mail of somebody else."""
    return written(body, *fields).replace(b"<li@customer.example>", f"<{sender}>".encode(), 1)


def stored(hall: Hall, id_: int) -> StoredRequest:
    found = hall.desk.site.database.read(lambda c: request_store.by_id(c, id_))
    assert found is not None
    return found


def answers(asked: StoredRequest) -> str:
    return f"In-Reply-To: {asked.message_id}"


def texts(hall: Hall, asked: StoredRequest) -> list[tuple[str, str]]:
    found = hall.desk.site.database.read(lambda c: finding.conversation(c, asked))
    return [(one.kind, one.text.strip()) for one in found]


def reply(hall: Hall, asked: StoredRequest) -> outbox_store.Mail:
    """A mail of ours to who asked, which is sent."""
    number, now = next(NUMBERS), hall.desk.clock.now
    draft = Draft("li@customer.example", "Re: x", "Please send the text.")
    id_ = f"<hostseal.{number:032x}@vendor.example>"

    def work(connection: object) -> outbox_store.Mail:
        mail = outbox.queue(connection, draft, COMMAND, now, id_)  # type: ignore[arg-type]
        handling.sent(connection, asked, draft.body, id_, COMMAND, now)  # type: ignore[arg-type]
        return mail

    mail = hall.desk.site.database.write(work)
    hall.desk.site.database.write(
        lambda c: outbox_store.change(
            c, mail.id, ("waiting",), state="sending", leased_by="me", due_at=now + 600
        )
    )
    done = Outcome("sent", "250 queued")
    hall.desk.site.database.write(lambda c: outbox.finish(c, mail.id, "me", done, now, 0))
    return mail


def test_a_mail_that_answers_an_open_request_joins_its_conversation(hall: Hall) -> None:
    host = key()
    asked = first(hall, LINE.format(host))
    hall.there.put(
        written(f"it is urgent {next(NUMBERS)}", answers(asked)),
        written(f"as I said:\n> {LINE.format(host)}", answers(asked)),
    )
    assert hall.fetch() == Fetched(2, 2)
    assert [one["id"] for one in hall.requests()] == [asked.id]
    assert len(texts(hall, asked)) == 3
    assert stored(hall, asked.id).repeats == 2


def test_an_answer_to_our_reply_joins_the_request_that_it_was_about(hall: Hall) -> None:
    asked = first(hall, f"see the picture {next(NUMBERS)}")
    sent, host = reply(hall, asked), key()
    hall.there.put(written(f"here it is {LINE.format(host)}", f"In-Reply-To: {sent.message_id}"))
    assert hall.fetch() == Fetched(1, 1)
    joined = stored(hall, asked.id)
    assert (joined.host_key, joined.host_name) == (host, "studio2_gpu")
    assert [kind for kind, _ in texts(hall, asked)] == ["received", "reply", "received"]
    assert last_event(hall.desk, f"request/{asked.id}")[1] == "request.completed"
    # What it became known by now is not asked once more.
    hall.there.put(written(f"once more {LINE.format(host)}"))
    hall.fetch()
    assert [one["id"] for one in hall.requests()] == [asked.id]


def test_another_host_in_a_thread_is_a_request_of_its_own_that_is_linked(hall: Hall) -> None:
    asked = first(hall, LINE.format(key()))
    other = first(hall, LINE.format(key()), answers(asked))
    assert other.id != asked.id
    assert other.follows == asked.id
    assert len(texts(hall, asked)) == 1


def test_what_comes_after_a_request_was_closed_is_in_the_queue_and_linked(hall: Hall) -> None:
    asked = first(hall, LINE.format(key()))
    now = hall.desk.clock.now
    hall.desk.site.database.write(lambda c: outcomes.refuse(c, asked.id, SERVER, "no", now))
    later = first(hall, f"why? {next(NUMBERS)}", answers(asked))
    assert (later.state, later.follows) == ("new", asked.id)
    pages.sign_in(hall.desk)
    assert f"Request {asked.id}" in text_of(hall.desk.client.get(f"/requests/{later.id}"))
    assert f"Request {later.id}" in text_of(hall.desk.client.get(f"/requests/{asked.id}"))
    told = hall.desk.client.get(f"/api/v1/requests/{later.id}", headers=hall.desk.bearer).json()
    assert told["request"]["follows"] == asked.id


@pytest.mark.parametrize(
    ("sender", "joins"),
    [
        ("Li@{}", True),
        ("Wang@{}", True),
        ("wang@of.{}", True),
        ("wang@other.{}", False),
        ("li@{}.evil.example", False),
    ],
)
def test_only_who_asked_and_their_colleagues_write_into_a_conversation(
    hall: Hall, sender: str, joins: bool
) -> None:
    domain = f"company{next(NUMBERS)}.example"
    customer(hall.desk, domains=[domain, f"of.{domain}"])
    hall.there.put(by(f"li@{domain}", LINE.format(key())))
    hall.fetch()
    asked = stored(hall, hall.requests()[-1]["id"])
    hall.there.put(by(sender.format(domain), f"me too {next(NUMBERS)}", answers(asked)))
    hall.fetch()
    found = [stored(hall, one["id"]) for one in hall.requests()]
    assert len(found) == (1 if joins else 2)
    assert joins or found[1].follows == asked.id


@pytest.mark.parametrize("domain", ["qq.com", "provider-of-nobody-knows-whom.example"])
def test_somebody_else_of_a_domain_that_no_customer_has_is_a_stranger(
    hall: Hall, domain: str
) -> None:
    asked = first(hall, LINE.format(key()))
    for person in "abb":
        before = stored(hall, hall.requests()[-1]["id"])
        hall.there.put(by(f"{person}@{domain}", f"me too {next(NUMBERS)}", answers(before)))
        hall.fetch()
    requests = hall.requests()
    assert [one["follows"] for one in requests] == [None, asked.id, requests[1]["id"]]


def test_a_mail_with_the_id_of_another_persons_mail_is_a_request_of_its_own(hall: Hall) -> None:
    asked = first(hall, f"see {next(NUMBERS)}")
    repeated = f"Message-ID: {asked.message_id}"
    for sender in ("m@evil.example", "li@customer.example"):
        mail = by(sender, f"issue it to me {next(NUMBERS)}")
        hall.there.put(re.sub(rb"Message-ID: \S+", repeated.encode(), mail))
    hall.fetch()
    assert [one["sender_address"] for one in hall.requests()] == [
        "li@customer.example",
        "m@evil.example",
    ]
    assert len(texts(hall, asked)) == 1  # the sender's own was read before


def test_a_mail_that_names_a_mail_of_nobody_is_a_request(hall: Hall) -> None:
    asked = first(hall, f"hello {next(NUMBERS)}", "References: <1@nobody.example> <2@a.example>")
    assert asked.follows is None


def test_the_check_of_the_ledger_tells_of_a_request_that_follows_none(hall: Hall) -> None:
    asked = first(hall, LINE.format(key()))
    database = hall.desk.site.database
    database.write(lambda c: request_store.change(c, asked.id, ("new",), follows=10**9))
    with database.snapshot() as connection:
        told = [detail for _, detail in requests_check.faults(connection)]
    database.write(lambda c: request_store.change(c, asked.id, ("new",), follows=None))
    assert told == ["there is no request 1000000000 before it, which it follows"]


# Mails that come back

REPORT = """\
This is the mail system at host mx.customer.example.

--=-b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.customer.example

Final-Recipient: rfc822; li@customer.example
Action: {action}
Status: {status}
Diagnostic-Code: smtp; {said}

--=-b
Content-Type: text/rfc822-headers

From: support@vendor.example
Message-ID: {id}
"""


def report(id_: str, action: str = "failed", status: str = "5.1.1", said: str = "") -> bytes:
    """A delivery status notification (RFC 3464)."""
    said = said or "550 5.1.1 <li@customer.example>: no such\n    user here"
    body = "--=-b\nContent-Type: text/plain\n\n" + REPORT.format(
        action=action, status=status, said=said, id=id_
    )
    kind = 'Content-Type: multipart/report; report-type=delivery-status; boundary="=-b"'
    return program(body + "\n--=-b--\n", kind)


def program(body: str, *fields: str, sender: str = "MAILER-DAEMON@mx.customer.example") -> bytes:
    head = (
        *(f"From: Mail <{sender}>", "Return-Path: <>", f"Date: {next(NUMBERS)}"),
        f"Message-ID: <{next(NUMBERS)}.of-the-system@mx.customer.example>",
        *fields,
    )
    return "\n".join((*head, "", body)).replace("\n", "\r\n").encode()


@pytest.fixture
def sent(hall: Hall) -> Iterator[outbox_store.Mail]:
    asked = first(hall, LINE.format(key()))
    yield reply(hall, asked)


def state(hall: Hall, mail: outbox_store.Mail) -> tuple[str, str | None]:
    found = hall.desk.site.database.read(lambda c: outbox_store.by_id(c, mail.id))
    assert found is not None
    return found.state, found.answer


def test_a_mail_that_comes_back_is_told_at_the_desk_and_can_be_sent_again(
    hall: Hall, sent: outbox_store.Mail
) -> None:
    hall.there.put(report(sent.message_id))
    assert hall.fetch() == Fetched(1, 0)
    told = "550 5.1.1 <li@customer.example>: no such user here"
    assert state(hall, sent) == ("bounced", told)
    assert last_event(hall.desk, f"mail {sent.id}")[1] == "mail.bounced"
    pages.sign_in(hall.desk)
    desk: Desk = hall.desk
    page = desk.client.get(f"/outbox/{sent.id}")
    assert "Came back: not delivered." in text_of(page)
    assert told in text_of(page)
    assert f"/outbox/{sent.id}" in desk.client.get("/outbox?state=failed").text
    (request,) = hall.requests()
    said = text_of(desk.client.get(f"/requests/{request['id']}"))
    assert "came back" in said
    assert told in said
    (answer,) = [
        one["mail"]
        for one in desk.client.get(f"/api/v1/requests/{request['id']}", headers=desk.bearer).json()[
            "conversation"
        ]
        if one["mail"]
    ]
    assert answer == {"id": sent.id, "state": "bounced", "answer": told}
    again = desk.client.post(f"/api/v1/mails/{sent.id}/retry", headers=desk.bearer)
    assert again.json()["state"] == "waiting"


def test_a_mail_that_is_late_stays_sent(hall: Hall, sent: outbox_store.Mail) -> None:
    hall.there.put(report(sent.message_id, "delayed", "4.4.1", "451 4.4.1 no route"))
    hall.fetch()
    assert state(hall, sent) == ("sent", "451 4.4.1 no route")


OF_QQ = """\
退信原因：收件人邮件地址（li@customer.example）不存在。
550 Mailbox not found
原邮件信息
Message-ID: {id}
"""
OF_NETEASE = """\
抱歉，您的邮件被退回来了
退信代码：User unknown:li@customer.example
Message-Id: {id}
"""
OF_EXCHANGE = """\
Delivery has failed to these recipients or groups:
li@customer.example

Remote Server returned '550 5.1.10 RESOLVER.ADR.RecipientNotFound'

Original message headers:

From: support@vendor.example
Message-ID:
 {id}
"""


@pytest.mark.parametrize(
    ("subject", "body", "sender", "said"),
    [
        ("系统退信", OF_QQ, "PostMaster@qq.com", "550 Mailbox not found"),
        ("系统退信/Systems bounce", OF_NETEASE, "Postmaster@163.com", "抱歉，您的邮件被退回来了"),
        ("Undeliverable: x", OF_EXCHANGE, "postmaster@customer.example", "550 5.1.10 RESOLVER"),
    ],
)
def test_mails_that_come_back_without_a_report_are_known(
    hall: Hall, sent: outbox_store.Mail, subject: str, body: str, sender: str, said: str
) -> None:
    kind = "Content-Type: text/plain; charset=utf-8"
    text = body.format(id=sent.message_id)
    hall.there.put(program(text, f"Subject: {subject}", kind, sender=sender))
    hall.fetch()
    became, answer = state(hall, sent)
    assert became == "bounced"
    assert answer is not None
    assert answer.startswith(said)


def test_what_a_stranger_or_another_mail_says_changes_no_mail(
    hall: Hall, sent: outbox_store.Mail
) -> None:
    id_ = sent.message_id
    of_person = report(id_).replace(b"Return-Path: <>", b"X: y").replace(b"MAILER-DAEMON", b"li")
    of_person = of_person.replace(b"multipart/report; report-type=delivery-status", b"multipart/x")
    absent = program(
        f"Message-ID: {id_}", "Auto-Submitted: auto-replied", sender="li@customer.example"
    )
    by_hand = report("<by-hand@vendor.example>").replace(
        b"Message-ID: <by-hand", f"References: {id_}\r\nMessage-ID: <by-hand".encode()
    )
    hall.there.put(of_person, absent, by_hand, report("<hostseal.1@vendor.example>"))
    hall.fetch()
    assert state(hall, sent) == ("sent", "250 queued")


RECEIPT = """\
--b
Content-Type: text/plain

The message was displayed.
--b
Content-Type: message/disposition-notification

Original-Message-ID: {id}
Disposition: manual-action/MDN-sent-manually; displayed
--b--
"""
OF_RECEIPTS = "Content-Type: multipart/report; report-type={}; boundary=b"


def test_a_receipt_a_ticket_and_an_absence_say_nothing_of_a_delivery(
    hall: Hall, sent: outbox_store.Mail
) -> None:
    answer, own = f"In-Reply-To: {sent.message_id}", "li@customer.example"
    quoted = f"I am out of office.\n> Message-ID: {sent.message_id}\n"
    receipt = RECEIPT.format(id=sent.message_id)
    generated = "Auto-Submitted: auto-generated"
    hall.there.put(
        program(receipt, OF_RECEIPTS.format("disposition-notification"), "Subject: Read: x"),
        program(receipt, OF_RECEIPTS.format("x").replace("report-type=x; ", "")),
        program("Your mail has ticket 12.", answer, generated, sender="help@customer.example"),
        program("Your mail has ticket 12.", answer, generated, sender="postmaster@c.example"),
        program(quoted, answer, generated, "Subject: Automatic reply: x", sender=own),
        program(quoted, answer, "Subject: 自动回复: 许可证", sender=own),
        program(quoted, answer, sender="postmaster@customer.example"),
    )
    hall.fetch()
    assert state(hall, sent) == ("sent", "250 queued")
    assert [requests for _, requests in hall.outcomes()] == [1, *7 * [0]]


def test_a_report_without_an_action_tells_by_its_status(
    hall: Hall, sent: outbox_store.Mail
) -> None:
    for status, became in (("2.1.5", "sent"), ("4.4.1", "sent"), ("5.1.1", "bounced")):
        mail = report(sent.message_id, status=status).replace(b"Action: failed\r\n", b"")
        hall.there.put(mail)
        hall.fetch()
        assert state(hall, sent)[0] == became


SECRET = "Fv3-kN_0" * 5 + "abc"
LINKS = (
    f"https://licences.example/portal/open?secret={SECRET}",
    f"https://licences.example/portal/open?secret={SECRET[:20]}\n> {SECRET[20:]}",
    f"https://filter.example/?url=https%3A%2F%2Fl.example%2Fportal%2Fopen%3Fsecret%3D{SECRET}&x=1",
    f"https://filter.example/?url=https%253A%252F%252Fl%252Fopen%253Fsecret%253D{SECRET}",
    f"https://urldefense.example/v2/url?u=https-3A__l.example_portal_open-3Fsecret-3D{SECRET}&d=D",
)


@pytest.mark.parametrize("link", LINKS)
def test_the_secret_of_a_link_that_a_mail_quotes_is_not_kept(
    hall: Hall, sent: outbox_store.Mail, link: str
) -> None:
    returned = f"Not delivered: {link}\nMessage-ID: {sent.message_id}\n"
    text = "Content-Type: text/plain; charset=utf-8"
    hall.there.put(
        program(returned, "Subject: Undeliverable: your link", text),
        written(f"{next(NUMBERS)}: what is this?\n\n> {link}\nBest regards"),
    )
    hall.fetch()
    became, answer = state(hall, sent)
    kept = hall.received(hall.requests()[-1]["id"])
    assert became == "bounced"
    for one in (str(answer), kept):
        assert "***" in one
        assert SECRET[:20] not in one
        assert SECRET[20:] not in one
    assert "Best regards" in kept


@pytest.mark.parametrize(
    ("former", "became"),
    [("sending", "bounced"), ("unsure", "bounced"), ("held", "bounced"), ("waiting", "waiting")],
)
def test_a_bounce_counts_for_a_mail_that_may_have_left(
    hall: Hall, sent: outbox_store.Mail, former: str, became: str
) -> None:
    hall.desk.site.database.write(
        lambda c: outbox_store.change(
            c, sent.id, ("sent",), state=former, leased_by="me", ended_at=None
        )
    )
    hall.there.put(report(sent.message_id))
    hall.fetch()
    now = hall.desk.clock.now
    late = Outcome("sent", "250 queued")
    hall.desk.site.database.write(lambda c: outbox.finish(c, sent.id, "me", late, now, 0))
    assert state(hall, sent)[0] == became
    hall.desk.site.database.write(
        lambda c: outbox_store.change(
            c, sent.id, (became,), state="cancelled", leased_by=None, ended_at=now
        )
    )
