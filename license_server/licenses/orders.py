"""An order: what the vendor decided to license, parsed once from JSON, a form or a command line.

The first licence of a line comes from a whole order. Those that replace it are ordered by what is
to be different: its term, its host, or what it allows. Parsing goes on after a fault, so that all
of them are known, each at its member; the first one is what a caller who reads one would meet.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Any, NamedTuple

from license_core import claims, received, request
from license_core.claims import MAX_INSTANT, ClaimError
from license_core.hostkey import LATER_PROFILES
from license_core.license import License
from license_core.reason import Reason
from license_core.request import LicenseRequest
from license_core.successor import Grant
from license_server.catalog import customer_names
from license_server.catalog.faults import Faults
from license_server.catalog.fields import choice_name, clean_text, present, truth
from license_server.catalog.terms import (
    DAY,
    DURATIONS,
    WARNINGS,
    read_days,
    read_terms,
)
from license_server.licenses import term_days
from license_server.licenses.acts import ISSUE, OVERRIDE, REISSUE, Act
from license_server.licenses.errors import EvidenceMissingError, LicenseStateError, TermOverError
from license_server.licenses.term_days import Day

NUMBER = re.compile(r"HS-[0-9]{4}-[0-9A-HJKMNP-TV-Z]{8}")
"""A licence's number; its last part is random, in Crockford's base 32."""

MEMBERS = ISSUE.may_change
"""Those of a whole order."""
_MEMBERS = frozenset(MEMBERS)
APART = ("customer", "host", "contract")
"""What each order of many says by itself, where the rest of them is the same."""
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LONGEST_CONTRACT = 100
STOP_GAP_DAYS = 7
"""How long a stop-gap is valid."""
_TELLING = ("container_id", "site", "cluster_uid", "machine_id")
"""The tags that tell a host, the first that there is: containers of one image have one machine id.
"""
_LATEST = timezone(timedelta(hours=-12))
"""Where each day ends last: for dates beside a time zone that is wrong."""


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
    time_zone: str = term_days.UTC_NAME
    """That of its last day."""
    contract: str | None = None
    """The number of the order or contract; no part of what is signed. So are the following:"""
    plan: str | None = None
    """The name of the product's plan."""
    kind: str | None = None
    """One of vocabulary.KINDS; None: of no such kind."""
    stands_for: str | None = None
    """The number of the licence that a stop-gap stands in for."""
    despite: str | None = None
    """The number of the earlier trial or stop-gap, where this one is an exception."""

    @property
    def last(self) -> Day | None:
        """Its last day; None: it is perpetual."""
        return term_days.last_of(self.expires_at, self.time_zone)

    @property
    def host_tag(self) -> str | None:
        """Of a trial: the tag that tells its host from others; None: there is none."""
        return telling_tag(self.request.tags) if self.kind == "trial" else None

    def grant(self) -> Grant:
        """What the licence will grant."""
        return Grant(
            self.expires_at,
            self.features,
            self.limits,
            self.edition,
            self.maintenance_until,
            self.match,
        )


def telling_tag(tags: Mapping[str, str] | None) -> str | None:
    """The one of a host's *tags* that tells it from others."""
    return next((tags[name] for name in _TELLING if name in tags), None) if tags else None


def parse_order(
    members: Mapping[str, Any], now: int, faults: Faults, asked: LicenseRequest | None = None
) -> Order | None:
    """The order that *members* make at the instant *now*; None: *faults* has why there is none.

    A null counts as absent. *asked* is what the operator's text says, where that was parsed before.
    What *faults* has already is not looked at again.
    """
    given, read = present(members), faults.read
    if not _MEMBERS.issuperset(given):
        _refuse_unknown(given, MEMBERS, faults)
    customer = read("customer", _required, customer_names.read, given, "customer")
    product = read("product", _required, choice_name, given, "product")
    text = None if asked else _host_text(given, faults)
    zone = _zone_or_latest(given, faults)
    expires_at = _expiry(given, zone, now, now, faults)
    terms = read_terms(given, faults)
    if text is not None:
        asked = read("host", received.parse, text)
    endless = expires_at is None and not faults.any_of(DURATIONS)
    notify_days = _days_before_end(given, "notify_days", endless, faults)
    grace_days = _days_before_end(given, "grace_days", endless, faults)
    maintenance_until = _maintenance_until(given, zone, faults)
    replaces = read("replaces", _number, given, "replaces") if "replaces" in given else None
    contract = read("contract", read_contract, given)
    if OVERRIDE in given:
        read(OVERRIDE, truth, given, OVERRIDE)
    match = terms.get("match") or "exact"
    if asked is None or not suits(asked, match, faults):
        return None
    return Order(
        customer=customer,
        product=product,
        request=asked,
        match=match,
        expires_at=expires_at,
        notify_from=_notify_from(expires_at, notify_days),
        grace_until=_grace_until(expires_at, grace_days),
        maintenance_until=maintenance_until,
        edition=terms.get("edition"),
        features=terms.get("features") or (),
        limits=terms.get("limits") or {},
        replaces=replaces,
        time_zone=given.get("time_zone", term_days.UTC_NAME),
        contract=contract,
    )


def parse_replacing(
    act: Act,
    former: License,
    former_zone: str,
    members: Mapping[str, Any],
    now: int,
    faults: Faults,
    standard: Mapping[str, Any] | None = None,
) -> Order | None:
    """The order for the licence that replaces *former* by *act*, or stands in for it.

    Where *members* say nothing, *standard* does, and days are those of *former_zone*, in which the
    former one was ordered. None: *faults* has why there is none, as for ``parse_order``.
    """
    given = present(members)
    _refuse_unknown(given, act.may_change, faults)
    given = {**(standard or {}), **given}
    if OVERRIDE in given:
        faults.read(OVERRIDE, truth, given, OVERRIDE)
    order = _as_before(former, former_zone, act)
    if act.sets_term or not {"time_zone", "maintenance_until"}.isdisjoint(given):
        zone = _zone_or_latest(given, faults, former_zone)
    else:
        zone = term_days.known_zone(former_zone)
    if act.stands_in:
        ends = _days_after(now, given["days"], zone)
        order = order._replace(expires_at=ends, notify_from=None, grace_until=None, replaces=None)
    elif act.sets_term:
        order = order._replace(time_zone=given.get("time_zone", former_zone))
        order = _renewed(act, order, given, zone, now, faults)
    elif former.exp is None:
        for member in WARNINGS:
            if given.get(member):
                faults.note(member, _without_end(act, order))
    order = order._replace(**_changes(order, act, given, zone, faults))
    _check_end(order, now, faults)
    return order if suits(order.request, order.match, faults) else None


def _refuse_unknown(given: Mapping[str, Any], allowed: tuple[str, ...], faults: Faults) -> None:
    reason = Reason("there is no such field; the fields are {allowed}", allowed=", ".join(allowed))
    faults.refuse_others(given, allowed, reason)


def _required(reader: Callable[..., Any], given: Mapping[str, Any], member: str) -> Any:
    return claims.required(reader(given, member), member)


def _host_text(given: Mapping[str, Any], faults: Faults) -> str | None:
    """What the operator sent; None where it is wrong."""
    if "host" in faults:
        return None
    text: str | None = faults.read("host", _required, long_text, given, "host")
    return text


def long_text(given: Mapping[str, Any], member: str) -> str | None:
    """A text such as an operator sends. Raises ClaimError."""
    return claims.text(given, member, longest=request.MAX_TEXT)


def _days_before_end(
    given: Mapping[str, Any], member: str, endless: bool, faults: Faults
) -> int | None:
    """The days that *member* counts from the end of a term, unless that is *endless*."""
    if member not in given:
        return None
    days: int | None = faults.read(member, read_days, given, member)
    if endless and days:
        faults.refuse(member, "a perpetual licence has no expiry date to count from")
    return days


def _notify_from(expires_at: int | None, days: int | None) -> int | None:
    return None if expires_at is None or days is None else max(0, expires_at - days * DAY)


def _grace_until(expires_at: int | None, days: int | None) -> int | None:
    return None if expires_at is None or not days else min(MAX_INSTANT, expires_at + days * DAY)


def _as_before(former: License, zone: str, act: Act) -> Order:
    return Order(
        customer=former.sub,
        product=former.aud,
        request=LicenseRequest(
            former.host.key,
            former.host.name,
            former.host.profile,
            former.host.tags,
            layer=former.host.layer,
            return_digest=former.host.return_digest,
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
        time_zone=zone,
    )


def _changes(
    order: Order, act: Act, given: Mapping[str, Any], zone: tzinfo, faults: Faults
) -> dict[str, Any]:
    """What is different from *order*, but for its term."""
    changes: dict[str, Any] = {}
    if act.names_host and ("host" in given or not act.stands_in):
        text = _host_text(given, faults)
        asked = None if text is None else faults.read("host", received.parse, text)
        changes["request"] = asked or order.request
        if act.stands_in and not _can_be_anchored(changes["request"]):
            changes["match"] = "exact"
    if "maintenance_until" in given:
        changes["maintenance_until"] = _maintenance_until(given, zone, faults)
    endless = order.expires_at is None and not faults.any_of(DURATIONS)
    if "notify_days" in given:
        days = _days_before_end(given, "notify_days", endless, faults)
        changes["notify_from"] = _notify_from(order.expires_at, days)
    if "grace_days" in given:
        days = _days_before_end(given, "grace_days", endless, faults)
        changes["grace_until"] = _grace_until(order.expires_at, days)
    if "contract" in given:
        changes["contract"] = faults.read("contract", read_contract, given)
    return changes | read_terms(given, faults)


def _check_end(order: Order, now: int, faults: Faults) -> None:
    """Note where the term that goes on was over at the instant *now*."""
    whole_term = order.begins_at is not None  # the former one, over or not
    over = order.expires_at is not None and order.expires_at <= now
    if over and not whole_term and not faults.any_of(DURATIONS):
        last = Reason(
            "the term of {number} (last day {day})", number=order.replaces, day=str(order.last)
        )
        faults.note("expires", TermOverError(field="expires", last=last))


def _without_end(act: Act, order: Order) -> LicenseStateError:
    """A perpetual licence has no end to count from: that is its state, and no wrong value."""
    return LicenseStateError(
        number=order.replaces or "",
        act=Reason(act.words.verb),
        became=Reason("is perpetual, so there is no expiry date to count from"),
    )


def _renewed(
    act: Act, order: Order, given: Mapping[str, Any], zone: tzinfo, now: int, faults: Faults
) -> Order:
    """*order* with another end; warning and grace keep their distance from it."""
    former = order.expires_at
    begins = faults.read("continue_from", claims.one_of, given, "continue_from", ("end", "now"))
    if former is None and begins == "end":
        faults.note("continue_from", _without_end(act, order))
    at_end = former is not None and (begins == "end" or (begins is None and former > now))
    # The last day that is covered: a term that continues begins on the next.
    start = former - 1 if at_end and former is not None else now
    expires_at = _expiry(given, zone, start, now, faults)
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


def _can_be_anchored(asked: LicenseRequest) -> bool:
    return bool({"machine_id", "container_id"} & (asked.tags or {}).keys())


def suits(asked: LicenseRequest, match: str, faults: Faults) -> bool:
    """Whether a licence can be bound to that host as *match* says, and nothing else is wrong."""
    if asked.name is not None and not asked.name.isprintable():
        faults.refuse("host", "its hostname contains control characters")
    if match == "anchored" and asked.profile in LATER_PROFILES:
        reason = "profile {profile} has nothing that may change; choose exact"
        faults.refuse("match", Reason(reason, profile=asked.profile))
    elif match == "anchored" and not _can_be_anchored(asked):
        faults.note("match", EvidenceMissingError(field="match", key=asked.key))
    return not faults


def _number(given: Mapping[str, Any], name: str) -> str | None:
    value = claims.text(given, name)
    if value is not None and not NUMBER.fullmatch(value):
        raise ClaimError(name, Reason("{value!r} is not a licence number", value=value))
    return value


def read_contract(given: Mapping[str, Any]) -> str | None:
    """The number of the order or contract. Raises ClaimError."""
    return clean_text(given, "contract", _LONGEST_CONTRACT)


def _maintenance_until(given: Mapping[str, Any], zone: tzinfo, faults: Faults) -> int | None:
    member = "maintenance_until"
    if member not in given:
        return None
    until: int | None = faults.read(member, _last_instant, given, member, zone)
    return until


def _zone_or_latest(
    given: Mapping[str, Any], faults: Faults, otherwise: str = term_days.UTC_NAME
) -> tzinfo:
    """The time zone of the days in *given*; *otherwise*, where it names none."""
    if "time_zone" not in given:
        return faults.read("time_zone", _zone_before, otherwise) or _LATEST
    return faults.read("time_zone", _zone, given) or _LATEST


def _zone_before(name: str) -> tzinfo:
    """The one in which a former licence was ordered, perhaps by another server."""
    try:
        return term_days.zone_of(name)
    except term_days.NO_ZONE as error:
        reason = Reason(
            "this server has no time zone {value!r}, in which the licence was ordered; name "
            "another one, or install the tzdata package",
            value=name,
        )
        raise ClaimError("time_zone", reason) from error


def _zone(given: Mapping[str, Any]) -> tzinfo:
    name = claims.text(given, "time_zone") or term_days.UTC_NAME
    try:
        return term_days.zone_to_order_in(name)
    except term_days.NO_ZONE as error:
        reason = Reason(
            "{value!r} is not a known time zone; UTC always works, "
            "Asia/Shanghai and others need the tzdata package",
            value=name,
        )
        raise ClaimError("time_zone", reason) from error


def _expiry(
    given: Mapping[str, Any], zone: tzinfo, start: int, now: int, faults: Faults
) -> int | None:
    """The first instant after the term that begins on the day of *start*; None: perpetual.

    It must end after *now*.
    """
    perpetual = "perpetual" in given and faults.read("perpetual", truth, given, "perpetual")
    lengths = [member for member in ("days", "expires") if member in given]
    lengths += ["perpetual"] if perpetual else []
    # What a plan or a product would have said is not missing while that one is wrong.
    unsaid = not lengths and any(name in faults for name in ("plan", "product") if name in given)
    if len(lengths) != 1 and not unsaid and not faults.any_of(DURATIONS):
        reason = "exactly one of days, expires and perpetual must be given"
        faults.refuse(lengths[1] if lengths else "days", reason)
    expires_at: int | None = None
    if "days" in given:
        expires_at = faults.read("days", _end_of_days, given, zone, start, now)
    if "expires" in given:
        expires_at = faults.read("expires", _end_of_last_day, given, zone, now)
    return expires_at


def _end_of_days(given: Mapping[str, Any], zone: tzinfo, start: int, now: int) -> int:
    days = read_days(given, "days", 1) or 0
    expires_at = _days_after(start, days, zone)
    if expires_at <= now:
        raise TermOverError(field="days", last=Reason("a {days}-day term", days=days))
    return expires_at


def _end_of_last_day(given: Mapping[str, Any], zone: tzinfo, now: int) -> int:
    expires_at = _last_instant(given, "expires", zone) or 0
    if expires_at <= now:
        raise TermOverError(field="expires", last=given["expires"])
    return expires_at


@lru_cache(maxsize=256)  # many lines of a sheet have the same term
def _days_after(start: int, days: int, zone: tzinfo) -> int:
    try:
        first = datetime.fromtimestamp(start, zone).date()
        return term_days.end_of(first + timedelta(days=days), zone)
    except (ValueError, OverflowError) as error:
        raise ClaimError("days", "the term ends after the year 9999") from error


def _last_instant(given: Mapping[str, Any], name: str, zone: tzinfo) -> int | None:
    """The end of the day that *name* gives as ``2027-12-31``."""
    value = claims.text(given, name)
    if value is None:
        return None
    try:
        if not _DAY.fullmatch(value):
            raise ValueError("another form")
        day = date.fromisoformat(value)
    except ValueError as error:
        reason = Reason("{value!r} is not a date such as 2027-12-31", value=value)
        raise ClaimError(name, reason) from error
    try:
        return term_days.end_of(day, zone)
    except (ValueError, OverflowError) as error:
        reason = Reason("{value} is not between 1970 and 9999", value=value)
        raise ClaimError(name, reason) from error
