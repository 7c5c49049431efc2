"""What an act changed, in words: the names of fields, and what they hold."""

from collections.abc import Callable
from typing import Any

from license_core import strictjson
from license_core.wording import printable
from license_server.audit.changes import Change
from license_server.catalog import letter_texts
from license_server.web.reader import LANGUAGES

FIELDS = {
    "name": "Name",
    "title": "Title",
    "contact_name": "Contact",
    "contact_email": "Email address",
    "language": "Mail language",
    "tags": "Tags",
    "notes": "Notes",
    "no_reminders": "Wants no reminders by mail",
    "reminders.days": "Reminders (days before the last day)",
    "reminders.quiet_weekends": "No reminders on Saturdays and Sundays",
    "reminders.quiet_dates": "No reminders on these dates",
    "archived": "Archived",
    "longest_days": "Longest term (days)",
    "rehosts": "Rehosts allowed",
    "needs_approval": "Approval by a second person",
    "domains": "Mail domains",
    "mail_plan": "Plan for mails of known senders",
    "mail_daily": "Licences a day for a customer",
    "mail_moves": "Move licences to a drifted host, too",
    "commands.environment": "Set the environment",
    "commands.client": "Call the client",
    "commands.key": "Print the host key line",
    "commands.install": "Install the licence",
    "commands.verify": "Verify the licence",
    "commands.start": "Start the product",
    "commands.file": "Path of the installed licence",
    "defaults.days": "Default term (days)",
    "defaults.edition": "Default edition",
    "defaults.features": "Default features",
    "defaults.limits": "Default limits",
    "defaults.match": "Default binding",
    "defaults.notify_days": "Default renewal notice (days)",
    "defaults.grace_days": "Default grace period (days)",
    "owner": "Owner",
    "role": "Role",
    "disabled": "Account disabled",
    "one_time_codes": "One-time codes",
    "issuer": "Identity provider",
    "issuer_subject": "Account at the provider",
    "scopes": "Scopes",
    "products": "Products",
    "expires_at": "Valid until",
    "revoked": "Revoked",
    "url": "URL",
    "events": "Events",
    "paused": "Paused",
    "removed": "Removed",
    "former_secret": "Former secret signs too",
    "former_until_at": "Former secret signs until",
}
"""The fields that a change names, in English; translated where they are shown."""
PLAN = "Plan %(name)s: %(field)s"
"""A field of a plan."""
_OF_PLANS = "plans."
_OF_PLAN = {
    "trial": "Trial",
    "archived": "Archived",
    "days": "Term (days)",
    "edition": "Edition",
    "features": "Features",
    "limits": "Limits",
    "match": "Binding",
    "notify_days": "Renewal notice (days before expiry)",
    "grace_days": "Grace period (days after expiry)",
}
LETTER = "Letter: %(when)s"
"""Of a letter: when it is sent; its language follows."""
_LONGEST = 80
_BEFORE = 20
"""So much of two long texts is shown before they begin to differ."""
_MARK = "…"
_LINE = " ⏎ "


def letter(name: str) -> tuple[str, str] | None:
    """When the letter is sent that a field is, in English, and its language; None: it is none."""
    of, _, rest = name.partition(".")
    kind, _, language = rest.partition(".")
    return (
        (letter_texts.KINDS[kind], language)
        if of == "letters" and kind in letter_texts.KINDS
        else None
    )


def apart(change: Change) -> Change:
    """*change* as it is shown: of two long texts, from shortly before they begin to differ."""
    old, new = change.old, change.new
    if not (isinstance(old, str) and isinstance(new, str)) or max(len(old), len(new)) <= _LONGEST:
        return change
    pairs = enumerate(zip(old, new, strict=False))
    same = next((at for at, (a, b) in pairs if a != b), min(len(old), len(new)))
    if same <= _LONGEST // 2:
        return change
    begin = same - _BEFORE
    return change._replace(old=f"{_MARK}{old[begin:]}", new=f"{_MARK}{new[begin:]}")


def of_plan(name: str) -> tuple[str, str] | None:
    """The plan of which *name* is a field, and its label; None: it is of no plan."""
    plan, _, member = name.removeprefix(_OF_PLANS).rpartition(".")
    if not name.startswith(_OF_PLANS) or member not in _OF_PLAN:
        return None
    return plan, _OF_PLAN[member]


def field(name: str, tr: Callable[[str], str]) -> str:
    """A field that an act changed, for people; one that has no words has its name."""
    found = of_plan(name)
    if found is not None:
        return tr(PLAN) % {"name": printable(found[0]), "field": tr(found[1])}
    sent = letter(name)
    if sent is not None:
        return f"{tr(LETTER) % {'when': tr(sent[0])}} ({LANGUAGES.get(sent[1], sent[1])})"
    label = FIELDS.get(name)
    return printable(name) if label is None else tr(label)


def held(value: Any, tr: Callable[[str], str]) -> str:
    """What a field held, for people; *tr* translates."""
    if value in (None, "", [], {}):
        return tr("empty")
    if isinstance(value, bool):
        return tr("yes") if value else tr("no")
    return printable(plain(value))


def in_words(change: Change, tr: Callable[[str], str], colon: str) -> str:
    """A change as one line: *Language: en → zh*."""
    change = apart(change)
    name = field(change.field, tr)
    if change.erased:
        return f"{name}{colon}{tr('erased')}"
    is_role = change.field == "role"
    old, new = (
        tr(value) if is_role and value else held(value, tr) for value in (change.old, change.new)
    )
    return f"{name}{colon}{old} → {new}"


def plain(value: Any) -> str:
    """What a field holds, as one text; a long one is cut."""
    if isinstance(value, dict):
        text = ", ".join(f"{name}={one}" for name, one in value.items())
    elif isinstance(value, list):
        text = ", ".join(map(plain, value))
    else:
        text = value if isinstance(value, str) else strictjson.dumps(value).decode("utf-8")
        text = text.strip("\n").replace("\n", _LINE)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}{_MARK}"
