"""A mail as it came in, read: who wrote, what they say, and the hosts that they name.

Pure: bytes in, a value out, whatever the bytes are. No mail raises an error, and what cannot be
read of it is said, for a person. limits.py bounds the work.
"""

import re
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from license_core.reason import Reason
from license_server.licenses import symptoms
from license_server.licenses.symptoms import Symptoms
from license_server.mail import (
    addresses,
    authentication,
    bounces,
    charsets,
    flowed,
    host_lines,
    languages,
    limits,
    markup,
    origins,
    parts,
    quoting,
    rtf,
    tnef,
)
from license_server.mail.addresses import Address
from license_server.mail.authentication import Authentication
from license_server.mail.bounces import Bounce
from license_server.mail.fields import Fields
from license_server.mail.host_lines import Found, Source
from license_server.mail.limits import Budget
from license_server.mail.parts import Part

_LONGEST_SUBJECT = 500
_TEXT_FILES = re.compile(r"(?i)\.(?:txt|dat|json|log|csv|md|text|conf|ini|yaml|yml)$")
_PAGES = re.compile(r"(?i)\.html?$")
_PACKED = re.compile(r"(?i)\.(?:zip|gz|tgz|rar|7z|tar|xz|bz2|zst|jar)$")
_OF_OFFICE = re.compile(r"(?i)\.(?:pdf|docx?|xlsx?|pptx?|odt|ods|wps|et)$")
_BY_KIND = {
    "application/json": "text/plain",
    "application/yaml": "text/plain",
    "text/json": "text/plain",
    "application/rtf": "text/rtf",
    "application/xhtml+xml": "text/html",
}
_PASSED_OVER = (
    *("text/calendar", "application/ics", "application/pkcs7-signature"),
    *("application/x-pkcs7-signature", "application/pgp-signature", "application/pgp-keys"),
    *(
        "text/vcard",
        "text/x-vcard",
        "text/css",
        "text/x-amp-html",
        "message/disposition-notification",
    ),
)
_BLANKS = re.compile(r"\s+")
_TOO_LARGE = Reason(
    "it is larger than {most} MiB, and only its header was read",
    most=limits.LARGEST // 1024 // 1024,
)


class MailText(NamedTuple):
    """A text that a person would see."""

    text: str
    where: str
    """The name of the attachment; empty for the mail itself."""
    is_forward: bool
    """Whether it is of a mail that was forwarded."""


class Own(NamedTuple):
    """What tells a mail of this server's, and the results of its mail server, from others."""

    domain: str | None = None
    """The domain of its message ids."""
    receiver: str | None = None
    """The name by which its mail server signs its results (RFC 8601)."""


class IncomingMail(NamedTuple):
    """A mail, as far as it was read."""

    kind: str
    """Of ``origins.KINDS``: only a ``person`` is ever answered."""
    sender: Address | None
    """None where it has no address, or several."""
    reply_to: Address | None
    """Where the sender wants answers; None where that is the sender."""
    subject: str
    message_id: str | None
    references: tuple[str, ...]
    """The mails before it in its thread, the last one last."""
    sent_at: int | None
    """When the sender says that it was sent."""
    language: str | None
    """``zh``, ``en``, or None."""
    hosts: tuple[Found, ...]
    """The requests and host key lines, each host once."""
    texts: tuple[MailText, ...]
    symptoms: Symptoms
    """What a client printed."""
    licenses: tuple[str, ...]
    """The numbers of licences that are in it as files."""
    numbers: tuple[str, ...]
    """All licence numbers that it names."""
    files: tuple[str, ...]
    """The names of its attachments."""
    unread: tuple[Reason, ...]
    """What was not read, and why."""
    authentication: Authentication
    bounce: Bounce | None
    """What a ``bounce`` tells of a mail of this server's."""

    @property
    def answer_to(self) -> Address | None:
        """Who may be answered: a person who gave one address."""
        return (self.reply_to or self.sender) if self.kind == origins.PERSON else None

    @property
    def text(self) -> str:
        """Its texts, one after the other."""
        return "\n\n".join(one.text for one in self.texts)


def read(data: bytes, own: Own) -> IncomingMail:
    """The mail that *data* is."""
    budget = Budget()
    fields, body = parts.split(_without_envelope(data[: limits.LARGEST]))
    if len(data) > limits.LARGEST:
        budget.tell(_TOO_LARGE)
        body = b""
    files: dict[str, None] = {}
    texts = _distinct(_texts(fields, body, budget, files), budget)
    subject = fields.text("subject")[:_LONGEST_SUBJECT]
    found = host_lines.read([Source(subject), *(Source(one.text, one.where) for one in texts)])
    said = symptoms.read("\n\n".join([subject, *(one.text for one in texts)]))
    sender = addresses.read(fields.raw("from")) if len(list(fields.every("from"))) == 1 else None
    mine = "\n".join([subject, *(quoting.fresh(one.text) for one in texts[:1])])
    reasons = dict.fromkeys((*budget.unread, *found.unread))
    kind = origins.origin(fields, sender.address if sender else "", own.domain)
    is_bounce = kind == origins.BOUNCE
    return IncomingMail(
        kind=kind,
        sender=sender,
        reply_to=addresses.read(fields.raw("reply-to")),
        subject=subject,
        message_id=next(iter(fields.ids("message-id")), None),
        references=tuple(dict.fromkeys((*fields.ids("references"), *fields.ids("in-reply-to")))),
        sent_at=_instant(fields.raw("date")),
        language=languages.guess(mine),
        hosts=found.found,
        texts=tuple(texts),
        symptoms=said,
        licenses=found.licenses,
        numbers=tuple(dict.fromkeys((*said.numbers, *found.licenses))),
        files=tuple(files),
        unread=tuple(reasons),
        authentication=authentication.read(fields, sender and sender.domain, own.receiver),
        bounce=bounces.read(fields, body, [one.text for one in texts]) if is_bounce else None,
    )


def read_header(header: bytes, own: Own) -> IncomingMail:
    """A mail that is too large to be read, of which there is only the *header*."""
    mail = read(header, own)
    return mail._replace(unread=(_TOO_LARGE, *mail.unread))


def _without_envelope(data: bytes) -> bytes:
    """*data* without the line that a mailbox file has before a mail."""
    data = data.lstrip(b"\xef\xbb\xbf") if data.startswith(b"\xef\xbb\xbf") else data
    if data.startswith((b"From ", b">From ")):
        return data.partition(b"\n")[2]
    return data


def _instant(date: str) -> int | None:
    try:
        seconds = parsedate_to_datetime(date[:100]).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None  # no date, or none that a clock shows
    return int(seconds) if 0 <= seconds < 1 << 40 else None


def _distinct(texts: Iterator[MailText], budget: Budget) -> list[MailText]:
    """*texts* without those that say the same once more, as alternatives do."""
    found: dict[tuple[str, str], MailText] = {}
    for one in texts:
        kept = one._replace(text=budget.cut(one.text))
        squeezed = _BLANKS.sub("", kept.text)
        if squeezed:
            found.setdefault((squeezed, one.where), kept)
    return list(found.values())


def _texts(
    fields: Fields,
    body: bytes,
    budget: Budget,
    files: dict[str, None],
    depth: int = 0,
    is_forward: bool = False,
) -> Iterator[MailText]:
    for part in parts.walk(fields, body, budget, depth, is_forward):
        yield from _of_part(part, budget, files)


def _of_part(part: Part, budget: Budget, files: dict[str, None]) -> Iterator[MailText]:
    kind = _kind(part)
    if part.filename and kind != tnef.FILE:
        files[part.filename] = None
    if kind == tnef.FILE:
        yield from _of_tnef(part, budget, files)
    elif kind.startswith("text/"):
        yield MailText(_shown(part, kind, budget), part.filename, part.is_forward)
    elif part.kind not in _PASSED_OVER:
        budget.tell(_refusal(part.kind, part.filename))


def _kind(part: Part) -> str:
    """How a part is read: a kind of text, winmail.dat, or whatever it is."""
    kind, name = _BY_KIND.get(part.kind, part.kind), part.filename
    if kind in tnef.KINDS or name.lower() == tnef.FILE:
        return tnef.FILE
    if kind in _PASSED_OVER or kind.startswith(("image/", "audio/", "video/")):
        return "passed over"
    if kind == "text/rtf" or name.lower().endswith(".rtf"):
        return "text/rtf"
    if kind == "text/html" or (_PAGES.search(name) and not kind.startswith("text/")):
        return "text/html"
    if kind.startswith("text/") or kind in ("message/delivery-status", "message/rfc822-headers"):
        return "text/plain"
    return "text/plain" if _TEXT_FILES.search(name) else kind


def _shown(part: Part, kind: str, budget: Budget) -> str:
    """What a person sees of a part with a text."""
    data = part.decoded(budget.take(len(part.data)))
    if kind == "text/rtf":
        return rtf.shown(data)
    parameters = part.fields.parameters("content-type")
    label = parameters.get("charset")
    if kind == "text/html":
        label = label or _label_of_page(data)
    decoded = charsets.decode(data, label)
    if decoded.is_refused:
        budget.tell(Reason("a text in UTF-7, which is not read"))
        return ""
    if kind == "text/html":
        return markup.shown(decoded.text)
    text = decoded.text.replace("\r\n", "\n").replace("\r", "\n")
    if parameters.get("format", "").lower() == "flowed":
        return flowed.unfold(text, delsp=parameters.get("delsp", "").lower() == "yes")
    return text


def _label_of_page(data: bytes) -> str | None:
    found = re.search(rb"(?i)<meta[^>]{0,200}charset\s*=\s*[\"']?([a-z0-9_-]{2,30})", data[:4096])
    return found[1].decode("ascii") if found else None


def _of_tnef(part: Part, budget: Budget, files: dict[str, None]) -> Iterator[MailText]:
    enclosed = tnef.read(part.decoded(limits.LARGEST))
    if enclosed is None:  # or it is a file of that name that somebody wrote
        yield MailText(_shown(part, "text/plain", budget), part.filename, part.is_forward)
        return
    if not enclosed.is_whole:
        budget.tell(Reason("{name}, which was read in part", name=tnef.FILE))
    for text in (enclosed.text, markup.shown(enclosed.html)):
        yield MailText(text, "", part.is_forward)
    depth = part.depth + 1
    if not enclosed.files or not budget.within(depth):
        return
    for name, content in enclosed.files:
        if not budget.take_part():
            return
        kind = tnef.KINDS[0] if content.startswith(tnef.SIGNATURE) else "application/octet-stream"
        inner = Part(Fields([]), kind, content, name[:255], depth, part.is_forward)
        if parts.is_mail(inner):
            yield from _texts(*parts.split(content), budget, files, depth, is_forward=True)
        else:
            yield from _of_part(inner, budget, files)


def _refusal(kind: str, name: str) -> Reason:
    """Why a part was not read."""
    name = name or kind
    if kind.startswith("image/"):
        return Reason("a picture, {name}: what it shows is not read", name=name)
    if _PACKED.search(name) or kind in ("application/zip", "application/gzip"):
        return Reason("an archive, {name}: archives are not opened", name=name)
    if kind in ("application/pkcs7-mime", "application/x-pkcs7-mime", "application/pgp-encrypted"):
        return Reason("an encrypted mail, which cannot be read")
    if _OF_OFFICE.search(name) or kind == "application/pdf":
        return Reason("a document, {name}: documents are not read", name=name)
    return Reason("a file, {name}: files of this kind are not read", name=name)
