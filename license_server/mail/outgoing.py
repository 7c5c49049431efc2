"""A mail as it leaves: its header, its text, and the licence that goes with it (RFC 5322)."""

import re
from datetime import UTC, datetime
from email.header import Header
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime
from typing import Any

from license_server.mail import addresses, origins
from license_server.mail.outbox_store import Mail

FILE = "license.dat"
_DRAWN = 16
_ID = re.compile(r"<[!-;=?-~]{1,250}>")
_EOL = "\r\n"
_LONGEST_LINE = 76
_MOST_BEFORE = 20
"""So many mails before it a mail names: the first of its thread, and the last ones."""


class _Written(str):
    """The value of a field as it goes out: ASCII, and folded."""


class _Policy(EmailPolicy):
    """Writes what is written already as it is.

    By itself the library encodes a long id as words, and decodes what looks like an encoded word in
    a text: what a stranger hid in one would become lines of the header.
    """

    def header_store_parse(self, name: str, value: Any) -> tuple[str, Any]:
        if isinstance(value, _Written):
            return name, value
        return super().header_store_parse(name, value)

    def header_fetch_parse(self, name: str, value: Any) -> Any:
        return value if isinstance(value, _Written) else super().header_fetch_parse(name, value)

    def fold_binary(self, name: str, value: Any) -> bytes:
        if isinstance(value, _Written):
            return f"{name}: {value}{self.linesep}".encode("ascii")
        return super().fold_binary(name, value)


_POLICY = _Policy(linesep=_EOL, cte_type="7bit", max_line_length=_LONGEST_LINE)


def new_id(random: bytes, sender: str) -> str:
    """A message id of this server's, made of *random* bytes."""
    return f"<{origins.PREFIX}{random[:_DRAWN].hex()}@{domain_of(sender)}>"


def domain_of(sender: str) -> str:
    """The domain of the mails from *sender*."""
    found = addresses.read(sender)
    return found.domain if found else "localhost"


def address_of(sender: str) -> str:
    """The address alone, to which mails come back that cannot be delivered."""
    found = addresses.read(sender)
    assert found is not None  # noqa: S101  # the settings are checked
    return addresses.written(found.address)


def write(mail: Mail, sender: str, file: bytes | None, sent_at: int) -> bytes:
    """The bytes of *mail*, from *sender*, with the licence *file* where it has one.

    Each try has another date, and the same id: who got it twice sees that it is one.
    """
    message = EmailMessage(policy=_POLICY)
    who = addresses.read(sender)
    assert who is not None  # noqa: S101  # the settings are checked
    message["From"] = _mailbox("From", who.name, who.address)
    message["To"] = _mailbox("To", mail.recipient_name or "", mail.recipient)
    message["Subject"] = _words("Subject", mail.subject)
    message["Date"] = format_datetime(datetime.fromtimestamp(sent_at, UTC))
    message["Message-ID"] = mail.message_id
    before = _before(mail)
    if before:
        message["In-Reply-To"] = _Written(before[-1])
        message["References"] = _Written(f"{_EOL} ".join(before))
    message["Auto-Submitted"] = _submitted(mail)
    message["X-Auto-Response-Suppress"] = "OOF, AutoReply"
    message[origins.LOOP] = "outbox"
    message.set_content(mail.body)
    if file is not None:
        message.add_attachment(file, maintype="application", subtype="octet-stream", filename=FILE)
    return message.as_bytes()


def _words(field: str, text: str) -> _Written:
    """A text in a field, as encoded words (RFC 2047) unless it is plain and looks like none."""
    line = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    plain = line.isascii() and "=?" not in line
    header = Header(line, "us-ascii" if plain else "utf-8", _LONGEST_LINE, field)
    return _Written(header.encode(linesep=_EOL))


def _mailbox(field: str, name: str, address: str) -> _Written:
    """An address with the name of whose it is (RFC 5322, section 3.4)."""
    spec = addresses.written(address)
    if not name.strip():
        return _Written(spec)
    phrase = _words(field, name)
    if "=?" not in phrase:
        quoted = phrase.replace("\\", "\\\\").replace('"', '\\"')
        phrase = _Written(f'"{quoted}"')
    return _Written(f"{phrase}{_EOL} <{spec}>")


def _before(mail: Mail) -> list[str]:
    """The ids of the mails before it; what a stranger gave as one, and is none, is left out."""
    ids = list(dict.fromkeys(_ID.findall(mail.thread or "")))
    return ids if len(ids) <= _MOST_BEFORE else [ids[0], *ids[1 - _MOST_BEFORE :]]


def _submitted(mail: Mail) -> str:
    """What RFC 3834 says of a mail: a person sent it, a program did, or one answered."""
    if not mail.automatic:
        return "no"
    return "auto-replied" if mail.thread else "auto-generated"
