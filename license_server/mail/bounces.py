"""A mail that came back: which one it was, and what the other side said (RFC 3464).

Pure. Servers that write no report (QQ Mail, NetEase, old ones) tell the same in a text. Which mail
came back is told by the ``Message-ID`` of what they return, or by the envelope's id (RFC 3461);
that it is named elsewhere tells nothing: the mails of people have it in their References. Only a
report may answer it (``In-Reply-To``): absence notes, receipts and tickets do so as well.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from license_server.mail import limits, links, origins
from license_server.mail.fields import Fields

_MOST = 5
_LONGEST = 400
_OWN = rf"{re.escape(origins.PREFIX)}[0-9a-f]{{32}}@[A-Za-z0-9.-]{{1,190}}"
_RETURNED = re.compile(
    rf"(?im)^[ \t>|]{{0,20}}(?:x-)?(?:original-)?(?:message[- ]?id|envelope-id)[ \t]*[:：]"
    rf"\s{{0,80}}<?({_OWN})"
)
_ACTION = re.compile(r"(?im)^action[ \t]*:[ \t]*(failed|delayed|delivered|relayed|expanded)\b")
_SAID = re.compile(r"(?im)^diagnostic-code[ \t]*:((?:.{0,500}\n[ \t]){0,10}.{0,500})")
_STATUS = re.compile(r"(?im)^status[ \t]*:[ \t]*([245]\.\d{1,3}\.\d{1,3})")
_CODE = re.compile(r"(?m)^.{0,200}?\b([45]\d\d[ \-#][^\n]{3,300})")
_KIND = re.compile(r"(?i)^\s*(?:smtp|x-[a-z-]{1,20})\s*;\s*")
_LATER = re.compile(r"(?i)delay|still trying|will retry|warning:|延迟|延遲|稍后重试|仍在尝试")


class Bounce(NamedTuple):
    """A mail of this server's that was not delivered."""

    message_ids: tuple[str, ...]
    """With brackets: of the mail that is spoken of."""
    is_final: bool
    """False: it is late, and is still tried."""
    said: str
    """What the other side said of it."""


def read(fields: Fields, data: bytes, texts: list[str]) -> Bounce | None:
    """What the mail *data* tells of one of ours, with its header and *texts*; None: of none."""
    told = "\n".join(texts)
    found = dict.fromkeys(_ids(fields, data, told))
    is_final = _is_final(fields, told)
    if not found or is_final is None:
        return None
    return Bounce(tuple(found)[:_MOST], is_final, _said(fields, told))


def _ids(fields: Fields, data: bytes, told: str) -> Iterator[str]:
    for text in (data[: limits.BYTES].decode("latin-1"), told):
        yield from (f"<{one}>" for one in _RETURNED.findall(text))
    if origins.is_report(fields):
        yield from (one for one in fields.ids("in-reply-to") if re.fullmatch(f"<{_OWN}>", one))


def _is_final(fields: Fields, told: str) -> bool | None:
    """Whether the mail is not delivered, or is late; None: neither is said."""
    actions = {one.lower() for one in _ACTION.findall(told)}
    if actions:
        return "failed" in actions
    status = _STATUS.search(told)
    if status is not None:
        return status[1].startswith("5")
    subject = fields.text("subject")
    if _LATER.search(subject):
        return False
    code = _CODE.search(told)
    is_said = origins.UNDELIVERED.search(f"{subject}\n{told}") or fields.raw("x-failed-recipients")
    return True if is_said or (code and code[1].startswith("5")) else None


def _said(fields: Fields, told: str) -> str:
    diagnostic, status = _SAID.search(told), _STATUS.search(told)
    if diagnostic and diagnostic[1].strip():
        said = _KIND.sub("", diagnostic[1])
    elif (code := _CODE.search(told)) is not None:
        said = code[1]
    else:
        said = status[1] if status else told or fields.text("subject")
    line = " ".join(links.masked(said).split())[:_LONGEST]
    return line if status is None or status[1] in line else f"{line} ({status[1]})"
