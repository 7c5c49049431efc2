"""What a mail of the mailbox asks for, and how it is kept: one request for each host that it names.

Only what a person wrote is filed. What a program sent is remembered, so that it is read once.
Nothing here issues or answers.
"""

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import Connection

from license_core import hostline
from license_core.request import LicenseRequest
from license_server.actor import SERVER
from license_server.mail import links, mailbox_store, origins, outbox
from license_server.mail.bounces import Bounce
from license_server.mail.incoming import IncomingMail
from license_server.mail.mailbox_store import FILED
from license_server.requests import filing, incoming
from license_server.requests.incoming import Received
from license_server.requests.reading import Reading

_MOST_REMARKS = 8000
_OUTCOMES = {
    origins.PERSON: FILED,
    **{kind: kind for kind in origins.KINDS if kind != origins.PERSON},
}
OUTCOMES = tuple(_OUTCOMES.values())


class Where(NamedTuple):
    """Where a mail was seen."""

    place: str
    uidvalidity: int
    uid: int


class Taken(NamedTuple):
    """A mail of the mailbox, as it is to be kept."""

    where: Where
    digest: str
    kind: str
    """One of origins.KINDS."""
    came: tuple[Received, ...]
    """What is to be filed."""
    bounce: Bounce | None


def take(mail: IncomingMail, data: bytes, where: Where, *, was_there: bool = False) -> Taken:
    """What is to be kept of a mail, which was seen there.

    *was_there*: it may have been read before this server was restored.
    """
    came = tuple(one._replace(was_there=was_there) for one in asked(mail))
    return Taken(where, digest(mail, data), mail.kind, came, mail.bounce)


def digest(mail: IncomingMail, data: bytes) -> str:
    """Which mail it is, wherever and however often it lies.

    By its id; with the author and the date, since programs give the same id twice. Without one, by
    its bytes.
    """
    author = mail.sender.address.lower() if mail.sender else ""
    told = f"{mail.message_id}\n{author}\n{mail.sent_at}".encode()
    return hashlib.sha256(told if mail.message_id else b"\n" + data).hexdigest()


def asked(mail: IncomingMail) -> tuple[Received, ...]:
    """What is to be filed: a request for each host; where there is none, one for a person."""
    if mail.kind != origins.PERSON:
        return ()
    came = Received(
        "mail",
        _text(mail),
        sender_name=mail.sender.name or None if mail.sender else None,
        sender_address=mail.sender.address if mail.sender else None,
        language=mail.language,
        subject=links.masked(mail.subject) or None,
        message_id=mail.message_id,
        thread=" ".join(mail.references) or None,
        authenticated=mail.authentication.domain,
        is_alone=len(mail.hosts) == 1 and not mail.unread,
    )
    hosts = tuple(came._replace(host=_host(one.request)) for one in mail.hosts)
    return hosts or (came,)


def _host(request: LicenseRequest) -> str:
    """As an order takes it."""
    if request.tags is not None:
        return request.to_text()
    return hostline.write(request.key, request.name, request.profile)


def _text(mail: IncomingMail) -> str:
    """What was written, and what could not be read of it."""
    remarks = links.masked("\n".join(_remarks(mail)))[:_MOST_REMARKS]
    text = links.masked(mail.text)[: incoming.MOST - _MOST_REMARKS - 2]
    text = text.encode("utf-8", "replace").decode("utf-8")
    if incoming.is_blank(text):
        return remarks or "[The mail has no text.]"
    return f"{text}\n\n{remarks}" if remarks else text


def _remarks(mail: IncomingMail) -> Iterator[str]:
    if len(mail.text) > incoming.MOST - _MOST_REMARKS - 2:
        yield "[The rest of the text is only in the mailbox.]"
    for one in mail.unread:
        yield f"[Not read: {one}]"
    if mail.files and not mail.hosts:
        yield f"[Attachments: {', '.join(mail.files)}]"


def read(connection: Connection, taken: Taken, now: int) -> tuple[Reading, ...] | None:
    """What each of it means; it takes longer than to write it down. None: it was read before."""
    if mailbox_store.has(connection, taken.digest):
        return None
    return tuple(filing.read(connection, SERVER, one, now) for one in taken.came)


def keep(
    connection: Connection, taken: Taken, readings: tuple[Reading, ...], now: int
) -> int | None:
    """File what came, and remember the mail, in this transaction: how many requests were filed.

    None: it was read before. Raises IntegrityError where another server keeps the same just now.
    """
    if mailbox_store.has(connection, taken.digest):
        return None
    filed = [
        filing.file(connection, SERVER, one, now, meaning).request.id
        for one, meaning in zip(taken.came, readings, strict=True)
    ]
    if taken.bounce is not None:
        outbox.came_back(connection, taken.bounce, now)
    mailbox_store.add(
        connection,
        digest=taken.digest,
        **taken.where._asdict(),
        read_at=now,
        outcome=_OUTCOMES[taken.kind],
        request=filed[0] if filed else None,
        requests=len(filed),
    )
    return len(filed)
