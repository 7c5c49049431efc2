"""Forms as browsers send them, and as the members of an order."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request

from license_core import b64url
from license_core.errors import LicenseError
from license_core.reason import Reason
from license_core.request import parse
from license_server.access.errors import FormExpiredError
from license_server.catalog import products, terms
from license_server.catalog.products import FindProduct
from license_server.catalog.terms import limits_of
from license_server.db.errors import InputInvalidError
from license_server.db.idempotency import Idempotency
from license_server.licenses import (
    acts,
    lookup,
    orders,
)
from license_server.licenses.orders import Order
from license_server.sheets import threads
from license_server.site import Random

_MOST_FIELDS = 50
_LARGE = 256 * 1024
"""How many bytes of a form are read at once, while everything else waits; only a sheet has more."""
_TEXTS = ("customer", "product", "host", "edition", "match", "maintenance_until", "replaces")
_NUMBERS = ("notify_days", "grace_days")
DAYS = 365
"""The term where neither the form nor the product says one."""


async def read(request: Request) -> dict[str, str]:
    """The fields of a form (``application/x-www-form-urlencoded``, UTF-8).

    Raises FormExpiredError where another site sends it, InputInvalidError for another kind of
    body, too many fields, or one given twice.
    """
    if from_elsewhere(request):
        raise FormExpiredError
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise InputInvalidError(field="body", reason="it is not a form")
    body = await request.body()
    pairs = _pairs(body) if len(body) <= _LARGE else await threads.one_at_a_time(_pairs, body)
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise InputInvalidError(field="body", reason="a field is given twice")
    return fields


def from_elsewhere(request: Request) -> bool:
    """Whether the browser says that another site sends *request* (W3C Fetch Metadata)."""
    return request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none")


def _pairs(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            body.decode("ascii", "strict"), keep_blank_values=True, max_num_fields=_MOST_FIELDS
        )
    except ValueError as error:
        raise InputInvalidError(field="body", reason="it is not a form") from error


def new_once(random: Random) -> str:
    """What a form carries as ``once``."""
    return b64url.encode(random(12))


def once(fields: dict[str, str], path: str) -> Idempotency:
    """Take the ``once`` out of the *fields*: what is sent twice with it is done once.

    Raises FormExpiredError where there is none.
    """
    key = fields.pop("once", "")
    if not key or len(key) > 64 or not (key.isascii() and key.isprintable()):
        raise FormExpiredError
    content = urlencode(sorted(fields.items())).encode("ascii")
    return Idempotency.of(key_of(key), "POST", path, content)


def key_of(once: str) -> str:
    """The key under which the reply to a form that carries *once* is kept."""
    return f"form:{once}"


def members(fields: Mapping[str, str]) -> dict[str, Any]:
    """The members of an order (orders.from_members) that the form's *fields* make.

    What is blank is absent. Raises InputInvalidError for a number that is none.
    """
    made: dict[str, Any] = {
        name: fields[name].strip() for name in _TEXTS if fields.get(name, "").strip()
    }
    made |= {name: number(fields, name) for name in _NUMBERS if fields.get(name, "").strip()}
    made |= term_of(fields) | reason_of(fields)
    features = names_in(fields.get("features", ""))
    if features:
        made["features"] = features
    limits = names_in(fields.get("limits", ""))
    if limits:
        made["limits"] = limits_of(limits)
    return made


def term_of(fields: Mapping[str, str]) -> dict[str, Any]:
    """The members of a term that the form's *fields* make. Raises InputInvalidError."""
    made: dict[str, Any] = {"time_zone": fields.get("time_zone", "").strip() or "UTC"}
    term = fields.get("term", "days")
    if term != "expires" and fields.get("expires", "").strip():
        reason = "a last day is given but not chosen: choose “until the end of”, or clear the date"
        raise InputInvalidError(field="expires", reason=reason)
    if term == "perpetual":
        made["perpetual"] = True
    elif term == "expires":
        made["expires"] = fields.get("expires", "").strip()
        if not made["expires"]:
            raise InputInvalidError(field="expires", reason="no last day is given")
    elif term == "days":
        if fields.get("days", "").strip():
            made["days"] = number(fields, "days")
    else:
        reason = Reason("{value!r} is none of days, expires and perpetual", value=term)
        raise InputInvalidError(field="days", reason=reason)
    return made


def reason_of(fields: Mapping[str, str]) -> dict[str, str]:
    """The member that says why, where the form's *fields* do."""
    reason = " ".join(fields.get("reason", "").split())
    return {acts.REASON: reason} if reason else {}


def names_in(text: str) -> list[str]:
    """The names in a list as people type it."""
    return [name for name in re.split(r"[\s,;，、；]+", text) if name]


def order(
    fields: Mapping[str, str], now: int, find_product: FindProduct
) -> tuple[Order, dict[str, Any]]:
    """The order that *fields* make at the instant *now*, and its members.

    What the form leaves blank is taken from the operator's own text, then from the product. Raises
    InputInvalidError, or what that text is refused with.
    """
    made = members(fields)
    if made.get("host"):
        made = lookup.completed(made, parse(made["host"]))
        for name, missing in _NOT_NAMED.items():
            if name not in made:
                raise InputInvalidError(field=name, reason=missing)
    _, made = products.filled(find_product, made)
    if not any(name in made for name in terms.TERM[:3]):
        made["days"] = DAYS
    asked = dict(made)
    acts.read_reason(asked, needed=False)
    return orders.from_members(asked, now), made


def faults(
    fields: Mapping[str, str], first: LicenseError, now: int, find_product: FindProduct
) -> dict[str, LicenseError]:
    """Every field that is wrong: after *first*, what is found once a right value stands there."""
    found: dict[str, LicenseError] = {}
    tried, error = dict(fields), first
    while (name := field_of(error)) not in found:
        found[name] = error
        tried[name] = _RIGHT.get(name, "")
        if name == "expires":
            tried["term"] = "expires"
        if name == "host":  # whether it would have named them cannot be known
            tried |= {
                n: _RIGHT[n] for n in ("customer", "product") if not fields.get(n, "").strip()
            }
        try:
            order(tried, now, find_product)
        except LicenseError as further:
            error = further
    return found


def field_of(error: LicenseError) -> str:
    """The field of the form that *error* is about; what else is refused is the operator's text."""
    field = error.facts.get("field") or _FIELDS.get(type(error).__name__, "host")
    return str(field).partition(".")[0]


_FIELDS = {
    "NotFoundError": "replaces",
    "LicenseStateError": "replaces",
    "RehostsUsedUpError": "replaces",
    "TermTooLongError": "days",
}
_NOT_NAMED = {
    "customer": "the request names no customer; enter it here",
    "product": "the request names no product; enter it here",
}
_RIGHT = {
    "customer": "X",
    "product": "x",
    "host": "0" * 40,
    "days": "1",
    "expires": "9999-12-30",
    "time_zone": "UTC",
}


def typed(value: Any) -> str:
    """The value of an order's member as it is typed into a form."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={number}" for name, number in value.items())
    return ", ".join(value) if isinstance(value, (list, tuple)) else str(value)


def number(fields: Mapping[str, str], name: str) -> int:
    """The number of days in a field. Raises InputInvalidError."""
    text = fields.get(name, "").strip()
    if not (text.isascii() and text.isdigit()) or len(text) > 15:
        least = 1 if name == "days" else 0
        reason = Reason(
            "{value!r} is not a whole number from {least} to {most}",
            value=text,
            least=least,
            most=terms.MAX_DAYS,
        )
        raise InputInvalidError(field=name, reason=reason)
    return int(text)
