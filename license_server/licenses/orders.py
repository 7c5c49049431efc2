"""An order: what the vendor decided to license, read from JSON, a form or a command line.

The first licence of a line comes from a whole order. Those that replace it are ordered by what is
to be different: its term, its host, or what it allows.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from license_core import claims, request
from license_core.claims import MAX_INSTANT, ClaimError
from license_core.license import License
from license_core.reason import Reason
from license_core.request import LicenseRequest
from license_core.wording import utc
from license_server.catalog.fields import choice_name, clean_text
from license_server.catalog.terms import DAY, MAX_DAYS, read_days, read_terms
from license_server.db.errors import InputInvalidError
from license_server.licenses.acts import ISSUE, REISSUE, Act
from license_server.licenses.errors import EvidenceMissingError, LicenseStateError, TermOverError

NUMBER = re.compile(r"HS-[0-9]{4}-[0-9A-HJKMNP-TV-Z]{8}")
"""A licence's number; its last part is random, in Crockford's base 32."""

MEMBERS = ISSUE.may_change
"""Those of a whole order."""


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
    begins_at: int | None = None
    """None: when it is issued."""


def from_members(members: Mapping[str, Any], now: int) -> Order:
    """The order that *members* make at the instant *now*. A null counts as absent.

    Raises InputInvalidError, TermOverError, EvidenceMissingError, or RequestUnreadableError,
    RequestDamagedError and RequestAmbiguousError for the operator's text.
    """
    return _as_license_error(lambda: _read(_known(members, MEMBERS), now))


def order_replacing(act: Act, former: License, members: Mapping[str, Any], now: int) -> Order:
    """The order for the licence that replaces *former* by *act*.

    Raises as ``from_members`` does.
    """
    return _as_license_error(
        lambda: _order_replacing(act, former, _known(members, act.may_change), now)
    )


def _as_license_error(read: Callable[[], Order]) -> Order:
    try:
        return read()
    except ClaimError as error:
        raise InputInvalidError(field=error.claim, reason=error.reason) from error


def _known(members: Mapping[str, Any], allowed: tuple[str, ...]) -> dict[str, Any]:
    given = {member: value for member, value in members.items() if value is not None}
    for member in given:
        if member not in allowed:
            reason = Reason(
                "there is no such member; there are {allowed}", allowed=", ".join(allowed)
            )
            raise InputInvalidError(field=member[:64], reason=reason)
    return given


def _read(given: Mapping[str, Any], now: int) -> Order:
    get = claims.required
    customer = get(clean_text(given, "customer"), "customer")
    product = get(choice_name(given, "product"), "product")
    pasted = get(claims.text(given, "host", longest=request.MAX_TEXT), "host")
    zone = _zone(given)
    expires_at = _expiry(given, zone, now)
    terms = read_terms(given)
    order = Order(
        customer=customer,
        product=product,
        request=request.parse(pasted),
        match=terms.get("match") or "exact",
        expires_at=expires_at,
        notify_from=_notify_from(expires_at, read_days(given, "notify_days")),
        grace_until=_grace_until(expires_at, read_days(given, "grace_days")),
        maintenance_until=_last_instant(given, "maintenance_until", zone),
        edition=terms.get("edition"),
        features=terms.get("features") or (),
        limits=terms.get("limits") or {},
        replaces=_number(given, "replaces"),
    )
    _check_host(order)
    return order


def _notify_from(expires_at: int | None, days: int | None) -> int | None:
    if expires_at is None and days:
        raise ClaimError("notify_days", "a perpetual licence has no end to count from")
    return None if expires_at is None or days is None else max(0, expires_at - days * DAY)


def _grace_until(expires_at: int | None, days: int | None) -> int | None:
    if expires_at is None and days:
        raise ClaimError("grace_days", "a perpetual licence has no end to count from")
    return None if expires_at is None or not days else min(MAX_INSTANT, expires_at + days * DAY)


def _order_replacing(act: Act, former: License, given: Mapping[str, Any], now: int) -> Order:
    order = Order(
        customer=former.sub,
        product=former.aud,
        request=LicenseRequest(
            former.host.key, former.host.name, former.host.profile, former.host.tags
        ),
        match=former.host.match,
        expires_at=former.exp,
        notify_from=former.notify_from,
        grace_until=former.grace_until,
        maintenance_until=former.maintenance_until,
        edition=former.edition,
        features=former.features,
        limits=former.limits or {},
        replaces=former.jti,
        begins_at=former.nbf if act is REISSUE else None,
    )
    zone = _zone(given)
    if act.sets_term:
        order = _renewed(act, order, given, zone, now)
    elif former.exp is None and (given.get("notify_days") or given.get("grace_days")):
        raise _without_end(act, order)
    if act.names_host:
        pasted = claims.required(claims.text(given, "host", longest=request.MAX_TEXT), "host")
        order = order._replace(request=request.parse(pasted))
    if "maintenance_until" in given:
        until = _last_instant(given, "maintenance_until", zone)
        order = order._replace(maintenance_until=until)
    if "notify_days" in given:
        notify_from = _notify_from(order.expires_at, read_days(given, "notify_days"))
        order = order._replace(notify_from=notify_from)
    if "grace_days" in given:
        grace_until = _grace_until(order.expires_at, read_days(given, "grace_days"))
        order = order._replace(grace_until=grace_until)
    order = order._replace(**read_terms(given))
    whole_term = order.begins_at is not None  # the former one, over or not
    if order.expires_at is not None and order.expires_at <= now and not whole_term:
        last = Reason(
            "the term of {number}, which ended at {ended},",
            number=former.jti,
            ended=utc(order.expires_at),
        )
        raise TermOverError(field="expires", last=last)
    _check_host(order)
    return order


def _without_end(act: Act, order: Order) -> LicenseStateError:
    """A perpetual licence has no end to count from: that is its state, and no wrong value."""
    return LicenseStateError(
        number=order.replaces or "",
        act=Reason(act.words.verb),
        became=Reason("is perpetual: it has no end to count from"),
    )


def _renewed(act: Act, order: Order, given: Mapping[str, Any], zone: tzinfo, now: int) -> Order:
    """*order* with another end; warning and grace keep their distance from it."""
    former = order.expires_at
    begins = claims.one_of(given, "continue_from", ("end", "now"))
    if former is None and begins == "end":
        raise _without_end(act, order)
    at_end = former is not None and (begins == "end" or (begins is None and former > now))
    # The last day that is covered: a term that continues begins on the next.
    start = former - 1 if at_end and former is not None else now
    expires_at = _expiry(given, zone, start, now)
    moved = None if expires_at is None or former is None else expires_at - former
    return order._replace(
        expires_at=expires_at,
        notify_from=_moved(order.notify_from, moved),
        grace_until=_moved(order.grace_until, moved),
    )


def _moved(instant: int | None, seconds: int | None) -> int | None:
    if instant is None or seconds is None:
        return None
    return max(0, min(MAX_INSTANT, instant + seconds))


def _check_host(order: Order) -> None:
    name, tags = order.request.name, order.request.tags or {}
    if name is not None and not name.isprintable():
        raise ClaimError("host", "the hostname in it has control characters")
    if order.match == "anchored" and not {"machine_id", "container_id"} & tags.keys():
        raise EvidenceMissingError(field="match", key=order.request.key)


def _number(given: Mapping[str, Any], name: str) -> str | None:
    value = claims.text(given, name)
    if value is not None and not NUMBER.fullmatch(value):
        raise ClaimError(name, Reason("{value!r} is not the number of a licence", value=value))
    return value


def _zone(given: Mapping[str, Any]) -> tzinfo:
    name = claims.text(given, "time_zone") or "UTC"
    if name == "UTC":
        return UTC  # known without the system's time zone data
    try:
        return ZoneInfo(name)
    except (OSError, KeyError, ValueError) as error:  # ZoneInfoNotFoundError is a KeyError
        reason = Reason(
            "{value!r} is not a time zone that this server knows, such as UTC; "
            "Asia/Shanghai and others come with its package tzdata",
            value=name,
        )
        raise ClaimError("time_zone", reason) from error


def _expiry(
    given: Mapping[str, Any], zone: tzinfo, start: int, now: int | None = None
) -> int | None:
    """The first instant after the term that begins on the day of *start*; None: perpetual.

    It must end after *now* (by default *start*).
    """
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
    else:
        expires_at = _days_after(start, days, zone)
    if expires_at is None or expires_at <= (start if now is None else now):
        last = given["expires"] if days is None else Reason("a term of {days} days", days=days)
        raise TermOverError(field="days" if days else "expires", last=last)
    return expires_at


@lru_cache(maxsize=256)  # many lines of a sheet have the same term
def _days_after(start: int, days: int, zone: tzinfo) -> int:
    try:
        first = datetime.fromtimestamp(start, zone).date()
        return _end_of(first + timedelta(days=days), zone)
    except (ValueError, OverflowError) as error:
        raise ClaimError("days", "the term ends beyond the calendar") from error


def _last_instant(given: Mapping[str, Any], name: str, zone: tzinfo) -> int | None:
    """The end of the day that *name* gives as ``2027-12-31``."""
    value = claims.text(given, name)
    if value is None:
        return None
    try:
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
            raise ValueError("another form")
        day = date.fromisoformat(value)
    except ValueError as error:
        reason = Reason("{value!r} is not a date such as 2027-12-31", value=value)
        raise ClaimError(name, reason) from error
    try:
        return _end_of(day, zone)
    except (ValueError, OverflowError) as error:
        reason = Reason("{value} is not between 1970 and 9999", value=value)
        raise ClaimError(name, reason) from error


def _end_of(day: date, zone: tzinfo) -> int:
    """The first instant after *day*. Raises OverflowError, ValueError beyond the calendar."""
    midnight = datetime.combine(day + timedelta(days=1), time(), zone)
    instant = int(midnight.astimezone(UTC).timestamp())
    if not 0 <= instant <= MAX_INSTANT:
        raise OverflowError("beyond the calendar")
    return instant
