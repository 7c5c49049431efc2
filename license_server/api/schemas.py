"""What the API takes, as JSON Schema (2020-12): bodies, parameters and headers.

What may be left out may also be null: both mean that nothing is said.
"""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from license_core import claims, giveback
from license_server.audit.kinds import KINDS
from license_server.catalog import (
    client_commands,
    letter_texts,
    letters,
    mail_domains,
    plans,
    products,
    reminders,
    tags,
    terms,
)
from license_server.deliveries import delivery_store, payload
from license_server.licenses import license_store, vocabulary
from license_server.licenses.acts import MANY, RETURN, Act
from license_server.mail import outbox_store
from license_server.permissions import PERMISSIONS, ROLES, WHOLE
from license_server.portal import links
from license_server.requests import incoming, request_store
from license_server.sheets import chosen
from license_server.signing.list_days import MOST_DAYS
from license_server.webhooks import endpoints, targets

Schema = dict[str, Any]

# Printable, and something to see; tabs and line breaks become spaces.
_WORDS = r"^[^\x00-\x08\x0e-\x1b\x7f]*[^\x00-\x20\x7f][^\x00-\x08\x0e-\x1b\x7f]*$"
_NAME = r"^[A-Za-z0-9][A-Za-z0-9._:\-]{0,63}$"
_NAMED = r"^[A-Za-z0-9][A-Za-z0-9 ]{0,58}[A-Za-z0-9]$"
_NUMBER = r"^HS-[0-9]{4}-[0-9A-HJKMNP-TV-Z]{8}$"
_DAY = r"^(19[7-9][0-9]|2[01][0-9]{2})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"
_LINE = r'^\["[0-9a-f]{40}", "[a-z][a-z0-9_\-]{0,30}"\]$'

_HOST = {
    "type": "string",
    "maxLength": 65536,
    "pattern": _LINE,
    "description": "What the operator sent, unchanged: the line that get_host_key prints, as this "
    "pattern has it, a full request, or a telephone code. Damage done by mail and chat is "
    "repaired.",
}
_DATE = {"type": "string", "format": "date", "pattern": _DAY}
_REASON = {"type": "string", "minLength": 1, "maxLength": 1000, "pattern": _WORDS}


def _words(longest: int = 200) -> Schema:
    return {"type": "string", "minLength": 1, "maxLength": longest, "pattern": _WORDS}


def _name() -> Schema:
    return {"type": "string", "pattern": _NAME}


def _integer(least: int, most: int) -> Schema:
    return {"type": "integer", "minimum": least, "maximum": most}


def _or_null(schema: Schema) -> Schema:
    if schema["type"] == "null":
        return schema
    if isinstance(schema.get("type"), str):
        return schema | {"type": [schema["type"], "null"]} | _null_enum(schema)
    return {"anyOf": [schema, {"type": "null"}]}


def _null_enum(schema: Schema) -> Schema:
    return {"enum": [*schema["enum"], None]} if "enum" in schema else {}


def _object(required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    properties = required | {name: _or_null(schema) for name, schema in (optional or {}).items()}
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


_FEATURES = {
    "type": "array",
    "items": _name(),
    "uniqueItems": True,
    "maxItems": terms.MAX_NAMES,
}
_LIMITS = {
    "type": "object",
    "propertyNames": {"pattern": _NAME},
    "additionalProperties": _integer(0, claims.MAX_INTEGER),
    "maxProperties": terms.MAX_NAMES,
}
_ZONE = {
    "type": "string",
    "enum": ["UTC", "Asia/Shanghai", "Europe/Berlin", "America/New_York"],
    "description": "The time zone of the dates: any name of the time zone database, e.g. these.",
}
_DAYS = _integer(1, 36_500)
_MANY_DAYS = _integer(0, terms.MAX_DAYS)
_MATCH = {
    "type": "string",
    "enum": ["exact", "anchored"],
    "description": "anchored needs the host tags of a full request; "
    "without them the reply is evidence-missing.",
}
_TERMS = {"edition": _name(), "features": _FEATURES, "limits": _LIMITS, "match": _MATCH}
_CONTRACT = _words(100) | {
    "description": "The number of your order or contract: licences are found by it. "
    "It is not in the file."
}
_PLAN = _words(plans.LONGEST_NAME) | {
    "description": "A plan of the product, for what is not said here."
}
_OVERRIDE = {
    "type": "boolean",
    "description": "A second trial or stop-gap all the same; takes a reason.",
}
_RETURN_TEXT = {
    "type": "string",
    "maxLength": giveback.MAX_TEXT,
    "enum": [giveback.Returned("HS-2026-KCY3ZBEK", 1_795_000_000, bytes(32)).to_text()],
    "description": "What `return` printed, e.g. this, or the whole mail with it.",
}
_UNPROVEN = {
    "type": "boolean",
    "description": "End it though nothing proves that the file was removed.",
}
_WARNINGS = {"notify_days": _MANY_DAYS, "grace_days": _MANY_DAYS}
_NO = {"type": "null"}
_BOOL = {"type": "boolean"}
_FALSE = {"type": "boolean", "const": False}


def _with_term(required: dict[str, Schema], optional: dict[str, Schema]) -> Schema:
    """An object that says in exactly one way how long a licence holds."""
    ends = optional | _WARNINGS | {"time_zone": _ZONE}
    endless = {name: {"type": ["integer", "null"], "enum": [0, None]} for name in _WARNINGS}
    variants = (
        _object(required | {"days": _DAYS}, ends | {"perpetual": _FALSE, "expires": _NO}),
        _object(required | {"expires": _DATE}, ends | {"perpetual": _FALSE, "days": _NO}),
        _object(
            required | {"perpetual": {"type": "boolean", "const": True}},
            optional | endless | {"time_zone": _ZONE, "days": _NO, "expires": _NO},
        ),
    )
    return {"oneOf": list(variants)}


ORDER = _with_term(
    {"customer": _words(), "product": _name(), "host": _HOST},
    _TERMS
    | {
        "maintenance_until": _DATE,
        "replaces": {"type": "string", "pattern": _NUMBER},
        "contract": _CONTRACT,
        "plan": _PLAN,
        "override": _OVERRIDE,
        "reason": _REASON,
    },
)
_MEMBERS = (
    _TERMS
    | _WARNINGS
    | {
        "host": _HOST,
        "continue_from": {"type": "string", "enum": ["end", "now"]},
        "maintenance_until": _DATE,
        "time_zone": _ZONE,
        "contract": _CONTRACT,
        "plan": _PLAN,
        "override": _OVERRIDE,
        "text": _RETURN_TEXT,
        "unproven": _UNPROVEN,
    }
)


def of_act(act: Act) -> Schema:
    """What the API takes for *act* on a licence."""
    reason: dict[str, Schema] = {"reason": _REASON}
    required = {"host": _HOST} if act.names_host and not act.stands_in else {}
    required |= reason if act.needs_reason else {}
    names = [name for name in act.may_change if name not in required]
    if act.sets_term:
        of_term = (*terms.TERM, *_WARNINGS)
        others = {name: _MEMBERS[name] for name in names if name not in of_term}
        return _with_term(required, (reason if not act.needs_reason else {}) | others)
    optional = {name: _MEMBERS[name] for name in names}
    if act is RETURN:  # it needs evidence, or somebody who says that there is none
        said = {"unproven": {"type": "boolean", "const": True}}
        known = {"text": _RETURN_TEXT}
        others = reason | {"unproven": _UNPROVEN}
        return {"oneOf": [_object(said, reason), _object(known, others)]}
    return _object(required, optional | ({} if act.needs_reason else reason))


ANSWER_ORDER = _object(
    {},
    {"customer": _words(), "product": _name(), "plan": _PLAN, "contract": _CONTRACT}
    | {"days": _DAYS, "expires": _DATE, "perpetual": _BOOL, "time_zone": _ZONE}
    | {"maintenance_until": _DATE, "override": _OVERRIDE, "reason": _REASON}
    | _TERMS
    | _WARNINGS,
)
ANSWER_MOVE = _object({}, {"match": _MATCH, "override": _OVERRIDE, "reason": _REASON})
WHY = _object({"reason": _REASON})
MAYBE_WHY = _object({}, {"reason": _REASON})
SEEN = r"[^\x00-\x20\x7f]"
"""Of a text in which there is something to see."""
DIAGNOSIS = _object(
    {
        "text": {
            "type": "string",
            "minLength": 1,
            "pattern": SEEN,
            "description": "What the client printed, or a mail that contains it.",
        }
    }
)
REQUEST = _object(
    {
        "text": {
            "type": "string",
            "minLength": 1,
            "maxLength": incoming.MOST,
            "pattern": SEEN,
            "description": "What the operator sent, as it came: a request, a host key line, a "
            "whole mail, or what the client printed.",
        }
    },
    {
        "customer": _words(),
        "product": _name(),
        "language": {"type": "string", "enum": list(letter_texts.LANGUAGES)},
        "sender_name": _words(),
        "sender_address": _words(),
        "subject": _words(),
        "message_id": {
            "type": "string",
            "maxLength": 996,
            "pattern": r"^(<[!-;=?-~]{1,994}>|[!-;=?-~]{1,994})$",
        },
    },
)
REQUEST_STATE = {"type": "string", "enum": [*request_store.STATES, "open"]}
REQUEST_SOURCE = {"type": "string", "enum": list(incoming.SOURCES)}
WRITTEN = _object({"text": {"type": "string", "minLength": 1, "maxLength": 10000, "pattern": SEEN}})
REPLY = WRITTEN | {
    "properties": WRITTEN["properties"]
    | {"mail": {"type": "boolean", "description": "Whether it is mailed to the sender, too."}}
}
OWNER = _object({}, {"owner": _words() | {"description": "`user:` and an email address."}})
NOTE = _object({"note": _words(1000)})
ERASE = _object({"reason": _REASON}, {"live": {"type": "boolean"}})
ERASE_USER = _object({"reason": _REASON})
MERGE = _object({"into": _integer(1, 10**18 - 1)})

_TAG = {
    "type": "string",
    "minLength": 1,
    "maxLength": tags.LONGEST,
    "pattern": r"^[^\x00-\x20\x7f,;]([^\x00-\x1f\x7f,;]*[^\x00-\x20\x7f,;])?$",
}
_DOMAIN = {
    "type": "string",
    "maxLength": mail_domains.LONGEST,
    "pattern": mail_domains.PATTERN,
}
_CONTACT = {
    "contact_name": _words(),
    "contact_email": _words(),
    "language": {"type": "string", "enum": list(letter_texts.LANGUAGES)},
    "tags": {"type": "array", "items": _TAG, "maxItems": tags.MOST},
    "domains": {"type": "array", "items": _DOMAIN, "maxItems": mail_domains.MOST},
    "notes": {"type": "string", "minLength": 1, "maxLength": 4000, "pattern": r"^[^\x00]+$"},
    "owner": {"type": "string", "enum": ["admin@example.com"]}
    | {"description": "The email address of a user who can sign in, such as this one."},
    "no_reminders": _BOOL,
}
NEW_CUSTOMER = _object({"name": _words()}, _CONTACT)
CHANGED_CUSTOMER = _object({}, _CONTACT)
CHANGED_CUSTOMER["properties"]["name"] = _words()
_DEFAULTS = _object({}, {"days": _DAYS} | _TERMS | _WARNINGS)
for _default in _DEFAULTS["properties"]:  # a default is there or not; null says nothing
    _DEFAULTS["properties"][_default] = ({"days": _DAYS} | _TERMS | _WARNINGS)[_default]
_ONE_PLAN = _object({}, {"days": _DAYS} | _TERMS | _WARNINGS | dict.fromkeys(plans.TRUTHS, _BOOL))
_ONE_PLAN["if"] = {"properties": {"trial": {"const": True}}, "required": ["trial"]}
_ONE_PLAN["then"] = {"properties": {"days": {"type": "integer"}}, "required": ["days"]}
_COMMAND = _words() | {"pattern": r"^[^\x00-\x1f\x7f`]*[^\x00-\x20\x7f`-][^\x00-\x1f\x7f`]*$"}
_RULES = {
    "title": _words(),
    "commands": _object({}, dict.fromkeys(client_commands.MEMBERS, _COMMAND)),
    "defaults": _DEFAULTS,
    "plans": {
        "type": "object",
        "propertyNames": {"pattern": _NAMED},
        "additionalProperties": _ONE_PLAN,
        "description": "Each plan by its name. One that is not named stays; it is archived, not "
        "removed. A trial needs days.",
    },
    "longest_days": _DAYS,
    "rehosts": _integer(0, 1_000_000),
    "reminders": _object(
        {
            "days": {
                "type": "array",
                "items": _integer(reminders.LEAST, reminders.MOST),
                "minItems": 1,
                "maxItems": reminders.MOST_REMINDERS,
                "description": "Days before the last day; under 0: after it.",
            }
        },
        {
            "quiet_weekends": _BOOL,
            "quiet_dates": {
                "type": "array",
                "items": _DATE,
                "maxItems": reminders.MOST_DATES,
                "description": "Dates, or spans such as 2027-10-01/2027-10-07.",
            },
        },
    )
    | {"description": "When customers are reminded of what ends; null: never."},
    "mail_plan": {"type": "string", "minLength": 1, "maxLength": plans.LONGEST_NAME}
    | {"pattern": _NAMED},
    "mail_daily": _integer(1, products.MOST_DAILY),
}
NEW_PRODUCT = _object({"name": _name()}, _RULES)
CHANGED_PRODUCT = _object({}, _RULES)
for _product in (NEW_PRODUCT, CHANGED_PRODUCT):
    _product["properties"]["needs_approval"] = {"type": "boolean"}
    _product["properties"]["mail_moves"] = {"type": "boolean"}

_LETTER = {
    "type": "string",
    "maxLength": letters.LONGEST,
    "pattern": r"^[^\x00-\x09\x0b-\x1f\x7f{}]*$",
    "description": "A text with places such as {number}, which this pattern leaves out.",
}
CHANGED_LETTERS = _object(
    {},
    dict.fromkeys(letter_texts.KINDS, _object({}, dict.fromkeys(letter_texts.LANGUAGES, _LETTER))),
)

_OF_THE_WHOLE = [name for name in PERMISSIONS if name in WHOLE]
_OF_PRODUCTS = [name for name in PERMISSIONS if name not in _OF_THE_WHOLE]
LIST_WANTED = _object({}, {"days": _integer(1, MOST_DAYS)})
TOKEN_WANTED = _object(
    {"name": _words(100) | {"pattern": r"^[ -~]+$"}},
    {
        "scopes": {
            "type": "array",
            "items": {"type": "string", "enum": _OF_PRODUCTS},
            "minItems": 1,
            "description": "A token for all products can also have "
            + ", ".join(_OF_THE_WHOLE)
            + ".",
        },
        "products": {"type": "array", "items": _name(), "minItems": 1},
        "days": _integer(1, 3660),
    },
)
_ROLE = {"type": "string", "enum": list(ROLES)}
_EMAIL = {"type": "string", "maxLength": 200, "pattern": r"^\s*[!-~][ -~]*@[ -~]*[!-~]\s*$"}
USER_CHANGED = _object({"role": _ROLE})
INVITATION_WANTED = _object({"email": _EMAIL, "role": _ROLE}, {"days": _integer(1, 30)})
_HEADING = "customer,product,host,days\\n"
_FIELD = r'([^",\x00\r\n][^,\x00\r\n]*)?'
SHEETS = (
    rf"^{_HEADING}([A-Z]{{1,9}},darwin,[0-9a-f]{{40}},[1-9][0-9]?\n){{1,9}}$",
    rf"^{_HEADING}({_FIELD}(,{_FIELD}){{0,3}}\n)*{_FIELD}(,{_FIELD}){{0,3}}$",
)
SHEET = {
    "anyOf": [{"type": "string", "pattern": pattern} for pattern in SHEETS],
    "description": "A CSV file with a row for each licence, as in the first pattern; docs/API.md "
    "lists the columns. Invalid rows, which the second pattern allows, are reported one by one "
    "with `dry_run` or `skip_wrong`; otherwise they cause the whole file to be rejected.",
}
STATE = {"type": "string", "enum": [*license_store.STATES, "expired"]}
WANTED_STATE = {"type": "string", "enum": list(vocabulary.STATES)}
PROPOSAL_STATE = {"type": "string", "enum": ["waiting", "approved", "refused"]}
MAIL_STATE = {"type": "string", "enum": ["open", *outbox_store.STATES]}
TRUTH = {"type": "string", "enum": ["true", "false"]}
KIND = {"type": "string", "enum": list(KINDS)}
KIND_OF_LICENCE = {"type": "string", "enum": list(vocabulary.KINDS)}
DAY = _DATE
DAYS_AHEAD = {"type": "string", "pattern": r"^[1-9][0-9]{0,2}$"}
NUMBER = {"type": "string", "pattern": _NUMBER}
ANSWER = _object({"license": NUMBER}, {"other_host": {"type": "boolean"}})
ID = _integer(1, 10**18 - 1)
PLAIN = {"type": "string", "pattern": r"^[^\x00-\x1f\x7f]*$"}
LICENCE_FILTERS: dict[str, Schema] = {
    **dict.fromkeys(("customer", "product", "host_key", "host_name", "number", "line", "q"), PLAIN),
    "state": WANTED_STATE,
    "plan": PLAIN,
    "kind": KIND_OF_LICENCE,
    "expires_from": DAY,
    "expires_until": DAY,
    "expires_before": DAY,
}
JOB_ID = {"type": "string", "pattern": "^[0-9a-f]{32}$"}
JOB_STATES = ["planned", "waiting", "running", "stopped", "done"]
_CHOSEN: dict[str, Schema] = {
    "licenses": {"type": "array", "minItems": 1, "maxItems": chosen.MOST, "items": NUMBER},
    "filter": _object({}, LICENCE_FILTERS) | {"description": "Parameters of the list of licences."},
}


def _jobs() -> Iterator[Schema]:
    """What a job is made of: for acts that take the same, licences that are named or found."""
    takes = [(act, of_act(act)) for act in MANY]
    for _, same in groupby(sorted(takes, key=lambda one: str(one[1])), key=lambda one: one[1]):
        acts, orders = zip(*same, strict=True)
        act: dict[str, Schema] = {"act": {"type": "string", "enum": [one.name for one in acts]}}
        order = {"order": orders[0]}
        needed = acts[0].sets_term or acts[0].needs_reason
        for name, schema in _CHOSEN.items():
            yield _object(act | {name: schema} | (order if needed else {}), {} if needed else order)


JOB = {"oneOf": list(_jobs())}
_URL = {
    "type": "string",
    "format": "uri",
    "maxLength": targets.LONGEST,
    "pattern": r"^https://[a-z]{1,20}\.invalid(/[a-z]{1,20}){0,3}$",
    "description": "Any HTTPS URL, of which this pattern has some that lead nowhere. Nothing is "
    "sent to addresses that are not public, but for the networks that the server's settings name.",
}
_OF_WEBHOOK = {
    "events": {
        "type": "array",
        "items": {"type": "string", "enum": list(payload.EVENTS)},
        "minItems": 1,
        "maxItems": 200,
        "description": "Null: all, those of later versions too.",
    },
    "products": {"type": "array", "items": _name(), "minItems": 1, "maxItems": 200},
}
NEW_WEBHOOK = _object({"name": _words(100), "url": _URL}, _OF_WEBHOOK)
CHANGED_WEBHOOK = _object({}, _OF_WEBHOOK)
CHANGED_WEBHOOK["properties"] |= {"name": _words(100), "url": _URL}
RESUMING = _object({}, {"discard": _BOOL})
ROTATING = _object({}, {"hours": _integer(0, endpoints.MOST_HOURS)})
NOTHING = _object({})
DELIVERY_STATE = {"type": "string", "enum": list(delivery_store.STATES)}
SPAN = _object({"since": _DATE}, {"until": _DATE, "state": DELIVERY_STATE})
TOKEN_ID = {"type": "string", "pattern": "^[0-9a-f]{12}$"}
INVITATION_ID = {"type": "string", "pattern": "^[0-9a-f]{16}$"}
NEW_PORTAL_LINK = _object(
    {},
    {
        "label": _words(200),
        "days": _integer(1, links.MOST_DAYS),
        "products": {"type": "array", "items": _name(), "minItems": 1, "maxItems": 200},
    },
)
KEY = {"type": "string", "pattern": r"^[!-~]([ -~]{0,198}[!-~])?$"}
ETAG = {"type": "string", "pattern": r'^(W/)?"?[!#-~]{1,64}"?$'}
LIMIT = _integer(1, 200)
CURSOR = {"type": "string", "pattern": "^[A-Za-f][A-Za-z0-9_-]{9}[AEIMQUYcgkosw048]$"}
"""The base64url of 8 bytes, of which the first bit is 0 (http/cursors.py)."""
