"""The header of a mail that leaves: nothing that a stranger wrote becomes a line of it."""

import email
import email.policy
from email.header import decode_header, make_header

import pytest

from license_server.mail import outgoing
from license_server.mail.outbox_store import Mail

HIDDEN = "=?utf-8?q?a=0d=0aBcc:_victim@evil.example=0d=0a=0d=0aPay_here?="
FIELDS = [
    *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "X-Auto-Response-Suppress"),
    *("X-Hostseal", "Content-Type", "Content-Transfer-Encoding", "MIME-Version"),
]
BLANK = Mail(**dict.fromkeys(Mail._fields))  # type: ignore[arg-type]
MAIL = BLANK._replace(
    recipient="li@customer.example",
    subject="Licence",
    body="text\n",
    message_id="<hostseal.1@vendor.example>",
)


@pytest.mark.parametrize(
    "text",
    [
        HIDDEN,
        f"Re: {HIDDEN}",
        f"许可证 {HIDDEN}",
        "a\r\nBcc: victim@evil.example",
        "a\u2028Bcc: victim@evil.example\x0b",
        '"Li" \\ (x), y <z@evil.example>',
        "许" * 190,
        "x" * 190,
    ],
)
def test_what_a_stranger_wrote_is_words_of_its_field_alone(text: str) -> None:
    for mail in (MAIL._replace(subject=text), MAIL._replace(recipient_name=text)):
        content = outgoing.write(mail, "Vendor <support@vendor.example>", None, 1_800_000_000)
        read = email.message_from_bytes(content, policy=email.policy.default)
        assert read.keys() == FIELDS
        assert read.get_content().splitlines() == ["text"]
        assert [one.addr_spec for one in read["To"].addresses] == [MAIL.recipient]
        assert all(len(line) <= 998 and line.isascii() for line in content.split(b"\r\n"))


@pytest.mark.parametrize("text", ["Licence of gpu-box", "许可证 HS-2027", HIDDEN, "a =? b"])
def test_a_subject_and_a_name_are_read_as_they_were_written(text: str) -> None:
    mail = MAIL._replace(subject=text, recipient_name=text)
    content = outgoing.write(mail, "support@vendor.example", None, 1_800_000_000)
    raw = email.message_from_bytes(content)
    assert _decoded(raw["Subject"]) == text
    assert _decoded(raw["To"].rpartition("<")[0].strip().strip('"')) == text


def _decoded(field: str) -> str:
    return str(make_header(decode_header(field)))
