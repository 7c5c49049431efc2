"""What sent a mail: a person, or a program. Only a person is ever answered."""

import re

from license_server.mail.fields import Fields

PERSON, AUTOMATIC, BOUNCE, LIST, OWN = "person", "automatic", "bounce", "list", "own"
KINDS = (PERSON, AUTOMATIC, BOUNCE, LIST, OWN)
LOOP = "X-Hostseal"
"""The field that every mail of a licence server has."""
PREFIX = "hostseal."
"""How the message ids of this server's mails begin; people of its domain have others."""
_PROGRAMS = re.compile(
    r"(?i)^(?:mailer-daemon|postmaster|no-?reply|do-?not-?reply|bounces?|auto-?reply|notifications?)"
    r"(?:[+@.-]|$)"
)
_OF_BOUNCES = re.compile(r"(?i)^(?:mailer-daemon|postmaster)(?:@|$)")
UNDELIVERED = re.compile(
    r"(?i)undeliver|delivery (?:status notification|has failed|failed|failure)"
    r"|failure notice|return(?:ed|ing) (?:mail|message)|(?:not|n't) be delivered|not delivered"
    r"|退信|退回|无法投递|投递失败|无法送达|未送达|無法投遞|無法傳遞"
    r"|配信不能|配信できません"
)
"""What a program says of a mail that it returns, where it writes no report."""
_ABSENT = re.compile(
    r"(?i)^\s*(?:automatic reply|auto[ -]?reply|autoreply|out of (?:the )?office|auto[ -]?response"
    r"|自动回复|自動回覆|自动答复|外出)"
    r"\s*(?:[:：；;(（】\[]|$)"
)
_AUTOMATIC_FIELDS = ("x-autoreply", "x-autorespond", "x-autoreply-from", "x-mail-autoreply")


def origin(fields: Fields, sender: str, own_domain: str | None) -> str:
    """What sent the mail with these *fields*; *own_domain* is that of this server's message ids."""
    ids = fields.ids("message-id")
    own = f"@{own_domain.lower()}>" if own_domain else None
    if fields.raw(LOOP.lower()) or (
        own and any(one.startswith(f"<{PREFIX}") and one.lower().endswith(own) for one in ids)
    ):
        return OWN
    if _is_bounce(fields, sender):
        return BOUNCE
    if fields.raw("list-id") or fields.value("precedence") == "list":
        return LIST
    return AUTOMATIC if _is_automatic(fields, sender) else PERSON


def is_report(fields: Fields) -> bool:
    """Whether a mail is a report of a delivery (RFC 3464)."""
    kind = fields.value("content-type")
    report = fields.parameters("content-type").get("report-type", "").lower()
    return kind == "message/delivery-status" or (
        kind == "multipart/report" and report in ("", "delivery-status")
    )


def _is_bounce(fields: Fields, sender: str) -> bool:
    """Whether a mail server wrote it, of a mail that it has or had.

    An empty return path says less: absence notes, receipts and tickets have one too (RFC 3834).
    """
    if is_report(fields):
        return True
    if fields.value("content-type") == "multipart/report" or _ABSENT.match(fields.text("subject")):
        return False
    return bool(
        fields.raw("x-failed-recipients")
        or _OF_BOUNCES.match(sender)
        or (_has_no_return(fields) and UNDELIVERED.search(fields.text("subject")))
    )


def _is_automatic(fields: Fields, sender: str) -> bool:
    return bool(
        _says_automatic(fields)
        or _has_no_return(fields)
        or fields.value("precedence") in ("bulk", "junk", "auto_reply", "auto-reply")
        or any(fields.raw(name) for name in _AUTOMATIC_FIELDS)
        or fields.value("x-auto-response-suppress") in ("all", "oof")
        or fields.value("content-type") == "multipart/report"
        or _PROGRAMS.match(sender)
        or _ABSENT.match(fields.text("subject"))
    )


def _says_automatic(fields: Fields) -> bool:
    return fields.value("auto-submitted").split(" ")[0] not in ("", "no")


def _has_no_return(fields: Fields) -> bool:
    return fields.raw("return-path").replace(" ", "") == "<>"
