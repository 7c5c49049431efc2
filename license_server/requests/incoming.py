"""What comes in: a text, and what is known of who sent it and how."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from license_core.claims import ClaimError
from license_core.reason import Reason
from license_server.catalog import customer_names, fields, letter_texts
from license_server.catalog.faults import Faults
from license_server.db.errors import InputInvalidError
from license_server.db.postgresql import NULL_SHOWN
from license_server.licenses import symptoms

PORTAL = "portal"
SOURCES = ("desk", "api", PORTAL, "mail", "file")
"""Where requests come from."""
MOST = symptoms.MOST
"""So many characters a text may have; a support bundle has a quarter of that."""
MEMBERS = (
    *("text", "customer", "product", "language"),
    *("sender_name", "sender_address", "subject", "message_id"),
)
"""What a program may say of a request."""
_LONGEST = {"message_id": 1000}
_MESSAGE_ID = re.compile(r"<[^<>\s]{1,996}>")
_SEEN = re.compile(r"[^\x00-\x20\x7f]")


class Received(NamedTuple):
    """A request as it came in."""

    source: str
    """One of SOURCES."""
    text: str
    """What was pasted, sent or written."""
    host: str | None = None
    """The host that it is about, as an order takes it; None: it is to be found in the text."""
    customer: str | None = None
    """Where somebody knows it; None: it is to be found."""
    product: str | None = None
    sender_name: str | None = None
    sender_address: str | None = None
    language: str | None = None
    """In which it is to be answered."""
    subject: str | None = None
    message_id: str | None = None
    """Of the mail."""
    thread: str | None = None
    """The ids of the mails before it, as its References have them."""
    scope: str | None = None
    """It is once more only what has the same scope; None: what has none, and the same host or text.

    Of one that has a scope, only who gave it can tell what it is once more after it was dealt with.
    """
    about: str | None = None
    """The number of the licence that it is about, where somebody said so."""
    customers: tuple[int, ...] | None = None
    """The rows of those whose licences may tell what it means; None: all that the actor sees."""
    authenticated: str | None = None
    """The domain of the sender, where the receiving server vouches for it."""
    is_alone: bool = False
    """Whether its host is the only one that the mail names."""
    was_there: bool = False
    """Whether it may have been answered before this server was restored."""


def read(members: Mapping[str, Any], source: str) -> Received:
    """What *members* of a body or a form say. Raises InputInvalidError, with every fault."""
    faults = Faults()
    faults.refuse_others(
        members,
        MEMBERS,
        Reason("there is no such field; the fields are {allowed}", allowed=", ".join(MEMBERS)),
    )
    given = fields.present(members)
    readers = {
        "text": _text,
        "customer": customer_names.read,
        "product": fields.choice_name,
        "language": _language,
        "message_id": _message_id,
    }
    values = {name: faults.read(name, readers.get(name, _line), given, name) for name in MEMBERS}
    if values["text"] is None and "text" not in faults:
        faults.refuse("text", "it is missing")
    faults.check()
    return Received(source, **values)


def checked(received: Received) -> Received:
    """*received* as it can be stored. Raises InputInvalidError where it is blank or too long."""
    try:
        text = _text({"text": received.text}, "text")
    except ClaimError as error:
        raise InputInvalidError(field=error.claim, reason=error.reason) from error
    return received._replace(
        text=(text or "").replace("\0", NULL_SHOWN),
        sender_name=_shown(received.sender_name),
        sender_address=_shown(received.sender_address),
        subject=_shown(received.subject),
        message_id=_shown(received.message_id, _LONGEST["message_id"]),
    )


def is_blank(text: str) -> bool:
    """Whether there is nothing to see in a *text*."""
    return _SEEN.search(text) is None


def _text(given: Mapping[str, Any], member: str) -> str | None:
    value = given.get(member)
    if value is None:
        return None
    if not isinstance(value, str):
        raise ClaimError(member, "it is not a text")
    if is_blank(value):
        raise ClaimError(member, "it is blank")
    if len(value) > MOST:
        raise ClaimError(
            member, Reason("it is longer than {most:# character|# characters}", most=MOST)
        )
    return value


def _line(given: Mapping[str, Any], member: str) -> str | None:
    return fields.clean_text(given, member, _LONGEST.get(member, 200))


def _language(given: Mapping[str, Any], member: str) -> str | None:
    value = fields.clean_text(given, member)
    if value is not None and value not in letter_texts.LANGUAGES:
        allowed = ", ".join(letter_texts.LANGUAGES)
        raise ClaimError(member, Reason("it is not one of {allowed}", allowed=allowed))
    return value


def _message_id(given: Mapping[str, Any], member: str) -> str | None:
    """The id of a mail (RFC 5322, section 3.6.4), in the brackets that programs often leave out."""
    value = _line(given, member)
    if value is None:
        return None
    id_ = value if value.startswith("<") else f"<{value}>"
    if not _MESSAGE_ID.fullmatch(id_):
        raise ClaimError(member, "it is not the id of a mail, such as <1f3a@mail.example.com>")
    return id_


def _shown(text: str | None, longest: int = 200) -> str | None:
    """A line of a mail's head as it may be shown: what others wrote may hold anything."""
    if text is None:
        return None
    line = "".join(one if one.isprintable() else " " for one in text)
    return " ".join(line.split())[:longest] or None
