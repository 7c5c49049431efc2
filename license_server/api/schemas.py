"""What the API takes, as JSON Schema (2020-12): bodies, parameters and headers.

What may be left out may also be null: both mean that nothing is said.
"""

from typing import Any

from license_core import claims
from license_server.catalog import customers, terms
from license_server.licenses import license_store
from license_server.licenses.acts import Act
from license_server.permissions import PERMISSIONS, ROLES

Schema = dict[str, Any]

# Printable, and something to see; tabs and line breaks become spaces.
_WORDS = r"^[^\x00-\x08\x0e-\x1b\x7f]*[^\x00-\x20\x7f][^\x00-\x08\x0e-\x1b\x7f]*$"
_NAME = r"^[A-Za-z0-9][A-Za-z0-9._:\-]{0,63}$"
_NUMBER = r"^HS-[0-9]{4}-[0-9A-HJKMNP-TV-Z]{8}$"
_DAY = r"^(19[7-9][0-9]|2[01][0-9]{2})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"
_LINE = r'^\["[0-9a-f]{40}", "[a-z][a-z0-9_\-]{0,30}"\]$'

_HOST = {
    "type": "string",
    "maxLength": 65536,
    "pattern": _LINE,
    "description": "What the operator sent, unchanged: the line that get_host_key prints, as this "
    "pattern has it, or a full request. Damage done by mail and chat is repaired.",
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
_WARNINGS = {"notify_days": _MANY_DAYS, "grace_days": _MANY_DAYS}
_NO = {"type": "null"}
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
    }
)


def of_act(act: Act) -> Schema:
    """What the API takes for *act* on a licence."""
    reason: dict[str, Schema] = {"reason": _REASON}
    required = {"host": _HOST} if act.names_host else {}
    required |= reason if act.needs_reason else {}
    names = [name for name in act.may_change if name not in required]
    if act.sets_term:
        of_term = (*terms.TERM, *_WARNINGS)
        others = {name: _MEMBERS[name] for name in names if name not in of_term}
        return _with_term(required, (reason if not act.needs_reason else {}) | others)
    optional = {name: _MEMBERS[name] for name in names}
    return _object(required, optional | ({} if act.needs_reason else reason))


WHY = _object({"reason": _REASON})
MAYBE_WHY = _object({}, {"reason": _REASON})
NOTE = _object({"note": _words(1000)})

_CONTACT = {
    "contact_name": _words(),
    "contact_email": _words(),
    "language": {"type": "string", "enum": list(customers.LANGUAGES)},
    "notes": {"type": "string", "minLength": 1, "maxLength": 4000, "pattern": r"^[^\x00]+$"},
}
NEW_CUSTOMER = _object({"name": _words()}, _CONTACT)
CHANGED_CUSTOMER = _object({}, _CONTACT)
CHANGED_CUSTOMER["properties"]["name"] = _words()
_DEFAULTS = _object({}, {"days": _DAYS} | _TERMS | _WARNINGS)
for _default in _DEFAULTS["properties"]:  # a default is there or not; null says nothing
    _DEFAULTS["properties"][_default] = ({"days": _DAYS} | _TERMS | _WARNINGS)[_default]
_RULES = {
    "defaults": _DEFAULTS,
    "longest_days": _DAYS,
    "rehosts": _integer(0, 1_000_000),
}
NEW_PRODUCT = _object({"name": _name()}, _RULES)
CHANGED_PRODUCT = _object({}, _RULES)
for _product in (NEW_PRODUCT, CHANGED_PRODUCT):
    _product["properties"]["needs_approval"] = {"type": "boolean"}

_OF_THE_WHOLE = ("record:read", "people:manage", "tokens:manage")
_OF_PRODUCTS = [name for name in PERMISSIONS if name not in _OF_THE_WHOLE]
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
PROPOSAL_STATE = {"type": "string", "enum": ["waiting", "approved", "refused"]}
DAY = _DATE
NUMBER = {"type": "string", "pattern": _NUMBER}
ID = _integer(1, 10**18 - 1)
TOKEN_ID = {"type": "string", "pattern": "^[0-9a-f]{12}$"}
INVITATION_ID = {"type": "string", "pattern": "^[0-9a-f]{16}$"}
PLAIN = {"type": "string", "pattern": r"^[^\x00-\x1f\x7f]*$"}
KEY = {"type": "string", "pattern": r"^[!-~]([ -~]{0,198}[!-~])?$"}
ETAG = {"type": "string", "pattern": r'^(W/)?"?[!#-~]{1,64}"?$'}
LIMIT = _integer(1, 200)
CURSOR = {"type": "string", "pattern": "^[A-Za-f][A-Za-z0-9_-]{9}[AEIMQUYcgkosw048]$"}
"""The base64url of 8 bytes, of which the first bit is 0 (http/cursors.py)."""
