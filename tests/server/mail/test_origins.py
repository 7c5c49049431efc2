"""Who sent a mail: people are told from programs, and what a receiving server found is believed."""

import pytest

from license_server.mail import addresses, incoming
from license_server.mail.incoming import IncomingMail, Own

OWN = Own("vendor.example", "mx.vendor.example")


def read(*fields: str, sender: str = "Wang <wang@customer.example>") -> IncomingMail:
    lines = (f"From: {sender}", *fields, "", "text")
    return incoming.read("\r\n".join(lines).encode("utf-8"), OWN)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("person", ()),
        ("person", ("Auto-Submitted: no",)),
        ("person", ("Return-Path: <wang@customer.example>",)),
        ("person", ("Subject: office hours, and an automatic renewal",)),
        ("automatic", ("Auto-Submitted: auto-replied (vacation)",)),
        ("automatic", ("Auto-Submitted: auto-generated",)),
        ("automatic", ("Return-Path: <>", "Auto-Submitted: auto-replied")),
        ("automatic", ("Precedence: bulk",)),
        ("automatic", ("X-Autoreply: yes",)),
        ("automatic", ("X-Auto-Response-Suppress: All",)),
        ("automatic", ("Subject: Automatic reply: licence",)),
        ("automatic", ("Subject: =?utf-8?B?6Ieq5Yqo5Zue5aSN?=: x",)),
        ("automatic", ("Content-Type: multipart/report; report-type=disposition-notification",)),
        ("automatic", ("Return-Path: <>",)),
        ("automatic", ("Return-Path: <>", "Auto-Submitted: auto-generated")),
        ("automatic", ("Return-Path: <>", "Subject: Automatic reply: not delivered")),
        ("bounce", ("Return-Path: <>", "Subject: Undeliverable: licence")),
        ("bounce", ("X-Failed-Recipients: a@b.example", "Auto-Submitted: auto-replied")),
        ("bounce", ('Content-Type: multipart/report; report-type="delivery-status"; boundary=a',)),
        (
            "bounce",
            (
                "Content-Type: multipart/report; report-type=delivery-status; boundary=a",
                "Auto-Submitted: auto-replied",
            ),
        ),
        ("bounce", ("X-Failed-Recipients: a@b.example",)),
        ("list", ("List-Id: <users.lists.example>",)),
        ("list", ("Precedence: list",)),
        ("person", ("Message-ID: <1@vendor.example>",)),
        ("own", ("Message-ID: <hostseal.1@vendor.example>",)),
        ("own", ("X-Hostseal: outbox",)),
        ("own", ("List-Id: <a.example>", "Message-ID: <hostseal.1@Vendor.Example>")),
    ],
)
def test_only_a_person_is_ever_answered(kind: str, fields: tuple[str, ...]) -> None:
    mail = read(*fields)
    assert mail.kind == kind
    assert (mail.answer_to is not None) == (kind == "person")


@pytest.mark.parametrize(
    ("kind", "sender"),
    [
        ("bounce", "Mail Delivery System <MAILER-DAEMON@mx.example>"),
        ("automatic", "no-reply@customer.example"),
        ("person", "noreplyton@customer.example"),
    ],
)
def test_programs_are_known_by_their_addresses(kind: str, sender: str) -> None:
    assert read(sender=sender).kind == kind


@pytest.mark.parametrize(
    ("field", "address", "name"),
    [
        ("wang@a.example", "wang@a.example", ""),
        ('"Wang, Wei" <wang@a.example>', "wang@a.example", "Wang, Wei"),
        ("=?gb2312?B?zfXOsA==?= <wang@a.example>", "wang@a.example", "王伟"),
        ('"boss@bank.example" <wang@a.example>', "wang@a.example", "boss@bank.example"),
        ("wang@a.example (Wang <x@y.example>)", "wang@a.example", ""),
    ],
)
def test_the_address_of_a_sender_is_the_one_that_mail_goes_to(
    field: str, address: str, name: str
) -> None:
    found = addresses.read(field)
    assert found is not None
    assert (found.address, found.name) == (address, name)


@pytest.mark.parametrize(
    "field",
    [
        *("", "wang", "a@b.example, c@d.example", "<a@b.example> <c@d.example>", "a b@c.example"),
        *("a@b.example>", "=?utf-8?Q?=3Ca=40b.example=3E?=", "a@b_c.example", "a@-b.example"),
        *("\u0430dmin@a.example", f"{'a' * 65}@b.example", '"' + '\\"' * 5000),
    ],
)
def test_no_address_or_several_are_none(field: str) -> None:
    assert addresses.read(field) is None


def test_two_fields_of_who_wrote_name_nobody() -> None:
    assert read("From: boss@bank.example").sender is None


def test_no_field_brings_another_one_along() -> None:
    mail = read(
        "Subject: =?utf-8?Q?a=0D=0ABcc:_victim=40b.example?=\x00\x1b[31m",
        "Message-ID: <1@a.example\x0bBcc:x>",
        "Reply-To: =?utf-8?Q?x=0A?= <a@b.example>",
    )
    assert mail.subject == "a Bcc: victim@b.example [31m"
    assert mail.message_id is None
    assert mail.reply_to is not None
    assert mail.reply_to.name == "x"


RESULTS = "Authentication-Results: mx.vendor.example 1"


@pytest.mark.parametrize(
    "fields",
    [
        (f"{RESULTS}; dmarc=pass (p=reject dis=none) header.from=customer.example",),
        (f"{RESULTS}; dkim=fail header.d=x.example;\r\n\tdkim=pass header.d=customer.example",),
        (f"{RESULTS}; spf=fail; dkim = pass (2048-bit \\) key) header.d = Customer.Example",),
        (f"{RESULTS}; dmarc=none; dkim=pass header.d=customer.example",),
        (f"{RESULTS}; dmarc=pass header.from=customer.example", f"{RESULTS}; dmarc=fail"),
    ],
)
def test_a_sender_is_vouched_for_by_the_receiving_server(fields: tuple[str, ...]) -> None:
    assert read(*fields).authentication.domain == "customer.example"


@pytest.mark.parametrize(
    "fields",
    [
        (),
        ("Authentication-Results: mx.evil.example; dmarc=pass header.from=customer.example",),
        (
            "Authentication-Results: mx.evil.example; dmarc=fail",
            f"{RESULTS}; dmarc=pass header.from=customer.example",
        ),
        (f"{RESULTS}; none", f"{RESULTS}; dmarc=pass header.from=customer.example"),
        (f"{RESULTS}; dmarc=pass header.from=evil.example",),
        (f"{RESULTS}; dmarc=fail (dmarc=pass header.from=customer.example)",),
        (f"{RESULTS}; dkim=pass header.d=evil.example header.i=@customer.example",),
        (f"{RESULTS}; spf=pass smtp.helo=customer.example",),
        (f"{RESULTS}; spf=pass smtp.mailfrom=wang@customer.example",),
        (f"{RESULTS}; dmarc=fail; dkim=pass header.d=customer.example",),
        (f"{RESULTS}; dkim=pass header.d=mail.customer.example",),
        (f"{RESULTS}; dkim=pass header.d=evil.example header.d=customer.example",),
        # What a sender chooses: the mailbox of MAIL FROM, in quotes or in a comment.
        (f'{RESULTS}; spf=pass smtp.mailfrom="a; dmarc=pass header.from=customer.example "@e.x',),
        (f"{RESULTS}; spf=fail (of ((a; dmarc=pass header.from=customer.example;) b))",),
        (f"{RESULTS}; spf=fail (a\\) ; dmarc=pass header.from=customer.example ;",),
        (f'{RESULTS}; spf=fail smtp.mailfrom="a; dmarc=pass header.from=customer.example',),
        (f"{RESULTS}; dkim=fail header.d=customer.example; spf=softfail",),
        ("Authentication-Results: mx.vendor.example.x; dmarc=pass header.from=customer.example",),
    ],
)
def test_nobody_else_vouches_for_a_sender(fields: tuple[str, ...]) -> None:
    assert read(*fields).authentication.domain is None


def test_without_the_name_of_a_receiving_server_nobody_is_vouched_for() -> None:
    data = f"From: a@customer.example\r\n{RESULTS}; dmarc=pass header.from=customer.example\r\n\r\n"
    assert incoming.read(data.encode(), Own()).authentication.domain is None
