"""The mailbox that mails come into (IMAP, RFC 3501): it is read, and never changed.

Whatever the other side does, a session ends: each answer is waited for so long, and the whole of
it too; and no answer is larger than a mail may be.
"""

import base64
import imaplib
import re
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, NamedTuple

from license_server.mail import limits
from license_server.mail.imap_connection import Connection, Deadline, TlsConnection

TLS = ("tls", "starttls", "none")
_ANSWERS_WITHIN = 60
"""Seconds for each answer."""
_ENDS_WITHIN = 300
"""Seconds for a whole session."""
_AT_ONCE = 100
"""So many mails are asked for their size at a time."""
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_PLAIN = re.compile(r"[\x20-\x25\x27-\x7e]+|&")
_UID = re.compile(rb"\bUID (\d{1,10})\b")
_SIZE = re.compile(rb"\bRFC822\.SIZE (\d{1,15})\b")
FAULTS = (OSError, imaplib.IMAP4.error, ValueError)
"""What a mailbox that cannot be read raises."""


class Mailbox(NamedTuple):
    """A folder of a mailbox, and how to sign in there."""

    host: str
    port: int
    tls: str
    """One of TLS: ``none`` is for a server on the same machine."""
    context: ssl.SSLContext
    user: str
    folder: str
    place: str
    """By which the database knows it."""
    password: Callable[[], str] | None = None
    """Read at each session, so that a new one counts at once."""
    token: Callable[[], str] | None = None
    """In place of a password: an access token (XOAUTH2)."""
    refused: Callable[[], None] = lambda: None
    """Called where the token was refused."""
    answers_within: float = _ANSWERS_WITHIN
    ends_within: float = _ENDS_WITHIN


class Content(NamedTuple):
    """A mail, as the server has it."""

    uid: int
    data: bytes
    is_header: bool
    """Whether there is only its header."""


class Folder:
    """A folder that is open for reading."""

    def __init__(self, imap: Connection, name: str) -> None:
        """Open it. Raises one of FAULTS."""
        self._imap = imap
        self.announces = "IDLE" in imap.capabilities
        """Whether the server says at once what comes."""
        _good(imap.select(_quoted(_utf7(name)), readonly=True))
        self.uidvalidity = self._told("UIDVALIDITY")
        """Another one: all UIDs are others."""
        self.next = self._told("UIDNEXT", 0)
        """No mail that is there has this UID or a higher one; 0: the server does not say."""

    def _told(self, name: str, otherwise: int | None = None) -> int:
        _, values = self._imap.response(name)
        if not values or values[0] is None:
            if otherwise is None:
                raise imaplib.IMAP4.error(f"the server tells no {name}")
            return otherwise
        return int(values[0])

    def uids(self, after: int, since: int | None) -> list[int]:
        """The UIDs over *after*, in their order; only those that came *since* the day of then."""
        asked = ["UID", f"{after + 1}:*"]
        if since is not None:
            day = datetime.fromtimestamp(since, UTC)
            asked += ["SINCE", f"{day.day:02}-{_MONTHS[day.month - 1]}-{day.year}"]
        self._imap.response("EXISTS")  # what is announced from now on may not be found
        found = _good(self._imap.uid("SEARCH", *asked))
        uids = {int(one) for line in found if line for one in line.split()}
        return sorted(one for one in uids if one > after)  # ``n:*`` always has the last one

    def sizes(self, uids: Sequence[int]) -> Iterator[tuple[int, int]]:
        """Each of the mails that are still there, and how many bytes it has."""
        for first in range(0, len(uids), _AT_ONCE):
            some = uids[first : first + _AT_ONCE]
            asked = ",".join(map(str, some))
            found: dict[int, int] = {}
            for one in _good(self._imap.uid("FETCH", asked, "(UID RFC822.SIZE)")):
                told = one if isinstance(one, bytes) else b""
                uid, size = _UID.search(told), _SIZE.search(told)
                if uid and size:
                    found[int(uid[1])] = int(size[1])
            yield from ((uid, found[uid]) for uid in some if uid in found)

    def contents(self, some: Sequence[tuple[int, int]]) -> Iterator["Content"]:
        """Those of these mails, of which the sizes are known, that are still there.

        Of those that are too large there is only the header.
        """
        whole = [uid for uid, size in some if size <= limits.LARGEST]
        headers = [uid for uid, size in some if size > limits.LARGEST]
        yield from self._parts(whole, f"BODY.PEEK[]<0.{limits.LARGEST + 1}>", is_header=False)
        yield from self._parts(headers, f"BODY.PEEK[HEADER]<0.{limits.HEADER}>", is_header=True)

    def _parts(self, uids: Sequence[int], what: str, *, is_header: bool) -> Iterator["Content"]:
        if not uids:
            return
        asked = ",".join(map(str, uids))
        for one in _good(self._imap.uid("FETCH", asked, f"(UID {what})")):
            uid = _UID.search(one[0]) if isinstance(one, tuple) else None
            if uid is not None and int(uid[1]) in uids and b"BODY[" in one[0].upper():
                yield Content(int(uid[1]), bytes(one[1]), is_header)

    def await_news(self, seconds: float, goes_on: Callable[[], bool]) -> None:
        """Wait until the server announces a change, so long, or until it is not to go on.

        It may have done so since ``uids`` was asked.
        """
        _, told = self._imap.response("EXISTS")
        if told and told[0] is not None:
            return
        self._imap.await_news(seconds, goes_on)


@contextmanager
def opened(box: Mailbox) -> Iterator[Folder]:
    """Its folder, for a session. Raises one of FAULTS."""
    deadline = Deadline(box.ends_within)
    try:
        imap = _connected(box, deadline)
        try:
            if box.tls == "starttls":
                _good(imap.starttls(ssl_context=box.context))
            _sign_in(imap, box)
            yield Folder(imap, box.folder)
            # What was read before is what counts; the other side may be gone by now.
            with suppress(*FAULTS):
                imap.logout()
        finally:
            with suppress(*FAULTS):
                imap.shutdown()
    finally:
        deadline.cancel()


def _connected(box: Mailbox, deadline: Deadline) -> Connection:
    if box.tls == "tls":
        return TlsConnection(
            deadline, box.host, box.port, ssl_context=box.context, timeout=box.answers_within
        )
    return Connection(deadline, box.host, box.port, timeout=box.answers_within)


def _sign_in(imap: imaplib.IMAP4, box: Mailbox) -> None:
    if box.token is not None:
        told = f"user={box.user}\1auth=Bearer {box.token()}\1\1".encode()
        answers = iter((told,))  # what comes after it says why it was refused
        try:
            imap.authenticate("XOAUTH2", lambda _: next(answers, b""))
        except imaplib.IMAP4.error:
            box.refused()
            raise
    elif box.password is not None:
        password = box.password()
        if "AUTH=PLAIN" in imap.capabilities:
            said = f"\0{box.user}\0{password}".encode()
            imap.authenticate("PLAIN", lambda _: said)
        else:
            imap.login(_quoted(box.user), password)


def _good(answer: tuple[str, Any]) -> list[Any]:
    """What came with an OK. Raises IMAP4.error for anything else."""
    kind, data = answer
    if kind != "OK":
        said = data[0] if data and isinstance(data[0], bytes) else b""
        raise imaplib.IMAP4.error(said.decode("utf-8", "replace") or kind)
    return list(data)


def said(error: Exception) -> str:
    """What an error of FAULTS tells people."""
    text = error.args[0] if error.args and isinstance(error.args[0], bytes) else str(error)
    told = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return " ".join("".join(one if one.isprintable() else " " for one in told).split())[:300] or (
        type(error).__name__
    )


def _quoted(text: str) -> str:
    """*text* as a quoted string. Raises IMAP4.error for what none can have."""
    if not text.isascii() or not text.isprintable():
        raise imaplib.IMAP4.error(f"{text!r} cannot be sent to an IMAP server")
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _utf7(name: str) -> str:
    """The *name* of a folder as IMAP writes it (RFC 3501 section 5.1.3)."""
    written, at = "", 0
    while at < len(name):
        plain = _PLAIN.match(name, at)
        if plain is not None:
            written += "&-" if plain[0] == "&" else plain[0]
            at = plain.end()
            continue
        end = at
        while end < len(name) and _PLAIN.match(name, end) is None:
            end += 1
        coded = base64.b64encode(name[at:end].encode("utf-16-be"), b"+,").decode("ascii")
        written += f"&{coded.rstrip('=')}-"
        at = end
    return written
