"""The server that takes what goes out (SMTP, RFC 5321): one mail, and what became of it.

It is known of every answer whether the mail may be sent again. Only where the connection breaks
once the content has begun to leave, nobody knows.
"""

import smtplib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from license_server.mail.outbox import Outcome
from license_server.mail.outbox_store import FAILED, SENT, UNSURE, WAITING

TLS = ("starttls", "tls", "none")
_ANSWERS_WITHIN = 60
"""Seconds for each answer."""
_ENDS_WITHIN = 240
"""Seconds for a whole try: less than a lease, so that no other server begins meanwhile."""
Begin = Callable[[], bool]
"""Says that the content of a mail leaves now; false: it may not."""
TIMED_OUT = "timed out"
"""What is kept where a mail server did not answer in time."""


class Relay(NamedTuple):
    """Where mails are handed in, and how."""

    host: str
    port: int
    tls: str
    """One of TLS: ``none`` is for a relay on the same machine."""
    context: ssl.SSLContext
    user: str | None = None
    password: Callable[[], str] | None = None
    """Read at each try, so that a new one counts at once."""
    token: Callable[[], str] | None = None
    """In place of a password: an access token (XOAUTH2)."""
    refused: Callable[[], None] = lambda: None
    """Called where the token was refused."""
    answers_within: float = _ANSWERS_WITHIN


def send(relay: Relay, sender: str, recipient: str, content: bytes, begin: Begin) -> Outcome | None:
    """Hand in one mail; None where *begin* said that it may not leave."""
    try:
        with _connected(relay) as smtp:
            return _handed_in(smtp, sender, recipient, content, begin)
    except (OSError, smtplib.SMTPException, ValueError) as error:
        return Outcome(WAITING, _said(error))  # nothing has left yet


def trouble(relay: Relay) -> str | None:
    """Why no mail could be handed in now, in words; None: one could. Nothing is sent."""
    try:
        with _connected(relay):
            return None
    except (OSError, smtplib.SMTPException, ValueError) as error:
        return _said(error).rstrip(".")


def _handed_in(
    smtp: smtplib.SMTP, sender: str, recipient: str, content: bytes, begin: Begin
) -> Outcome | None:
    code, said = smtp.mail(sender)
    if code != 250:
        return Outcome(WAITING, _answer(code, said))  # it is this server that is refused
    code, said = smtp.rcpt(recipient)
    if code not in (250, 251):
        return Outcome(_judged(code), _answer(code, said))
    if not begin():
        return None
    try:
        code, said = smtp.data(content)
    except smtplib.SMTPDataError as error:  # it did not want the content at all
        return Outcome(_judged(error.smtp_code), _answer(error.smtp_code, error.smtp_error))
    except (OSError, smtplib.SMTPException) as error:
        return Outcome(UNSURE, _said(error))
    return Outcome(SENT if code == 250 else _judged(code), _answer(code, said))


def _judged(code: int) -> str:
    return FAILED if 500 <= code < 600 else WAITING


@contextmanager
def _connected(relay: Relay) -> Iterator[smtplib.SMTP]:
    """A connection on which mails can be handed in. Raises OSError or SMTPException."""
    smtp = _open(relay)
    end = threading.Timer(_ENDS_WITHIN, _break_off, (smtp,))
    end.daemon = True
    end.start()
    try:
        smtp.ehlo_or_helo_if_needed()
        if relay.tls == "starttls":
            smtp.starttls(context=relay.context)
            smtp.ehlo()
        _sign_in(smtp, relay)
        yield smtp
    finally:
        # What was said before is what counts; the other side may be gone by now.
        with suppress(OSError, smtplib.SMTPException):
            smtp.quit()
        smtp.close()
        end.cancel()


def _open(relay: Relay) -> smtplib.SMTP:
    if relay.tls == "tls":
        return smtplib.SMTP_SSL(
            relay.host, relay.port, timeout=relay.answers_within, context=relay.context
        )
    return smtplib.SMTP(relay.host, relay.port, timeout=relay.answers_within)


def _break_off(smtp: smtplib.SMTP) -> None:
    """End a try that takes too long: what waits for an answer gets an error."""
    if smtp.sock is not None:
        with suppress(OSError):
            smtp.sock.shutdown(socket.SHUT_RDWR)


def _sign_in(smtp: smtplib.SMTP, relay: Relay) -> None:
    if relay.user is None:
        return
    if relay.token is not None:
        told = f"user={relay.user}\1auth=Bearer {relay.token()}\1\1"
        try:
            smtp.auth("XOAUTH2", lambda challenge=None: told if challenge is None else "")
        except smtplib.SMTPAuthenticationError:
            relay.refused()
            raise
    elif relay.password is not None:
        smtp.login(relay.user, relay.password())


def _answer(code: int, said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return f"{code} {text}"


def _said(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return _answer(error.smtp_code, error.smtp_error)
    if isinstance(error, TimeoutError):
        return TIMED_OUT
    return f"{type(error).__name__}: {error}"
