"""An order: what the vendor decided to license, read from JSON, a form or a command line."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from license_core import claims, request, strictjson
from license_core.claims import MAX_INSTANT, ClaimError
from license_core.errors import InputInvalidError
from license_core.license import MATCHES
from license_core.request import LicenseRequest

DAY = 86400
MAX_DAYS = 36_500
MAX_NAMES = 200
"""The most features, and the most limits, of one licence."""
NUMBER = re.compile(r"HS-[0-9]{4}-[0-9A-HJKMNP-TV-Z]{8}")
"""A licence's number; its last part is random, in Crockford's base 32."""

# Letters and symbols that are blank: two names that differ only in them look the same.
_UNSEEN = frozenset("\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")

MEMBERS = (
    "customer",
    "product",
    "host",
    "days",
    "expires",
    "perpetual",
    "time_zone",
    "edition",
    "features",
    "limits",
    "match",
    "notify_days",
    "grace_days",
    "maintenance_until",
    "replaces",
)


class Order(NamedTuple):
    """What to license, to whom, for which host and how long. Instants are in seconds."""

    customer: str
    product: str
    request: LicenseRequest
    match: str
    expires_at: int | None
    """None: perpetual."""
    notify_from: int | None
    grace_until: int | None
    maintenance_until: int | None
    edition: str | None
    features: tuple[str, ...]
    limits: Mapping[str, int]
    replaces: str | None


def from_json(body: bytes, now: int) -> Order:
    """The order in a request's body. Raises as ``from_members`` does."""
    try:
        members = strictjson.loads(body)
    except ValueError as error:
        raise InputInvalidError(field="body", reason=str(error)) from error
    if not isinstance(members, dict):
        raise InputInvalidError(field="body", reason="it is not a JSON object")
    return from_members(members, now)


def from_members(members: Mapping[str, Any], now: int) -> Order:
    """The order that *members* make at the instant *now*. A null counts as absent.

    Raises InputInvalidError, or RequestUnreadableError, RequestDamagedError and
    RequestAmbiguousError for the operator's text.
    """
    given = {name: value for name, value in members.items() if value is not None}
    unknown = next((name for name in given if name not in MEMBERS), None)
    if unknown is not None:
        reason = f"there is no such member; there are {', '.join(MEMBERS)}"
        raise InputInvalidError(field=unknown[:64], reason=reason)
    try:
        return _read(given, now)
    except ClaimError as error:
        raise InputInvalidError(field=error.claim, reason=error.reason) from error


def _read(given: Mapping[str, Any], now: int) -> Order:
    get = claims.required
    customer = get(_words(given, "customer"), "customer")
    product = get(_name(given, "product"), "product")
    pasted = get(claims.text(given, "host", longest=request.MAX_TEXT), "host")
    zone = _zone(given)
    expires_at = _expiry(given, zone, now)
    grace_days = claims.integer(given, "grace_days", most=MAX_DAYS)
    notify_days = claims.integer(given, "notify_days", most=MAX_DAYS)
    if expires_at is None and (grace_days or notify_days):
        name = "grace_days" if grace_days else "notify_days"
        raise ClaimError(name, "a perpetual licence has no end to count from")
    order = Order(
        customer=customer,
        product=product,
        request=request.parse(pasted),
        match=claims.one_of(given, "match", MATCHES) or "exact",
        expires_at=expires_at,
        notify_from=None
        if expires_at is None or notify_days is None
        else max(0, expires_at - notify_days * DAY),
        grace_until=None
        if expires_at is None or not grace_days
        else min(MAX_INSTANT, expires_at + grace_days * DAY),
        maintenance_until=_last_instant(given, "maintenance_until", zone),
        edition=_name(given, "edition"),
        features=_at_most(claims.names(given, "features") or (), "features"),
        limits=_at_most(claims.numbers(given, "limits") or {}, "limits"),
        replaces=_number(given, "replaces"),
    )
    _check_host(order)
    return order


def _check_host(order: Order) -> None:
    name, tags = order.request.name, order.request.tags or {}
    if name is not None and not name.isprintable():
        raise ClaimError("host", "the hostname in it has control characters")
    if order.match == "anchored" and not {"machine_id", "container_id"} & tags.keys():
        reason = (
            "anchored needs the evidence that a whole request carries; "
            "the bare line of get_host_key has none"
        )
        raise ClaimError("match", reason)


def _words(given: Mapping[str, Any], name: str) -> str | None:
    """Text for people: composed characters (Unicode NFC), no control characters, no edges."""
    value = claims.text(given, name, longest=1000)
    if value is None:
        return None
    value = unicodedata.normalize("NFC", " ".join(value.split()))
    if not value.isprintable():
        raise ClaimError(name, "it has control characters")
    if _UNSEEN & set(value) or (value and not any(map(_seen, value))):
        raise ClaimError(name, "it has characters that nobody can see")
    return claims.text({name: value}, name)


def _seen(character: str) -> bool:
    """Whether it shows by itself: no mark that only changes the character before it."""
    return unicodedata.category(character) not in ("Mn", "Me")


def _name(given: Mapping[str, Any], name: str) -> str | None:
    value = claims.text(given, name)
    if value is not None and not claims.choice_name(value):
        reason = "it is not a name: 1 to 64 letters, digits, `.`, `_`, `:` or `-`"
        raise ClaimError(name, f"{value!r}: {reason}")
    return value


def _number(given: Mapping[str, Any], name: str) -> str | None:
    value = claims.text(given, name)
    if value is not None and not NUMBER.fullmatch(value):
        raise ClaimError(name, f"{value!r} is not the number of a licence")
    return value


def _at_most(values: Any, name: str) -> Any:
    if len(values) > MAX_NAMES:
        raise ClaimError(name, f"{len(values)} are given; at most {MAX_NAMES} are allowed")
    return values


def _zone(given: Mapping[str, Any]) -> tzinfo:
    name = claims.text(given, "time_zone") or "UTC"
    if name == "UTC":
        return UTC  # known without the system's time zone data
    try:
        return ZoneInfo(name)
    except (OSError, KeyError, ValueError) as error:  # ZoneInfoNotFoundError is a KeyError
        reason = (
            f"{name!r} is not a time zone that this server knows, such as UTC; "
            "Asia/Shanghai and others come with its package tzdata"
        )
        raise ClaimError("time_zone", reason) from error


def _expiry(given: Mapping[str, Any], zone: tzinfo, now: int) -> int | None:
    """The first instant after the term; None: perpetual."""
    perpetual = given.get("perpetual", False)
    if not isinstance(perpetual, bool):
        raise ClaimError("perpetual", "it is neither true nor false")
    terms = [name for name in ("days", "expires") if name in given] + ["perpetual"] * perpetual
    if len(terms) != 1:
        reason = "exactly one of days, expires and perpetual says how long the licence holds"
        raise ClaimError(terms[1] if terms else "days", reason)
    if perpetual:
        return None
    days = claims.integer(given, "days", least=1, most=MAX_DAYS)
    if days is None:
        expires_at = _last_instant(given, "expires", zone)
        if expires_at is None or expires_at <= now:
            raise ClaimError("expires", f"{given['expires']} is over")
        return expires_at
    today = datetime.fromtimestamp(now, zone).date()
    return _end_of(today + timedelta(days=days), zone)


def _last_instant(given: Mapping[str, Any], name: str, zone: tzinfo) -> int | None:
    """The end of the day that *name* gives as ``2027-12-31``."""
    value = claims.text(given, name)
    if value is None:
        return None
    try:
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
            raise ValueError("another form")
        return _end_of(date.fromisoformat(value), zone)
    except (ValueError, OverflowError) as error:
        raise ClaimError(name, f"{value!r} is not a date such as 2027-12-31") from error


def _end_of(day: date, zone: tzinfo) -> int:
    """The first instant after *day*. Raises OverflowError, ValueError beyond the calendar."""
    midnight = datetime.combine(day + timedelta(days=1), time(), zone)
    instant = int(midnight.astimezone(UTC).timestamp())
    if not 0 <= instant <= MAX_INSTANT:
        raise OverflowError("beyond the calendar")
    return instant
